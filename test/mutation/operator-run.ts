import { fork, type ChildProcess } from 'node:child_process';
import type { MutantAnswer, MutantJob } from './mutant-process.ts';
import type { MutantName } from './mutants.ts';
import type { Target } from './targets.ts';

/** Modules are never unloaded, so a process is replaced after so many mutants. */
const MUTANTS_PER_PROCESS = 150;
/** A mutant may loop for ever: it is given up after many times what the tests take without it. */
const LEAST_PATIENCE_MS = 5_000;
const PATIENCE_FACTOR = 10;

export interface MutantResult extends MutantName {
  /** One that is given up counts as killed: somebody notices a program that hangs. */
  readonly outcome: 'survived' | 'killed' | 'timedOut';
  /** Title of the first test that failed. */
  readonly killedBy?: string;
}

type Answer = MutantAnswer | { readonly outcome: 'timedOut' };

/**
 * Runs every mutant of one file, or of the parts of it that are meant, against the file's tests.
 *
 * @throws Error when the tests fail, or are none, without any mutant
 */
export async function runOperators(
  file: string,
  { tests, only }: Target,
  parallel: number,
): Promise<readonly MutantResult[]> {
  const processes = Array.from({ length: parallel }, () => new MutantProcess());
  try {
    const { mutants, tookMs } = await runUnchanged({ file, tests }, processes);
    const patienceMs = Math.max(LEAST_PATIENCE_MS, PATIENCE_FACTOR * tookMs);
    const results: MutantResult[] = [];
    const isMeant = ({ where }: MutantName): boolean => !only || only.some((name) => where.split('.')[0] === name);
    const queue = [...mutants.entries()].filter(([, name]) => isMeant(name)).values();
    await Promise.all(
      processes.map(async (process) => {
        for (const [mutant, name] of queue) {
          const answer = await process.run({ file, tests, mutant }, patienceMs);
          const killedBy = answer.outcome === 'killed' ? { killedBy: answer.killedBy } : {};
          results[mutant] = { ...name, outcome: answer.outcome, ...killedBy };
        }
      }),
    );
    return results.filter((result) => result !== undefined);
  } finally {
    for (const process of processes) process.stop();
  }
}

/** Starts the processes too, so that the first mutants find them as the others do. */
async function runUnchanged(
  job: MutantJob,
  processes: readonly MutantProcess[],
): Promise<{ readonly mutants: readonly MutantName[]; readonly tookMs: number }> {
  const begun = performance.now();
  const answers = await Promise.all(processes.map((process) => process.run(job, Infinity)));
  const tookMs = performance.now() - begun;
  for (const unchanged of answers) {
    if (unchanged.outcome === 'survived' && unchanged.tests > 0) continue;
    throw new Error(`${job.file}: its tests do not pass without a mutant: ${JSON.stringify(unchanged)}`);
  }
  const [first] = answers;
  return { mutants: first?.outcome === 'survived' ? first.mutants : [], tookMs };
}

/** Runs mutants in a process of its own, which is replaced when it hangs, ends or has grown. */
class MutantProcess {
  #child: ChildProcess | undefined;
  #runs = 0;

  async run(job: MutantJob, patienceMs: number): Promise<Answer> {
    if (this.#runs >= MUTANTS_PER_PROCESS) this.stop();
    this.#child ??= fork(new URL('mutant-process.ts', import.meta.url), {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    this.#runs++;
    const answer = await answerOf(this.#child, job, patienceMs);
    if (answer.outcome === 'timedOut' || this.#child.exitCode !== null) this.stop();
    return answer;
  }

  stop(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
    this.#runs = 0;
  }
}

async function answerOf(child: ChildProcess, job: MutantJob, patienceMs: number): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const onExit = (): void => resolve({ outcome: 'killed', killedBy: 'the process ended' });
  const timer = Number.isFinite(patienceMs)
    ? setTimeout(() => resolve({ outcome: 'timedOut' }), patienceMs)
    : undefined;
  child.once('message', resolve);
  child.once('exit', onExit);
  child.send(job);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    child.off('message', resolve);
    child.off('exit', onExit);
  }
}
