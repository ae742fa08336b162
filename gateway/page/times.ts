import { html, type Html } from './html.ts';

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/** A duration as people say it: `45 s`, `3 min`, `2 h`. Rounded down. */
export function span(milliseconds: number): string {
  for (const [name, unit] of UNITS) if (milliseconds >= unit) return `${Math.floor(milliseconds / unit)} ${name}`;
  return `${Math.max(0, Math.floor(milliseconds / 1_000))} s`;
}

/** A moment to the second, in UTC, as the server does not know where its reader is. */
export function clock(rfc3339: string): Html {
  const time = new Date(rfc3339);
  const [day = '', rest = ''] = time.toISOString().split('T');
  return html`<time datetime="${time.toISOString()}" title="${day}">${rest.slice(0, 8)} UTC</time>`;
}
