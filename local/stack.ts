import path from 'node:path';
import type { SessionPolicy } from '../contracts/sessions/session-limits.ts';
import type { AwsServer } from './aws.ts';
import { removeEndpoints, writeEndpoints, type Endpoints } from './endpoints-file.ts';
import { describeExit } from './owned-process.ts';
import type { ProcessLock } from './process-lock.ts';
import { startGateway, type LocalGateway } from './gateway-process.ts';
import { lockState, startQueues, startStream, startTemporal, startWorker } from './stack-parts.ts';
import type { LocalStream, LocalTemporal, Queues, Services, StackOptions } from './stack-parts.ts';
import type { RouteResources } from './topology.ts';
import type { SupervisedWorker } from './worker-supervisor.ts';

export interface Stack {
  readonly endpoints: Endpoints;
  readonly aws: AwsServer;
  readonly routes: readonly RouteResources[];
  readonly worker?: SupervisedWorker;
  /** The process for stream sessions. */
  readonly gateway?: SupervisedWorker;
  /** That of stream sessions in the state directory. */
  readonly sessionPolicy?: SessionPolicy;
  /** Resolves with what went wrong should the stack be broken beyond a restart of its processes. */
  readonly broken: Promise<string>;
  /** Worker and gateway first, drained; then Stream, SQS and SNS, Temporal. */
  stop(): Promise<void>;
}

/** What has been started so far. */
interface Parts {
  lock?: ProcessLock;
  temporal?: LocalTemporal;
  queues?: Queues;
  stream?: LocalStream;
  worker?: SupervisedWorker;
  gateway?: LocalGateway;
  endpointsFile?: string;
}

/**
 * Brings up Temporal, SQS, SNS and S3, the Stream-compatible server, a worker and the gateway of stream sessions.
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

  await startProcesses(options, { temporal, queues, stream }, parts);
  const endpoints = endpointsOf({ temporal, queues, stream }, parts);
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
    ...(parts.gateway && { gateway: parts.gateway.process }),
    ...(parts.gateway?.policy && { sessionPolicy: parts.gateway.policy.policy }),
  };
}

async function startProcesses(options: StackOptions, services: Services, parts: Parts): Promise<void> {
  const { worker = true, gateway = true } = options;
  const started = await Promise.allSettled([
    worker && startWorker(options, services, parts.lock).then((process) => (parts.worker = process)),
    gateway && startGateway(options, services, parts.lock).then((process) => (parts.gateway = process)),
  ]);
  for (const part of started) if (part.status === 'rejected') throw part.reason;
}

/** The processes first, so that they can finish what they hold; the lock last. A part that fails does not keep the others up. */
async function bringDown(parts: Parts): Promise<void> {
  const { endpointsFile } = parts;
  const steps = [
    () => (endpointsFile === undefined ? undefined : removeEndpoints(endpointsFile)),
    () => stopAll([parts.worker, parts.gateway?.process]),
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

/** At once: each takes its time to drain. */
async function stopAll(processes: readonly (SupervisedWorker | undefined)[]): Promise<void> {
  const stopped = await Promise.allSettled(processes.map(async (process) => process?.stop()));
  for (const process of stopped) if (process.status === 'rejected') throw process.reason;
}

function endpointsOf({ temporal, queues, stream }: Services, { worker, gateway }: Parts): Endpoints {
  return {
    temporal: temporal.address,
    namespace: temporal.namespace,
    ...(temporal.server?.uiUrl !== undefined && { webUi: temporal.server.uiUrl }),
    aws: queues.aws.url,
    stream: stream.access,
    ...(gateway && { gateway: gateway.access }),
    metrics: [worker, gateway?.process].flatMap((process) => (process ? [`${process.healthUrl}/metrics`] : [])),
  };
}

function brokenBy({ server }: LocalTemporal): Promise<string> {
  if (!server) return new Promise(() => undefined);
  return server.exited.then((exit) => `the Temporal server ended (${describeExit(exit)})`);
}
