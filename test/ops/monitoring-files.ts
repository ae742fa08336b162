/** What the files in `ops/` say, as far as tests ask; not a parser of YAML or PromQL. */

/** The `expr` of every rule, on one line or as a block. */
export function expressionsOfAlerts(yaml: string): string[] {
  const lines = yaml.split('\n');
  return lines.flatMap((line, index) => {
    const [, indent = '', rest = ''] = /^( +)expr: (.*)$/.exec(line) ?? [];
    if (rest !== '|') return rest === '' ? [] : [rest];
    const block = lines.slice(index + 1);
    const end = block.findIndex((next) => !next.startsWith(`${indent} `));
    return [block.slice(0, end === -1 ? undefined : end).join('\n')];
  });
}

const NAME_MATCHER = /\{__name__=~"([\w|]+)"/g;
/** Labels, literals and times, none of which are metrics. */
const NO_METRICS = [
  /"[^"]*"/g,
  /\{[^}]*\}/g,
  /\[[^\]]*\]/g,
  /\b(?:by|on|without|ignoring)\s*\([^)]*\)/g,
  /\boffset\s+\w+/g,
];
const OPERATORS = new Set(['or', 'and', 'unless']);

/** Every metric an expression reads. */
export function metricsIn(expression: string): string[] {
  const matched = [...expression.matchAll(NAME_MATCHER)].flatMap(([, names = '']) => names.split('|'));
  const rest = NO_METRICS.reduce((text, pattern) => text.replace(pattern, ' '), expression);
  const words = [...rest.matchAll(/\b([a-zA-Z_]\w*)\b(?!\s*\()/g)].map(([, word = '']) => word);
  return [...matched, ...words.filter((word) => !OPERATORS.has(word))];
}

export function runbookLinks(yaml: string): string[] {
  return [...yaml.matchAll(/runbook_url: docs\/runbook\.md#([\w-]+)$/gm)].map(([, anchor = '']) => anchor);
}

/** Anchors of a Markdown file's headings, as its hosts make them. */
export function runbookAnchors(markdown: string): Set<string> {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replace(/\s/g, '-'),
    ),
  );
}

/** Rows `[name](link) | \`query\`` of the runbook's table. */
export function savedViews(markdown: string): { readonly link: string; readonly query: string }[] {
  const rows = markdown.matchAll(/^\| \[[^\]]+\]\((http[^)]+)\) +\| `([^`]+)` +\|/gm);
  return [...rows].map(([, link = '', query = '']) => ({ link, query }));
}
