import { Client } from '@temporalio/client';
import type { MetricMeter } from '@temporalio/common';
import type { NativeConnection, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Bridge } from '../bridge/bridge.ts';
import { redactText, secretValues } from '../contracts/redaction.ts';
import { explainError } from '../contracts/text.ts';
import { loadWorkerConfig, SettingsError, type WorkerConfig } from './config.ts';
import { createAccessLogWriter } from './access-log-role.ts';
import { createEventBridge } from './event-bridge.ts';
import { createEventWorker } from './event-worker.ts';
import { createGatewayRole } from './gateway-role.ts';
import { startHealthServer, type HealthServer } from './health-server.ts';
import { createLogger, exitOnUncaughtError } from './logger.ts';
import { checkNamespace } from './namespace-check.ts';
import { installRuntime } from './runtime.ts';
import { createSessionsWorker } from './sessions-worker.ts';
import { SetupError } from './setup-error.ts';
import { BRIDGE_SHARE_OF_GRACE } from './settings-coherence.ts';
import { shutdownSignal } from './shutdown-signal.ts';
import { connectToTemporal } from './temporal-connection.ts';
import { loadWorkflowBundle } from './workflow-bundle.ts';

const READINESS_INTERVAL_MS = 5_000;
const EXIT_UNUSABLE_SETTINGS = 2;

/**
 * A worker process: bridge, event worker and sessions worker, by `ROLES`. Order of shutdown: stop receiving and finish what
 * the bridge holds, drain the workers, close the connection.
 */
async function main(config: WorkerConfig, onReady: () => void): Promise<void> {
  const logger = createLogger({ level: config.environment.LOG_LEVEL, secrets: secretsOf(config) });
  exitOnUncaughtError(logger);
  const stop = shutdownSignal(logger);
  const runtime = installRuntime(logger, config.environment.METRICS_ADDRESS);
  const connection = await connectToTemporal(config.temporal.connectionOptions, logger, stop);
  try {
    await checkNamespace(connection, config.temporal.namespace, config.roles, logger);
    await serve(config, connection, logger, { meter: runtime.metricMeter, stop, onReady });
  } finally {
    await connection.close();
  }
  logger.info('stopped');
}

async function serve(
  config: WorkerConfig,
  connection: NativeConnection,
  logger: Logger,
  {
    meter,
    stop,
    onReady,
  }: { readonly meter: MetricMeter; readonly stop: Promise<string>; readonly onReady: () => void },
): Promise<void> {
  const client = new Client({ connection, namespace: config.temporal.namespace });
  const graceMs = config.environment.SHUTDOWN_GRACE_MS;
  const workerGraceMs = graceMs * (1 - BRIDGE_SHARE_OF_GRACE);
  const workers = new Map<string, Worker>();
  if (config.roles.has('events') || config.roles.has('sessions')) {
    const workflowBundle = await loadWorkflowBundle(config.environment.WORKFLOW_BUNDLE);
    if (config.roles.has('events')) {
      const options = { connection, client, config, shutdownGraceMs: workerGraceMs, workflowBundle };
      workers.set('events', await createEventWorker(options));
    }
    if (config.roles.has('sessions')) {
      workers.set('sessions', await createSessionsWorker({ connection, config, workflowBundle }));
    }
  }
  const gateway = config.roles.has('gateway') ? await createGatewayRole(config, connection, logger) : undefined;
  if (gateway) workers.set('gateway', gateway.worker);
  const lakeWriter = config.roles.has('access-log') ? createAccessLogWriter(config, logger, meter) : undefined;
  const running = Array.from(workers.values(), (worker) => worker.run());
  if (lakeWriter) running.push(lakeWriter.run());
  const failed = Promise.all(running).then(() => new Promise<never>(() => undefined));
  // Looked at once the process is ready; until then it must not end the process by itself.
  failed.catch(() => undefined);
  let bridge: Bridge | undefined;
  let health: HealthServer | undefined;
  const undrained: unknown[] = [];
  try {
    if (config.roles.has('bridge')) {
      bridge = await createEventBridge({ config, client, logger, meter, shutdownGraceMs: graceMs - workerGraceMs });
    }
    if (gateway) logger.info({ url: await gateway.listen() }, 'the gateway answers');
    const unready = (): string[] => [
      ...unreadyParts(workers, bridge),
      ...(gateway?.gateway.unready() ?? []),
      ...(lakeWriter?.ready() === false ? ['access-log'] : []),
    ];
    health = await startHealthServer(config.environment.HEALTH_ADDRESS, {
      live: () => [...workers.values()].every((worker) => worker.getState() !== 'FAILED'),
      unready,
    });
    exportReadiness(meter, () => unready().length === 0);
    logger.info({ roles: [...config.roles] }, 'ready');
    onReady();
    logger.info({ signal: await Promise.race([stop, failed]) }, 'stopping: no more messages are received');
  } finally {
    // Also after a failed start: workers that go on would keep a process alive that does half of its work.
    const drained = await Promise.allSettled([bridge?.stop(), gateway?.close(), lakeWriter?.stop()]);
    for (const part of drained) if (part.status === 'rejected') undrained.push(part.reason);
    for (const error of undrained) logger.error({ error: String(error) }, 'not drained');
    if (bridge) logger.info({ counts: bridge.counts() }, 'bridge drained');
    for (const worker of workers.values()) if (worker.getState() === 'RUNNING') worker.shutdown();
    // All of them drain, also when one fails at it.
    await Promise.allSettled(running);
    await health?.close();
  }
  await Promise.all(running);
  if (undrained.length > 0) throw new AggregateError(undrained, 'a part of this process could not be drained');
}

/** What `GET /readyz` says, as a metric, for those who alert on it. */
function exportReadiness(meter: MetricMeter, isReady: () => boolean): void {
  const gauge = meter.createGauge(
    'worker_process_ready',
    'int',
    '',
    'Whether every part of this process does its work',
  );
  const set = (): void => gauge.set(isReady() ? 1 : 0);
  set();
  setInterval(set, READINESS_INTERVAL_MS).unref();
}

function unreadyParts(workers: ReadonlyMap<string, Worker>, bridge: Bridge | undefined): string[] {
  const parts: string[] = [];
  for (const [role, worker] of workers) if (worker.getState() !== 'RUNNING') parts.push(role);
  if (bridge && !bridge.ready()) parts.push('bridge');
  return parts;
}

/** Before it was ready, and of what only the setting-up can mend, one sentence; of a defect all that there is. */
function report(error: unknown, isReady: boolean, isDebugging: boolean): void {
  const isSetup = !isReady || error instanceof SetupError;
  const title = isSetup ? 'The worker process cannot start' : 'The worker process failed';
  const stack = error instanceof Error && (isDebugging || !isSetup) ? `\n${error.stack ?? ''}` : '';
  process.stderr.write(redactText(`${title}: ${explainError(error)}${stack}\n`, secretsOf(config)));
}

function secretsOf({ environment, temporal }: WorkerConfig): string[] {
  return secretValues({ ...environment, TEMPORAL_API_KEY: temporal.connectionOptions.apiKey });
}

function loadConfigOrExit(): WorkerConfig {
  try {
    return loadWorkerConfig();
  } catch (error) {
    process.stderr.write(redactText(`${error instanceof SettingsError ? error.message : explainError(error)}\n`));
    process.exit(EXIT_UNUSABLE_SETTINGS);
  }
}

const config = loadConfigOrExit();
let isReady = false;
try {
  await main(config, () => (isReady = true));
} catch (error) {
  report(error, isReady, ['debug', 'trace'].includes(config.environment.LOG_LEVEL));
  process.exitCode = 1;
}
