import path from 'node:path';
import type { AwsServer } from './aws.ts';
import type { DisorderOptions } from './disorder.ts';
import { removeEndpoints, writeEndpoints, type Endpoints } from './endpoints-file.ts';
import { describeExit } from './owned-process.ts';
import type { ProcessLock } from './process-lock.ts';
import { lockState, startQueues, startStream, startTemporal, startWorker } from './stack-parts.ts';
import type { LocalStream, LocalTemporal, Queues } from './stack-parts.ts';
import type { RouteResources } from './topology.ts';
import type { SupervisedWorker } from './worker-supervisor.ts';

export interface StackPorts {
  readonly temporal?: number;
  readonly temporalUi?: number | 'none';
  readonly aws?: number;
  readonly stream?: number;
  readonly metrics?: number;
  readonly health?: number;
}

export interface StackOptions {
  /**
   * Folder for data, logs, the lock and `endpoints.json`. Left out, all is in memory and nothing is written: for tests.
   */
  readonly stateDirectory?: string;
  /** Each 0, a free one, by default. */
  readonly ports?: StackPorts;
  /** `host:port` of a Temporal server to use; one is started when left out. */
  readonly temporalAddress?: string;
  /** Default `default`. */
  readonly namespace?: string;
  /** Standard queues reorder and duplicate; default false. */
  readonly disorder?: DisorderOptions | false;
  /** Stream's published rate limits; default true. */
  readonly rateLimits?: boolean;
  /** Whether a worker process runs; default true. */
  readonly worker?: boolean;
  readonly logLevel?: string;
  /** Further settings of the worker. */
  readonly workerEnv?: Readonly<Record<string, string>>;
  /** Breaks the start off; a stack that is up is stopped by its `stop`. */
  readonly signal?: AbortSignal;
  /** What happens, one line each. */
  readonly onEvent?: (line: string) => void;
  /** How far something long is; replaces what it said before. */
  readonly onProgress?: (line: string) => void;
  readonly onWorkerLine?: (line: string) => void;
}

export interface Stack {
  readonly endpoints: Endpoints;
  readonly aws: AwsServer;
  readonly routes: readonly RouteResources[];
  readonly worker?: SupervisedWorker;
  /** Resolves with what went wrong should the stack be broken beyond a restart of the worker. */
  readonly broken: Promise<string>;
  /** Worker first, drained; then Stream, SQS and SNS, Temporal. */
  stop(): Promise<void>;
}

/** What has been started so far. */
interface Parts {
  lock?: ProcessLock;
  temporal?: LocalTemporal;
  queues?: Queues;
  stream?: LocalStream;
  worker?: SupervisedWorker;
  endpointsFile?: string;
}

/**
 * Brings up Temporal, SQS and SNS, the Stream-compatible server and a worker.
 *
 * @throws LockHeldError when a stack already runs on the state directory
 * @throws PortInUseError, TemporalBinaryError, or Error when a part does not start; the others are stopped again
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const parts: Parts = {};
  try {
    return await bringUp(options, parts);
  } catch (error) {
    await bringDown(parts);
    throw error;
  }
}

async function bringUp(options: StackOptions, parts: Parts): Promise<Stack> {
  const { stateDirectory } = options;
  if (stateDirectory !== undefined) parts.lock = await lockState(stateDirectory, options);

  // All are waited for, also when one fails: what is still starting could not be stopped.
  const started = await Promise.allSettled([
    startTemporal(options, parts.lock).then((temporal) => (parts.temporal = temporal)),
    startQueues(options).then((queues) => (parts.queues = queues)),
    startStream(options).then((stream) => (parts.stream = stream)),
  ]);
  for (const part of started) if (part.status === 'rejected') throw part.reason;
  options.signal?.throwIfAborted();
  const { temporal, queues, stream } = parts;
  if (!temporal || !queues || !stream) throw new Error('a part of the stack is missing');

  if (options.worker !== false) {
    parts.worker = await startWorker(options, { temporal, queues, stream }, parts.lock);
  }
  const endpoints = endpointsOf(temporal, queues, stream, parts.worker);
  if (stateDirectory !== undefined) {
    parts.endpointsFile = path.join(stateDirectory, 'endpoints.json');
    await writeEndpoints(parts.endpointsFile, endpoints);
  }
  let stopping: Promise<void> | undefined;
  return {
    endpoints,
    aws: queues.aws,
    routes: queues.routes,
    broken: brokenBy(temporal),
    stop: () => (stopping ??= bringDown(parts)),
    ...(parts.worker && { worker: parts.worker }),
  };
}

/** The worker first, so that it can finish what it holds; the lock last. A part that fails does not keep the others up. */
async function bringDown(parts: Parts): Promise<void> {
  const { endpointsFile } = parts;
  const steps = [
    () => (endpointsFile === undefined ? undefined : removeEndpoints(endpointsFile)),
    () => parts.worker?.stop(),
    () => parts.stream?.close(),
    () => parts.queues?.aws.stop(),
    () => parts.temporal?.server?.stop(),
    () => parts.lock?.release(),
  ];
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'parts of the stack did not stop cleanly');
}

function endpointsOf(
  temporal: LocalTemporal,
  queues: Queues,
  stream: LocalStream,
  worker: SupervisedWorker | undefined,
): Endpoints {
  return {
    temporal: temporal.address,
    namespace: temporal.namespace,
    ...(temporal.server?.uiUrl !== undefined && { webUi: temporal.server.uiUrl }),
    aws: queues.aws.url,
    stream: stream.access,
    metrics: worker ? [worker.metricsUrl] : [],
  };
}

function brokenBy({ server }: LocalTemporal): Promise<string> {
  if (!server) return new Promise(() => undefined);
  return server.exited.then((exit) => `the Temporal server ended (${describeExit(exit)})`);
}
