import { Context } from '@temporalio/activity';
import { Client, Connection } from '@temporalio/client';
import { Worker, type NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { TASK_QUEUES } from '../contracts/names.ts';
import type { StreamWatchActivities } from '../contracts/stream-sessions.ts';
import type { Dependency } from '../contracts/dependency.ts';
import { startGateway, type Gateway } from '../gateway/start.ts';
import type { WorkerConfig } from './config.ts';
import { SetupError } from './setup-error.ts';
import { createGatewayAccessLog } from './access-log-role.ts';

export interface GatewayRole {
  /** Hears from accounts which streams ended; to be run before the gateway listens. */
  readonly worker: Worker;
  readonly gateway: Gateway;
  /** @returns the URL it answers on @throws SetupError */
  listen(): Promise<string>;
  /** Answers what is under way; the worker goes on until it is shut down. */
  close(): Promise<void>;
}

/** Ends to tell of come in bursts, when an account is emptied, and each takes a millisecond. */
const ACTIVITY_SLOTS = 20;

/** Tells a gateway which streams ended. Gateways that share a store hear for each other. */
export function createWatcherWorker(
  connection: NativeConnection,
  namespace: string,
  gateway: Pick<Gateway, 'streamsEnded'>,
  identity: string,
): Promise<Worker> {
  const activities: StreamWatchActivities = {
    async streamsEnded(ends) {
      const { workflowExecution } = Context.current().info;
      if (workflowExecution) await gateway.streamsEnded(workflowExecution.workflowId, ends);
    },
  };
  return Worker.create({
    connection,
    namespace,
    identity,
    taskQueue: TASK_QUEUES.streamWatchers,
    activities,
    maxConcurrentActivityTaskExecutions: ACTIVITY_SLOTS,
  });
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
  let worker: Worker;
  try {
    worker = await createWatcherWorker(connection, namespace, gateway, config.environment.GATEWAY_INSTANCE);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    worker,
    gateway,
    listen: () =>
      gateway.listen().catch((cause: unknown) => {
        throw new SetupError(`GATEWAY_ADDRESS=${config.environment.GATEWAY_ADDRESS} cannot be listened on`, cause);
      }),
    close,
  };
}
