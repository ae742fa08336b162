import { Context } from '@temporalio/activity';
import { Client, Connection } from '@temporalio/client';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { Worker, type NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { streamWatcherQueue, TASK_QUEUES } from '../contracts/shared/names.ts';
import type { OneWatcherActivities, StreamWatchActivities } from '../contracts/sessions/stream-sessions.ts';
import type { Dependency } from '../contracts/shared/dependency.ts';
import { startGateway, type Gateway } from '../gateway/start.ts';
import type { WorkerConfig } from './config.ts';
import { SetupError } from './setup-error.ts';
import { createGatewayAccessLog } from './access-log-role.ts';

export interface GatewayRole {
  /** They hear from accounts which streams ended, and what other gateways ask; to be run before the gateway listens. */
  readonly workers: readonly Worker[];
  readonly gateway: Gateway;
  /** @returns the URL it answers on @throws SetupError */
  listen(): Promise<string>;
  /** Answers what is under way; the worker goes on until it is shut down. */
  close(): Promise<void>;
}

/** Ends to tell of come in bursts, when an account is emptied, and each takes a millisecond. */
const ACTIVITY_SLOTS = 20;

export interface WatcherWorkersOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly gateway: Pick<Gateway, 'streamsEnded' | 'unknownStreams'>;
  /** Name of the gateway. */
  readonly instance: string;
}

/** One tells a gateway which streams ended: those that share a store hear for each other. By the other one, others ask just this one. */
export function createWatcherWorkers(options: WatcherWorkersOptions): Promise<readonly Worker[]> {
  const { connection, namespace, gateway, instance: identity } = options;
  const ended: StreamWatchActivities = {
    async streamsEnded(ends) {
      const { workflowExecution } = Context.current().info;
      if (workflowExecution) await gateway.streamsEnded(workflowExecution.workflowId, ends);
    },
  };
  const asked: OneWatcherActivities = {
    async unknownStreams(streams) {
      try {
        return await gateway.unknownStreams(streams);
      } catch (error) {
        // As usual in an outage as it is uninteresting: whoever asks knows what no answer means.
        const category = ApplicationFailureCategory.BENIGN;
        throw ApplicationFailure.create({ message: `does not reach the store either: ${String(error)}`, category });
      }
    },
  };
  const common = { connection, namespace, identity };
  return Promise.all([
    Worker.create({
      ...common,
      taskQueue: TASK_QUEUES.streamWatchers,
      activities: ended,
      maxConcurrentActivityTaskExecutions: ACTIVITY_SLOTS,
    }),
    Worker.create({
      ...common,
      taskQueue: streamWatcherQueue(identity),
      activities: asked,
      maxConcurrentActivityTaskExecutions: ACTIVITY_SLOTS,
    }),
  ]);
}

export async function createGatewayRole(
  config: WorkerConfig,
  connection: NativeConnection,
  temporal: Dependency,
  logger: Logger,
): Promise<GatewayRole> {
  const { connectionOptions, namespace } = config.temporal;
  const calls = Connection.lazy(connectionOptions);
  const accessLog = createGatewayAccessLog(config, logger);
  const gateway = await startGateway({
    settings: config.environment,
    client: new Client({ connection: calls, namespace }),
    logger,
    accessLog,
    temporal,
  });
  const close = async (): Promise<void> => {
    await gateway.close();
    await accessLog?.close(config.environment.SHUTDOWN_GRACE_MS / 5);
    await calls.close();
  };
  let workers: readonly Worker[];
  try {
    workers = await createWatcherWorkers({
      connection,
      namespace,
      gateway,
      instance: config.environment.GATEWAY_INSTANCE,
    });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    workers,
    gateway,
    listen: () =>
      gateway.listen().catch((cause: unknown) => {
        throw new SetupError(`GATEWAY_ADDRESS=${config.environment.GATEWAY_ADDRESS} cannot be listened on`, cause);
      }),
    close,
  };
}
