import { readFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import Mocha from 'mocha';
import { mutantsOf, type Mutant, type MutantName } from './mutants.ts';

/**
 * Runs tests against mutants, one after the other in one process: what comes from `node_modules` is loaded once, and each mutant
 * gets all modules of the project anew, so that what a module makes of itself when it is loaded is mutated too.
 */

/** One run of tests, sent by the parent process. */
export interface MutantJob {
  /** The file under test and the tests, below the working directory. */
  readonly file: string;
  readonly tests: readonly string[];
  /** Which of the file's mutants stands in for it; the file itself when left out. */
  readonly mutant?: number;
}

/** Without a mutant all tests pass, or this is of no use; the file's mutants come along. */
export type MutantAnswer =
  | { readonly outcome: 'survived'; readonly tests: number; readonly mutants: readonly MutantName[] }
  /** `killedBy`: title of the first test that failed. */
  | { readonly outcome: 'killed'; readonly killedBy: string };

const PROJECT = pathToFileURL(`${process.cwd()}${path.sep}`).href;

let generation = 0;
let job: MutantJob | undefined;
let mutants: readonly Mutant[] = [];
const javaScript = new Map<string, string>();

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    if (!resolved.url.startsWith(PROJECT) || resolved.url.includes('/node_modules/')) return resolved;
    return { ...resolved, url: `${resolved.url.replace(/\?.*$/, '')}?mutant=${generation}` };
  },
  load(url, context, nextLoad) {
    const { pathname, search } = new URL(url);
    if (search !== `?mutant=${generation}`) return nextLoad(url, context);
    const file = decodeURIComponent(pathname);
    const mutant = job && file === path.resolve(job.file) ? mutants[job.mutant ?? -1] : undefined;
    return { format: 'module', shortCircuit: true, source: mutant?.code ?? readOnce(file) };
  },
});

function readOnce(file: string): string {
  const known = javaScript.get(file);
  if (known !== undefined) return known;
  // The types are blanked out, so that every place in it is the place in the source.
  const code = stripTypeScriptTypes(readFileSync(file, 'utf8'));
  javaScript.set(file, code);
  return code;
}

async function run({ tests, mutant }: MutantJob): Promise<MutantAnswer> {
  // The same cases for every mutant, and no search for the smallest one: a failure is all that is asked for.
  fc.configureGlobal({ seed: 1, endOnFailure: true });
  const mocha = new Mocha({ bail: true, ui: 'bdd', timeout: 10_000, reporter: Mocha.reporters.Base });
  try {
    for (const test of tests) {
      const file = path.resolve(test);
      mocha.suite.emit(Mocha.Suite.constants.EVENT_FILE_PRE_REQUIRE, globalThis, file, mocha);
      await import(pathToFileURL(file).href);
    }
  } catch (error) {
    return { outcome: 'killed', killedBy: `not loaded: ${String(error)}` };
  }
  return new Promise((resolve) => {
    let killedBy: string | undefined;
    let passed = 0;
    const runner = mocha.run(() => {
      mocha.dispose();
      if (killedBy !== undefined) resolve({ outcome: 'killed', killedBy });
      else resolve({ outcome: 'survived', tests: passed, mutants: mutant === undefined ? mutants.map(nameOf) : [] });
    });
    runner.on('pass', () => passed++);
    runner.on('fail', (test) => (killedBy ??= test.fullTitle()));
  });
}

function nameOf({ where, change }: Mutant): MutantName {
  return { where, change };
}

process.on('message', (message: MutantJob) => {
  generation++;
  if (message.file !== job?.file) mutants = mutantsOf(readOnce(path.resolve(message.file)));
  job = message;
  void run(message).then((answer) => process.send?.(answer));
});
