/** How each part of the local stack is started; `stack.ts` says in which order. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { Connection } from '@temporalio/client';
import type { SessionPolicy } from '../contracts/sessions/session-limits.ts';
import { startAws, type AwsServer } from './aws.ts';
import { cacheDirectory, inheritedEnvironment } from './config.ts';
import type { DisorderOptions } from './disorder.ts';
import { removeEndpoints } from './endpoints-file.ts';
import { claimPort } from './ports.ts';
import { LockHeldError, ProcessLock } from './process-lock.ts';
import { endNotedProcess } from './processes.ts';
import { startStreamServer } from './stream/server.ts';
import { findTemporalBinary } from './temporal-binary.ts';
import { ensureNamespace, ensureSearchAttributes } from './temporal-namespace.ts';
import { startTemporalServer, type TemporalServer } from './temporal-server.ts';
import { createTopology, type RouteResources } from './topology.ts';
import type { StreamAccess, WorkerProcessOptions } from './worker-process.ts';
import { superviseWorker, type SupervisedWorker } from './worker-supervisor.ts';

/** Nothing local checks these. */
export const LOCAL_AWS = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
/** Known to everybody: the server listens on the loopback address alone. */
const LOCAL_STREAM = { apiKey: 'local', apiSecret: 'local-secret', appId: '1' };
/** Of the processes, in the state directory. */
export const LOG_FILES = { worker: 'worker.log', gateway: 'gateway.log' } as const;
const ABANDONED_GRACE_MS = 15_000;

export interface StackPorts {
  readonly temporal?: number;
  readonly temporalUi?: number | 'none';
  readonly aws?: number;
  readonly stream?: number;
  readonly metrics?: number;
  readonly health?: number;
  readonly gateway?: number;
  readonly gatewayMetrics?: number;
  readonly gatewayHealth?: number;
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
  /** Whether a worker process for events runs; default true. */
  readonly worker?: boolean;
  /** Whether a process for stream sessions runs: accounts, HTTP gateway and writer of the access log; default true. */
  readonly gateway?: boolean;
  /**
   * Policy of stream sessions; default: the gateway's own. Stands as `sessions-policy.json` in the state directory, without which
   * it has no effect, and can be changed there: what somebody changed is not written over.
   */
  readonly sessionPolicy?: Omit<SessionPolicy, 'version'>;
  readonly logLevel?: string;
  /** Further settings of both processes. */
  readonly workerEnv?: Readonly<Record<string, string>>;
  /** Breaks the start off; a stack that is up is stopped by its `stop`. */
  readonly signal?: AbortSignal;
  /** What happens, one line each. */
  readonly onEvent?: (line: string) => void;
  /** How far something long is; replaces what it said before. */
  readonly onProgress?: (line: string) => void;
  /** What the processes write. */
  readonly onWorkerLine?: (line: string, process: 'worker' | 'gateway') => void;
}

export interface LocalTemporal {
  readonly address: string;
  readonly namespace: string;
  /** Left out when the server is not ours. */
  readonly server?: TemporalServer;
}

export interface Queues {
  readonly aws: AwsServer;
  readonly routes: readonly RouteResources[];
}

export interface LocalStream {
  readonly access: StreamAccess;
  close(): Promise<void>;
}

/**
 * Takes the state directory for this process, and ends what a killed stack left running.
 * @throws LockHeldError when another stack runs on it
 */
export async function lockState(directory: string, { onEvent }: StackOptions): Promise<ProcessLock> {
  const lock = await ProcessLock.acquire(path.join(directory, 'stack.lock')).catch((cause: unknown) => {
    if (cause instanceof LockHeldError) throw cause;
    throw new Error(`LOCAL_DIRECTORY=${directory} cannot be used; choose a folder that can be written to`, { cause });
  });
  await removeEndpoints(path.join(directory, 'endpoints.json'));
  for (const file of Object.values(LOG_FILES)) await rm(path.join(directory, file), { force: true });
  for (const child of lock.abandoned) {
    const wasRunning = await endNotedProcess(child, ABANDONED_GRACE_MS);
    if (wasRunning) onEvent?.(`Ended process ${child.pid}, left by a stack that was killed`);
  }
  return lock;
}

export async function startTemporal(options: StackOptions, lock: ProcessLock | undefined): Promise<LocalTemporal> {
  const { namespace = 'default' } = options;
  const server = options.temporalAddress === undefined ? await startOwnTemporal(options, namespace) : undefined;
  const address = options.temporalAddress ?? server?.address ?? '';
  try {
    if (server) await lock?.addChild(server.pid);
    await prepareNamespace(address, namespace, options.onEvent);
  } catch (error) {
    await server?.stop();
    throw error;
  }
  return { address, namespace, ...(server && { server }) };
}

async function startOwnTemporal(options: StackOptions, namespace: string): Promise<TemporalServer> {
  const { stateDirectory, ports = {}, onProgress, signal } = options;
  const binary = await findTemporalBinary({
    env: inheritedEnvironment(),
    cacheDirectory: cacheDirectory(),
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
  });
  return await startTemporalServer({
    binary,
    namespace,
    port: ports.temporal ?? 0,
    uiPort: ports.temporalUi ?? 0,
    ...(stateDirectory !== undefined && { databaseFile: path.join(stateDirectory, 'temporal.db') }),
  });
}

async function prepareNamespace(
  address: string,
  namespace: string,
  onEvent: (line: string) => void = () => undefined,
): Promise<void> {
  const connection = await connectTo(address);
  try {
    const changes = [
      ...(await ensureNamespace(connection, { namespace })),
      ...(await ensureSearchAttributes(connection, namespace)),
    ];
    for (const change of changes) onEvent(`Temporal: ${change}`);
  } finally {
    await connection.close();
  }
}

/** @throws Error that names the address, where the SDK's own does not */
export async function connectTo(address: string): Promise<Connection> {
  try {
    return await Connection.connect({ address, connectTimeout: 10_000 });
  } catch (cause) {
    throw new Error(`no Temporal server answers on ${address}`, { cause });
  }
}

export async function startQueues({ stateDirectory, ports = {}, disorder = false }: StackOptions): Promise<Queues> {
  const aws = await startAws({
    port: ports.aws ?? 0,
    disorder,
    ...(stateDirectory !== undefined && { dataDirectory: path.join(stateDirectory, 'sqs') }),
  });
  try {
    return { aws, routes: await createTopology({ url: aws.url, ...LOCAL_AWS }) };
  } catch (error) {
    await aws.stop();
    throw error;
  }
}

export async function startStream({
  stateDirectory,
  ports = {},
  rateLimits = true,
}: StackOptions): Promise<LocalStream> {
  const server = await startStreamServer({
    ...LOCAL_STREAM,
    port: await claimPort(ports.stream, 'STREAM_PORT'),
    rateLimits,
    ...(stateDirectory !== undefined && { databaseFile: path.join(stateDirectory, 'stream.db') }),
  });
  return { access: { url: server.url, ...LOCAL_STREAM }, close: () => server.close() };
}

/** Nothing of the services is missing when a process starts. */
export interface Services {
  readonly temporal: LocalTemporal;
  readonly queues: Queues;
  readonly stream: LocalStream;
}

export async function startWorker(
  options: StackOptions,
  services: Services,
  lock: ProcessLock | undefined,
): Promise<SupervisedWorker> {
  const { metrics, health } = options.ports ?? {};
  return await startProcess(options, services, lock, {
    name: 'worker',
    ...(metrics !== undefined && { metricsPort: metrics }),
    ...(health !== undefined && { healthPort: health }),
  });
}

/** What a process has of its own. */
export type OwnProcessOptions = Pick<WorkerProcessOptions, 'roles' | 'env' | 'metricsPort' | 'healthPort'> & {
  /** Also of its log file. */
  readonly name: 'worker' | 'gateway';
};

/** A supervised process on the services of the stack. */
export async function startProcess(
  { stateDirectory, logLevel, workerEnv, onEvent, onWorkerLine }: StackOptions,
  { temporal, queues, stream }: Services,
  lock: ProcessLock | undefined,
  { name, env, ...own }: OwnProcessOptions,
): Promise<SupervisedWorker> {
  return await superviseWorker(
    {
      temporalAddress: temporal.address,
      namespace: temporal.namespace,
      awsUrl: queues.aws.url,
      stream: stream.access,
      ...own,
      env: { ...env, ...workerEnv },
      ...(logLevel !== undefined && { logLevel }),
      ...(onWorkerLine && { onLine: (line: string) => onWorkerLine(line, name) }),
      ...(stateDirectory !== undefined && { logFile: path.join(stateDirectory, LOG_FILES[name]) }),
    },
    {
      name: name === 'worker' ? 'Worker' : 'Gateway',
      ...(onEvent && { onEvent }),
      onStart: async (pid) => await lock?.addChild(pid),
    },
  );
}
