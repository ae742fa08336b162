import { fork, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { mutantsOf, toJavaScript } from './mutants.ts';
import type { MutantAnswer, MutantJob } from './mutant-process.ts';

/** Modules are never unloaded, so a process is replaced after so many mutants. */
const MUTANTS_PER_PROCESS = 150;
/** A mutant may loop for ever: it is killed after the time of the tests without it, many times over. */
const LEAST_PATIENCE_MS = 5_000;
const PATIENCE_FACTOR = 10;

export type MutantOutcome = { readonly outcome: 'survived' | 'killed' | 'timedOut'; readonly killedBy?: string };

export interface MutantResult extends MutantOutcome {
  readonly where: string;
  readonly change: string;
}

/** Runs tests against mutants in a process of its own, which is replaced when it hangs or has grown. */
class MutantRunner {
  #child: ChildProcess | undefined;
  #runs = 0;

  async run(job: MutantJob, patienceMs: number): Promise<MutantAnswer | { readonly outcome: 'timedOut' }> {
    if (this.#runs >= MUTANTS_PER_PROCESS) this.stop();
    this.#child ??= fork(new URL('mutant-process.ts', import.meta.url), {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    this.#runs++;
    const child = this.#child;
    const answer = Promise.withResolvers<MutantAnswer | { readonly outcome: 'timedOut' }>();
    const onExit = (): void => answer.resolve({ outcome: 'killed', killedBy: 'the process ended' });
    const timer = setTimeout(() => answer.resolve({ outcome: 'timedOut' }), patienceMs);
    child.once('message', (message: MutantAnswer) => answer.resolve(message));
    child.once('exit', onExit);
    child.send(job);
    const outcome = await answer.promise;
    clearTimeout(timer);
    child.off('exit', onExit);
    child.removeAllListeners('message');
    if (outcome.outcome === 'timedOut' || child.exitCode !== null) this.stop();
    return outcome;
  }

  stop(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
    this.#runs = 0;
  }
}

/**
 * Every mutant of one file against the file's tests.
 *
 * @throws Error when the tests fail, or are none, without any mutant
 */
export async function runPure(
  file: string,
  tests: readonly string[],
  parallel = availableParallelism(),
): Promise<readonly MutantResult[]> {
  const mutants = mutantsOf(toJavaScript(await readFile(file, 'utf8')));
  const runners = Array.from({ length: Math.max(1, parallel) }, () => new MutantRunner());
  try {
    const patienceMs = Math.max(LEAST_PATIENCE_MS, PATIENCE_FACTOR * (await timeOf(file, tests, runners)));
    const results: MutantResult[] = [];
    const queue = mutants.entries();
    await Promise.all(
      runners.map(async (runner) => {
        for (const [index, { where, change, code }] of queue) {
          const { outcome, ...rest } = await runner.run({ file, tests, code }, patienceMs);
          results[index] = { where, change, outcome, ...('killedBy' in rest ? { killedBy: rest.killedBy } : {}) };
        }
      }),
    );
    return results;
  } finally {
    for (const runner of runners) runner.stop();
  }
}

/** Starts the processes too, so that the first mutants are timed like all others. */
async function timeOf(file: string, tests: readonly string[], runners: readonly MutantRunner[]): Promise<number> {
  const times = await Promise.all(
    runners.map(async (runner) => {
      const begun = performance.now();
      const unchanged = await runner.run({ file, tests }, 120_000);
      if (unchanged.outcome !== 'survived' || unchanged.tests === 0)
        throw new Error(`${file}: its tests do not pass without a mutant: ${JSON.stringify(unchanged)}`);
      return performance.now() - begun;
    }),
  );
  return Math.max(...times);
}
