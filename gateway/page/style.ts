import { createHash } from 'node:crypto';
import { Html } from './html.ts';

const STYLE = `:root{color-scheme:light dark;--ink:#1a2130;--soft:#586277;--line:#dbe0e9;--back:#f4f6f9;--card:#fff;--accent:#0b57d0;--on-accent:#fff;--stop:#a8071a;--stop-back:#fdf0f0;--good:#0a6b3d;--good-back:#eaf6ef;--hand:#7a4d00;--hand-back:#fdf3dc}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#9aa5b8;--line:#323a48;--back:#12161d;--card:#1a202a;--accent:#8ab4f8;--on-accent:#0b1a33;--stop:#ff9a9a;--stop-back:#36191c;--good:#7fd6a4;--good-back:#14301f;--hand:#f0c56d;--hand-back:#352a12}}
*{box-sizing:border-box}
body{margin:0;overflow-wrap:anywhere;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
header,main{max-width:64rem;margin:0 auto;padding:0 1rem}
header{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;justify-content:space-between;padding-top:1rem;padding-bottom:1rem}
header p{margin:0;color:var(--soft)}
header a{color:inherit;font-weight:650;text-decoration:none}
header form{display:inline}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0 1rem}
h2{font-size:1.05rem;margin:0 0 .75rem}
section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem;margin:0 0 1.25rem}
dl{display:flex;flex-wrap:wrap;gap:.75rem 2.25rem;margin:0}
dt{color:var(--soft);font-size:.85rem}
dd{margin:0;font-size:1.15rem;font-weight:600}
table{border-collapse:collapse;width:100%}
time{white-space:nowrap}
th,td{min-width:5.2rem;text-align:left;padding:.55rem 1rem .55rem 0;border-top:1px solid var(--line);vertical-align:top}
thead th{border-top:0;padding-top:0;color:var(--soft);font-size:.85rem;font-weight:600}
tbody th{font-weight:600}
td:last-child{padding-right:0}
td[data-head=Content]{min-width:7.5rem}
table+.inline{border-top:1px solid var(--line);padding-top:1rem}
code,.id{font:12px/1.5 ui-monospace,monospace;color:var(--soft);font-weight:400}
.id{display:block}
.none,.hint{color:var(--soft);margin:.25rem 0 0}
.hint{font-size:.85rem}
.alert,.notice{border-radius:.6rem;padding:.75rem 1rem;margin:0 0 1.25rem}
.alert{background:var(--stop-back);color:var(--stop)}
.notice{background:var(--good-back);color:var(--good)}
.alert p,.notice p{margin:0}
.badge{display:inline-block;background:var(--hand-back);color:var(--hand);border-radius:.35rem;padding:0 .4rem;font-size:.8rem;font-weight:600}
label{display:block;font-weight:600;margin:0 0 .25rem}
input{width:100%;max-width:32rem;font:inherit;color:inherit;background:var(--back);border:1px solid var(--soft);border-radius:.4rem;padding:.4rem .6rem}
.field{margin:0 0 1rem}
.inline{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end}
.inline .field{flex:1 1 14rem;margin:0}
button{font:inherit;font-weight:600;cursor:pointer;border:1px solid var(--accent);border-radius:.4rem;padding:.35rem .9rem;background:var(--accent);color:var(--on-accent)}
button.quiet{background:none;color:var(--accent)}
button.stop{background:none;border-color:var(--stop);color:var(--stop)}
button.stop:hover{background:var(--stop-back)}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.row{display:flex;flex-wrap:wrap;gap:.75rem;align-items:center;justify-content:space-between}
@media(max-width:44rem){table,tbody,tr,th,td{display:block}thead{position:absolute;clip-path:inset(50%)}tr{border-top:1px solid var(--line);padding:.6rem 0}th,td{border:0;padding:.1rem 0}td[data-head]::before{content:attr(data-head) ": ";color:var(--soft)}td button{width:100%;margin-top:.4rem}}`;

/** Whole, because the policy allows exactly this text by its hash. */
export const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** No script, no style but ours, nothing from elsewhere, nowhere to be framed. */
export const CONTENT_POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;
