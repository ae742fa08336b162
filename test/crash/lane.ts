import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { connect, type StreamClient } from 'getstream';
import { startStreamServer, type StreamServer } from '../../local/stream/server.ts';
import { ensureNamespace, ensureSearchAttributes } from '../../local/temporal-namespace.ts';
import { startWorkerProcess, type WorkerProcess, type WorkerProcessOptions } from '../../local/worker-process.ts';
import { eventually } from '../support/eventually.ts';
import { sharedTemporal } from '../support/temporal.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';
import type { CrashPlan, KillPoint, PassedMoment } from './kill-points.ts';

const ACCESS = { apiKey: 'crash', apiSecret: 'crash-secret', appId: '1' };
const PRELOAD = pathToFileURL(path.join(import.meta.dirname, 'preload.ts')).href;
const READY_MS = 120_000;

/** Short, but long enough for a busy machine: a time-out that no kill caused would be a fault of the case. */
const WORKER_ENV = {
  LOG_LEVEL: 'warn',
  EVENT_FAST_ATTEMPT_TIMEOUT_MS: '2000',
  STREAM_TIMEOUT_MS: '2000',
  EVENT_ATTEMPT_TIMEOUT_MS: '3000',
  WORKER_WORKFLOW_TASK_POLLERS: '4',
  WORKER_ACTIVITY_TASK_POLLERS: '2',
  SHUTDOWN_GRACE_MS: '2000',
};

/**
 * A place in which one case after the other runs: a namespace and a GetStream of its own, and one worker process after the
 * other. The process that takes the place of a killed one finishes its work, and is killed in the case after.
 */
export class Lane {
  readonly client: Client;
  readonly stream: StreamClient;
  readonly streamUrl: string;
  readonly #connection: Connection;
  readonly #server: StreamServer;
  readonly #directory: string;
  readonly #options: WorkerProcessOptions;
  #process: WorkerProcess | undefined;
  #kills = 0;
  #stopping = false;
  #running: Promise<void> = Promise.resolve();

  private constructor(connection: Connection, namespace: string, server: StreamServer, parts: LaneParts) {
    this.#connection = connection;
    this.#server = server;
    this.#directory = parts.directory;
    this.#options = parts.options;
    this.client = new Client({ connection, namespace });
    this.streamUrl = server.url;
    const { apiKey, apiSecret, appId } = ACCESS;
    this.stream = connect(apiKey, apiSecret, appId, { urlOverride: { api: `${server.url}/api/` } });
  }

  static async start(): Promise<Lane> {
    const { address } = await sharedTemporal();
    const namespace = `crash-${randomUUID().slice(0, 8)}`;
    const connection = await Connection.connect({ address });
    await ensureNamespace(connection, { namespace });
    await ensureSearchAttributes(connection, namespace);
    const server = await startStreamServer({ ...ACCESS, port: 0, rateLimits: false });
    const directory = await mkdtemp(path.join(tmpdir(), 'crash-'));
    await writeFile(path.join(directory, 'log'), '');
    const options: WorkerProcessOptions = {
      temporalAddress: address,
      namespace,
      awsUrl: 'http://127.0.0.1:1',
      stream: { url: server.url, ...ACCESS },
      roles: 'events',
      env: {
        ...WORKER_ENV,
        WORKFLOW_BUNDLE: await sharedWorkflowBundle(),
        NODE_OPTIONS: `--import ${PRELOAD}`,
        CRASH_PLAN: path.join(directory, 'plan'),
        CRASH_LOG: path.join(directory, 'log'),
      },
    };
    const lane = new Lane(connection, namespace, server, { directory, options });
    lane.#running = lane.#run();
    return lane;
  }

  /** How many processes a plan has killed so far. */
  get kills(): number {
    return this.#kills;
  }

  async ready(): Promise<void> {
    await eventually(
      async () => {
        if (!this.#process) throw new Error('no worker process');
        await this.#process.ready(READY_MS);
      },
      { timeoutMs: READY_MS },
    );
  }

  /** From now on awaits are counted, and the process ends at the one given. @returns ends that, and tells what was passed */
  async arm(kill?: KillPoint): Promise<() => Promise<PassedMoment[]>> {
    const plan: CrashPlan = { id: randomUUID(), ...(kill ? { kill } : {}) };
    const file = path.join(this.#directory, 'plan');
    await writeFile(file, JSON.stringify(plan));
    return async () => {
      await rm(file, { force: true });
      const lines = (await readFile(path.join(this.#directory, 'log'), 'utf8')).split('\n');
      const passed = lines.filter((line) => line !== '').map((line): PassedMoment => JSON.parse(line));
      return passed.filter(({ id }) => id === plan.id);
    };
  }

  async setFaults(rules: readonly object[]): Promise<void> {
    const route = `${this.streamUrl}/_control/faults`;
    await fetch(route, { method: 'DELETE' });
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(route, { method: 'POST', headers, body: JSON.stringify(rules) });
    if (!response.ok) throw new Error(await response.text());
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    // Nothing is under way any more that would be worth a grace.
    this.#process?.kill('SIGKILL');
    await this.#running;
    await this.#server.close();
    await this.#connection.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const process = await startWorkerProcess(this.#options);
      this.#process = process;
      const { signal } = await process.exited;
      this.#process = undefined;
      if (this.#stopping) return;
      if (signal !== 'SIGKILL') throw new Error(`a worker process ended by itself (${process.pid})`);
      this.#kills += 1;
    }
  }
}

interface LaneParts {
  readonly directory: string;
  readonly options: WorkerProcessOptions;
}
