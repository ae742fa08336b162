import { registerHooks } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import Mocha from 'mocha';
import { toJavaScript } from './mutants.ts';
import { readFileSync } from 'node:fs';

/**
 * Runs tests against mutants, one after the other in one process: what comes from `node_modules` is loaded once, and each mutant
 * gets all modules of the project anew, so that what a module makes of itself when it is loaded is mutated too.
 */

/** One run of tests, sent by the parent process. */
export interface MutantJob {
  /** The file under test and the tests, below the working directory. */
  readonly file: string;
  readonly tests: readonly string[];
  /** What stands in for the file; the file itself when left out. */
  readonly code?: string;
}

/** `killedBy`: title of the first test that failed. */
export type MutantAnswer =
  { readonly outcome: 'survived'; readonly tests: number } | { readonly outcome: 'killed'; readonly killedBy: string };

const PROJECT = pathToFileURL(`${process.cwd()}${path.sep}`).href;

let generation = 0;
let job: MutantJob | undefined;
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
    const isMutated = job?.code !== undefined && file === path.resolve(job.file);
    return { format: 'module', shortCircuit: true, source: isMutated ? job?.code : readOnce(file) };
  },
});

function readOnce(file: string): string {
  const known = javaScript.get(file);
  if (known !== undefined) return known;
  const code = toJavaScript(readFileSync(file, 'utf8'));
  javaScript.set(file, code);
  return code;
}

async function run({ tests }: MutantJob): Promise<MutantAnswer> {
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
      resolve(killedBy === undefined ? { outcome: 'survived', tests: passed } : { outcome: 'killed', killedBy });
    });
    runner.on('pass', () => passed++);
    runner.on('fail', (test) => (killedBy ??= test.fullTitle()));
  });
}

process.on('message', (message: MutantJob) => {
  generation++;
  job = message;
  void run(message).then((answer) => process.send?.(answer));
});
