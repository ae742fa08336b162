import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { format, resolveConfig } from 'prettier';
import type { HandWrittenMutant, HandWrittenResult } from './hand-written-run.ts';
import type { MutantResult } from './operator-run.ts';

/** The last run, as it is kept in the repository. */
export interface MutationResults {
  /** By file. */
  readonly operators: Readonly<Record<string, FileResult>>;
  /** By name. */
  readonly handWritten: Readonly<Record<string, HandWrittenRecord>>;
}

export interface FileResult extends Provenance {
  readonly mutants: number;
  readonly killed: number;
  readonly timedOut: number;
  readonly survivors: readonly Survivor[];
}

export interface Survivor {
  readonly where: string;
  readonly change: string;
}

export interface HandWrittenRecord extends Provenance {
  readonly file: string;
  readonly outcome: HandWrittenResult['outcome'];
  readonly test: HandWrittenMutant['test'];
}

interface Provenance {
  /** `2026-01-31`. */
  readonly date: string;
  /** Of what decides what is found: `node 24.21.0, mocha 12.0.3`. */
  readonly with: string;
}

const FILE = new URL('results.json', import.meta.url);

export async function readResults(): Promise<MutationResults> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written below and nowhere else
  return JSON.parse(await readFile(FILE, 'utf8')) as MutationResults;
}

export async function writeResults(results: MutationResults): Promise<void> {
  const text = JSON.stringify({ operators: sorted(results.operators), handWritten: sorted(results.handWritten) });
  const config = await resolveConfig(FILE);
  await writeFile(FILE, await format(text, { ...config, filepath: 'results.json' }));
}

/** The results with those of one file, in place of what was known of it. */
export function withFile(results: MutationResults, file: string, mutants: readonly MutantResult[]): MutationResults {
  const withOutcome = (outcome: MutantResult['outcome']) => mutants.filter((mutant) => mutant.outcome === outcome);
  const result: FileResult = {
    ...provenance(),
    mutants: mutants.length,
    killed: withOutcome('killed').length,
    timedOut: withOutcome('timedOut').length,
    survivors: withOutcome('survived').map(({ where, change }) => ({ where, change })),
  };
  return { ...results, operators: { ...results.operators, [file]: result } };
}

export function withHandWritten(
  results: MutationResults,
  { test }: HandWrittenMutant,
  { name, file, outcome }: HandWrittenResult,
): MutationResults {
  const record = { ...provenance(), file, outcome, test };
  return { ...results, handWritten: { ...results.handWritten, [name]: record } };
}

/** Only what is mutated today. */
export function only(results: MutationResults, files: readonly string[], names: readonly string[]): MutationResults {
  const pick = <Value>(table: Readonly<Record<string, Value>>, keys: readonly string[]): Record<string, Value> =>
    Object.fromEntries(Object.entries(table).filter(([key]) => keys.includes(key)));
  return { operators: pick(results.operators, files), handWritten: pick(results.handWritten, names) };
}

function provenance(): Provenance {
  const mocha: unknown = createRequire(import.meta.url)('mocha/package.json');
  const version = String(Reflect.get(Object(mocha), 'version'));
  return { date: new Date().toISOString().slice(0, 10), with: `node ${process.versions.node}, mocha ${version}` };
}

function sorted<Value>(table: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(table).toSorted(([left], [right]) => (left < right ? -1 : 1)));
}
