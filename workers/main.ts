import { Client } from '@temporalio/client';
import { NativeConnection, type Worker } from '@temporalio/worker';
import { pino, type Logger } from 'pino';
import type { Bridge } from '../bridge/bridge.ts';
import { loadWorkerConfig, type WorkerConfig } from './config.ts';
import { createEventBridge } from './event-bridge.ts';
import { createEventWorker } from './event-worker.ts';
import { startHealthServer } from './health-server.ts';
import { checkNamespace } from './namespace-check.ts';
import { installRuntime } from './runtime.ts';
import { shutdownSignal } from './shutdown-signal.ts';
import { loadWorkflowBundle } from './workflow-bundle.ts';

/** Part of the grace time the bridge may use; the rest is for running activities. */
const BRIDGE_SHARE_OF_GRACE = 0.5;

/**
 * A worker process: bridge, event worker or both, by `ROLES`. Order of shutdown: stop receiving and finish what the bridge
 * holds, drain the worker, close the connection.
 */
async function main(): Promise<void> {
  const config = loadConfigOrExit();
  const logger = pino({ level: config.environment.LOG_LEVEL }, pino.destination({ fd: 1, sync: true }));
  const stop = shutdownSignal(logger);
  const runtime = installRuntime(logger, config.environment.METRICS_ADDRESS);
  const connection = await NativeConnection.connect(config.temporal.connectionOptions);
  try {
    await checkNamespace(connection, config.temporal.namespace, logger);
    await serve(config, connection, logger, runtime.metricMeter, stop);
  } finally {
    await connection.close();
  }
  logger.info('stopped');
}

async function serve(
  config: WorkerConfig,
  connection: NativeConnection,
  logger: Logger,
  meter: Parameters<typeof createEventBridge>[0]['meter'],
  stop: Promise<string>,
): Promise<void> {
  const client = new Client({ connection, namespace: config.temporal.namespace });
  const graceMs = config.environment.SHUTDOWN_GRACE_MS;
  const workerGraceMs = graceMs * (1 - BRIDGE_SHARE_OF_GRACE);
  const worker = config.roles.has('events')
    ? await createEventWorker({
        connection,
        client,
        config,
        shutdownGraceMs: workerGraceMs,
        workflowBundle: await loadWorkflowBundle(config.environment.WORKFLOW_BUNDLE),
      })
    : undefined;
  const running = worker?.run() ?? Promise.resolve();
  const failed = running.then(() => new Promise<never>(() => undefined));
  const bridgeGraceMs = graceMs * BRIDGE_SHARE_OF_GRACE;
  const bridge = config.roles.has('bridge')
    ? await createEventBridge({ config, client, logger, meter, shutdownGraceMs: bridgeGraceMs })
    : undefined;
  const health = await startHealthServer(config.environment.HEALTH_ADDRESS, {
    live: () => worker?.getState() !== 'FAILED',
    unready: () => unreadyParts(worker, bridge),
  });
  logger.info({ roles: [...config.roles] }, 'ready');
  try {
    logger.info({ signal: await Promise.race([stop, failed]) }, 'stopping: no more messages are received');
  } finally {
    if (bridge) logger.info({ counts: await bridge.stop() }, 'bridge drained');
    if (worker?.getState() === 'RUNNING') worker.shutdown();
    await running;
    await health.close();
  }
}

function unreadyParts(worker: Worker | undefined, bridge: Bridge | undefined): string[] {
  const parts: string[] = [];
  if (worker && worker.getState() !== 'RUNNING') parts.push('events');
  if (bridge && !bridge.ready()) parts.push('bridge');
  return parts;
}

function loadConfigOrExit(): WorkerConfig {
  try {
    return loadWorkerConfig();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  }
}

try {
  await main();
} catch (error) {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`The worker process failed: ${text}\n`);
  process.exitCode = 1;
}
