import { format, resolveConfig } from 'prettier';
import type { FileResult, MutationResults, Survivor } from './results.ts';

/** Parts of the document that are written from the results; reasons in them are kept. */
const PARTS = ['scores', 'survivors', 'hand-written'] as const;

/**
 * The document with the tables of these results. What a reader wrote of a survivor stays with it, as long as it survives; a
 * new survivor comes with an empty reason.
 */
export async function withTables(document: string, results: MutationResults): Promise<string> {
  const reasons = reasonsIn(document);
  const tables: Readonly<Record<(typeof PARTS)[number], string>> = {
    scores: scoresOf(results),
    survivors: survivorsOf(results, reasons),
    'hand-written': handWrittenOf(results, reasons),
  };
  const text = PARTS.reduce((text, part) => replacePart(text, part, tables[part]), document);
  return format(text, { ...(await resolveConfig('docs/mutation-tests.md')), parser: 'markdown' });
}

/** Rows of survivors that say nothing of why they may survive. */
export function unexplained(document: string): readonly string[] {
  return [...reasonsIn(document)].filter(([, reason]) => reason === '').map(([row]) => row);
}

function scoresOf({ operators }: MutationResults): string {
  const rows = Object.entries(operators).map(([file, result]) => [
    code(file),
    String(result.mutants),
    String(result.survivors.length),
    `${scoreOf([result])} %`,
    result.date,
    result.with,
  ]);
  const all = Object.values(operators);
  const sum = (count: (result: FileResult) => number) =>
    String(all.reduce((total, result) => total + count(result), 0));
  rows.push([
    'all',
    sum(({ mutants }) => mutants),
    sum(({ survivors }) => survivors.length),
    `${scoreOf(all)} %`,
    '',
    '',
  ]);
  return table(['file', 'mutants', 'survived', 'score', 'date', 'with'], rows);
}

/** Share of the mutants that were noticed, in per cent, never rounded up to all of them. */
function scoreOf(results: readonly FileResult[]): string {
  const mutants = results.reduce((sum, result) => sum + result.mutants, 0);
  const survived = results.reduce((sum, { survivors }) => sum + survivors.length, 0);
  return (Math.floor((1_000 * (mutants - survived)) / Math.max(1, mutants)) / 10).toFixed(1);
}

function survivorsOf({ operators }: MutationResults, reasons: ReadonlyMap<string, string>): string {
  return Object.entries(operators)
    .filter(([, { survivors }]) => survivors.length > 0)
    .map(([file, { survivors }]) => {
      const rows = survivors.map((survivor) => {
        const { where, change } = survivor;
        return [code(where), code(change), reasons.get(rowKey(file, survivor)) ?? ''];
      });
      return `### ${code(file)}\n\n${table(['in', 'change', 'why it may survive'], rows)}`;
    })
    .join('\n\n');
}

function handWrittenOf({ handWritten }: MutationResults, reasons: ReadonlyMap<string, string>): string {
  const rows = Object.entries(handWritten).map(([name, { file, outcome, test }]) => {
    const survived = outcome === 'survived';
    const note = survived ? (reasons.get(rowKey('', { where: name, change: 'survived' })) ?? '') : test[1];
    return [name, code(file), survived ? 'survived' : 'killed', note];
  });
  return table(['mutant', 'in', 'outcome', 'by the test, or why it may survive'], rows);
}

/** By file, place and change; of a mutant made by hand, by its name. */
function reasonsIn(document: string): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  let file = '';
  for (const line of partOf(document, 'survivors').split('\n')) {
    file = /^### `(.*)`$/.exec(line)?.[1] ?? file;
    const [where, change, reason] = cellsOf(line);
    if (where?.startsWith('`') && change !== undefined)
      reasons.set(rowKey(file, { where: plain(where), change: plain(change) }), reason ?? '');
  }
  for (const line of partOf(document, 'hand-written').split('\n')) {
    const [name, , outcome, reason] = cellsOf(line);
    if (name !== undefined && outcome === 'survived')
      reasons.set(rowKey('', { where: name, change: outcome }), reason ?? '');
  }
  return reasons;
}

function rowKey(file: string, { where, change }: Survivor): string {
  return JSON.stringify([file, where, change]);
}

function partOf(document: string, part: string): string {
  const [, text = ''] = document.split(new RegExp(`<!-- /?${part} -->`));
  return text;
}

function replacePart(document: string, part: string, text: string): string {
  const [before, , after] = document.split(new RegExp(`<!-- /?${part} -->`));
  if (before === undefined || after === undefined) throw new Error(`the document has no part ${part}`);
  return `${before}<!-- ${part} -->\n\n${text}\n\n<!-- /${part} -->${after}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function cellsOf(line: string): readonly string[] {
  if (!line.startsWith('|')) return [];
  return line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

/** In more backticks than stand in it; a bar would end the cell. */
function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const padded = longest > 0 ? ` ${text} ` : text;
  return `${fence}${padded.replaceAll('|', String.raw`\|`)}${fence}`;
}

function plain(cell: string): string {
  const fence = /^`+/.exec(cell)?.[0] ?? '';
  const text = cell.slice(fence.length, cell.length - fence.length).replaceAll(String.raw`\|`, '|');
  // The formatter drops the padding where no backtick stands next to it.
  return fence.length > 1 && text.startsWith(' ') && text.endsWith(' ') ? text.slice(1, -1) : text;
}
