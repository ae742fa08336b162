import { setTimeout as delay } from 'node:timers/promises';
import { describeExit } from './owned-process.ts';
import { startWorkerProcess, type WorkerProcess, type WorkerProcessOptions } from './worker-process.ts';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** A worker that ran for so long is not in a loop of failures. */
const STEADY_AFTER_MS = 60_000;

export interface SupervisorOptions {
  /** What it is called in events; default `Worker`. */
  readonly name?: string;
  /** Told when the worker died, when it is started again, and when it is ready again. */
  readonly onEvent?: (line: string) => void;
  /** Called with the id of every worker process started. */
  readonly onStart?: (pid: number) => Promise<void>;
}

export interface SupervisedWorker {
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  readonly metricsUrl: string;
  readonly healthUrl: string;
  /** Times it died unexpectedly. */
  readonly restarts: number;
  /** Drains and ends it; it is not started again. */
  stop(): Promise<void>;
}

/**
 * Keeps a worker process running: one that dies is started again, on the same ports, after a pause that doubles from 1 s
 * to 30 s.
 * @throws Error when the first one does not become ready
 */
export async function superviseWorker(
  options: WorkerProcessOptions,
  { name = 'Worker', onEvent = () => undefined, onStart = () => Promise.resolve() }: SupervisorOptions = {},
): Promise<SupervisedWorker> {
  let worker = await startWorkerProcess(options);
  await onStart(worker.pid);
  const { metricsUrl, healthUrl } = worker;
  const fixed = { ...options, metricsPort: portOf(metricsUrl), healthPort: portOf(healthUrl) };
  const stopping = new AbortController();
  let restarts = 0;

  await worker.ready().catch(async (error: unknown) => {
    await worker.stop();
    throw error;
  });

  const keepRunning = async (): Promise<void> => {
    let startedAt = Date.now();
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const exit = await worker.exited;
      if (stopping.signal.aborted) return;
      restarts += 1;
      if (Date.now() - startedAt > STEADY_AFTER_MS) pauseMs = FIRST_PAUSE_MS;
      onEvent(`${name} ${worker.pid} died (${describeExit(exit)}); starting another in ${pauseMs / 1000} s`);
      await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      startedAt = Date.now();
      worker = await restart(worker, fixed, name, onEvent);
      await onStart(worker.pid);
    }
  };
  const supervision = keepRunning();

  return {
    get pid() {
      return worker.pid;
    },
    metricsUrl,
    healthUrl,
    get restarts() {
      return restarts;
    },
    stop: async () => {
      stopping.abort();
      await worker.stop();
      await supervision;
    },
  };
}

/** The old process where the new one cannot even be started, so that the next round tries again. */
async function restart(
  dead: WorkerProcess,
  options: WorkerProcessOptions,
  name: string,
  onEvent: (line: string) => void,
): Promise<WorkerProcess> {
  try {
    const worker = await startWorkerProcess(options);
    worker.ready().then(
      () => onEvent(`${name} ${worker.pid} is ready`),
      () => undefined,
    );
    return worker;
  } catch (error) {
    onEvent(`${name} could not be started: ${error instanceof Error ? error.message : String(error)}`);
    return dead;
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
