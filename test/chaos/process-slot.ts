import { setTimeout as sleep } from 'node:timers/promises';
import { BridgeCounter } from '../../local/bridge-counts.ts';
import { startWorkerProcess, type WorkerProcess, type WorkerProcessOptions } from '../../local/worker-process.ts';
import { findSecrets, secretsOf } from '../support/secret-search.ts';
import type { ProcessLife } from './accounting.ts';

const LOOK_EVERY_MS = 500;
const RESTART_AFTER_MS = 300;
const READY_TIMEOUT_MS = 600_000;
/** More of the same say nothing new. */
const MOST_EXPOSED = 5;

/** A place in which one worker process after the other runs: what dies is started anew, as an orchestrator does. */
export class ProcessSlot {
  readonly name: string;
  readonly lives: ProcessLife[] = [];
  readonly #options: WorkerProcessOptions;
  readonly #secrets: readonly string[];
  /** Secrets that the present process told. */
  #exposed: string[] = [];
  #process: WorkerProcess | undefined;
  #killed = false;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(name: string, options: WorkerProcessOptions) {
    this.name = name;
    this.#options = {
      ...options,
      onLine: (line) => {
        this.#search(line);
        options.onLine?.(line);
      },
    };
    this.#secrets = [options.stream.apiSecret, ...secretsOf(options.env ?? {})];
  }

  start(): void {
    this.#running = this.#run();
  }

  /** SIGKILL; another process takes its place. @returns whether there was one to kill */
  kill(): boolean {
    if (!this.#process || this.#killed) return false;
    this.#killed = true;
    this.#process.kill('SIGKILL');
    return true;
  }

  async ready(timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      try {
        await this.#process?.ready(Math.max(1, deadline - Date.now()));
        if (this.#process) return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
      await sleep(RESTART_AFTER_MS);
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#process?.stop();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#exposed = [];
      const process = await startWorkerProcess(this.#options);
      this.#killed = false;
      this.#process = process;
      const counter = new BridgeCounter();
      const ended = new AbortController();
      const watching = this.#watch(process, counter, ended.signal);
      let wasReady = false;
      const becoming = process.ready(READY_TIMEOUT_MS).then(
        () => (wasReady = true),
        () => false,
      );
      const { code, signal } = await process.exited;
      ended.abort();
      await becoming;
      const seen = await watching;
      this.#process = undefined;
      this.lives.push({
        name: this.name,
        pid: process.pid,
        // A process that cannot reach Temporal at its start ends with 1 and is started again; that is no crash.
        end: this.#killed ? 'killed' : signal === null && (code === 0 || !wasReady) ? 'stopped' : 'died',
        exposed: this.#exposed,
        ...(seen && this.name.startsWith('bridge') ? { counts: counter.counts } : {}),
      });
      await sleep(RESTART_AFTER_MS);
    }
  }

  #search(text: string): void {
    if (this.#exposed.length < MOST_EXPOSED) this.#exposed.push(...findSecrets(text, this.#secrets));
  }

  async #watch(process: WorkerProcess, counter: BridgeCounter, ended: AbortSignal): Promise<boolean> {
    let seen = false;
    while (!ended.aborted) {
      try {
        const answer = await fetch(process.metricsUrl, { signal: AbortSignal.timeout(2_000) });
        const page = await answer.text();
        counter.observe(page);
        this.#search(page);
        seen = true;
      } catch {
        // Not up yet, or gone.
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal: ended }).catch(() => undefined);
    }
    return seen;
  }
}
