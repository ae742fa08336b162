import { readFile, writeFile } from 'node:fs/promises';
import { HAND_WRITTEN } from './hand-written/index.ts';
import { runHandWritten } from './hand-written-run.ts';
import { runOperators } from './operator-run.ts';
import { HELP, readOptions, type MutationOptions } from './options.ts';
import { unexplained, withTables } from './report.ts';
import { only, readResults, withFile, withHandWritten, writeResults } from './results.ts';
import { TARGETS } from './targets.ts';

const DOCUMENT = 'docs/mutation-tests.md';

const begun = performance.now();
function say(line: string): void {
  const seconds = ((performance.now() - begun) / 1000).toFixed(1).padStart(6);
  process.stdout.write(`${seconds} s  ${line}\n`);
}

/** @returns how many survived */
async function mutateFiles({ files, parallel }: MutationOptions): Promise<number> {
  let survived = 0;
  for (const file of files) {
    const mutants = await runOperators(file, TARGETS[file] ?? { tests: [] }, parallel);
    const survivors = mutants.filter(({ outcome }) => outcome === 'survived');
    say(`${file}: ${survivors.length} of ${mutants.length} survived`);
    for (const { where, change } of survivors) say(`    ${where}: ${change}`);
    survived += survivors.length;
    await writeResults(withFile(await readResults(), file, mutants));
  }
  return survived;
}

async function runByHand({ names, parallel }: MutationOptions): Promise<number> {
  const mutants = HAND_WRITTEN.filter(({ name }) => names.includes(name));
  if (mutants.length === 0) return 0;
  say(`${mutants.length} mutants made by hand: first their tests without any mutant`);
  const outcomes = await runHandWritten(mutants, parallel, ({ outcome, name }) => say(`${outcome}: ${name}`));
  let results = await readResults();
  for (const [index, outcome] of outcomes.entries()) {
    const mutant = mutants[index];
    if (mutant) results = withHandWritten(results, mutant, outcome);
  }
  await writeResults(results);
  return outcomes.filter(({ outcome }) => outcome === 'survived').length;
}

async function main(): Promise<void> {
  const names = HAND_WRITTEN.map(({ name }) => name);
  const files = Object.keys(TARGETS);
  const options = readOptions(process.argv.slice(2), files, names);
  if (!options) {
    process.stdout.write(HELP);
    return;
  }
  const survived = (await mutateFiles(options)) + (await runByHand(options));
  const results = only(await readResults(), files, names);
  await writeResults(results);
  const document = await withTables(await readFile(DOCUMENT, 'utf8'), results);
  await writeFile(DOCUMENT, document);
  const open = unexplained(document);
  say(
    `${survived} survived; ${open.length} in ${DOCUMENT} without a reason${open.map((row) => `\n    ${row}`).join('')}`,
  );
  if (open.length > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 2;
}
