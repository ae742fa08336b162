import { pino, type Logger } from 'pino';
import { redactText, secretValues } from '../contracts/shared/redaction.ts';
import { explainError } from '../contracts/shared/text.ts';
import { answerForGateway, startAdminListener, type AdminListener } from './admin-listener.ts';
import type { AdminReply, ForwardedRequest, ProcessState } from './admin-messages.ts';
import { loadWorkerConfig, SettingsError, type WorkerConfig } from './config.ts';
import { Dependencies } from './dependencies.ts';
import { diagnostics } from './diagnostics.ts';
import { createLogger, exitOnUncaughtError } from './logger.ts';
import { ProcessHealth } from './process-health.ts';
import { RecentFailures } from './recent-failures.ts';
import { RunningRoles } from './running-roles.ts';
import { ProcessRuntime } from './runtime.ts';
import { SetupError } from './setup-error.ts';
import { shutdownSignal } from './shutdown-signal.ts';

const READINESS_INTERVAL_MS = 5_000;
const EXIT_UNUSABLE_SETTINGS = 2;

/** A worker process: the roles of `ROLES`, and beside them a listener that tells how they are, which is there before all else. */
async function main(config: WorkerConfig, onReady: () => void): Promise<void> {
  const startedAt = new Date();
  const failures = new RecentFailures();
  const logger = createLogger({
    level: config.environment.LOG_LEVEL,
    secrets: secretsOf(config),
    destination: failures.tee(pino.destination({ fd: 1, sync: true })),
  });
  exitOnUncaughtError(logger);
  const stop = shutdownSignal(logger);
  const runtime = new ProcessRuntime(logger, config.environment.METRICS_ADDRESS);
  let health: ProcessHealth | undefined;
  let roles: RunningRoles | undefined;
  const state = (): ProcessState => health?.state() ?? STARTING;
  const describe = (): string => {
    const dependencies = health?.dependencies().map((dependency) => dependency.state()) ?? [];
    const shown = diagnostics({ config, startedAt, state: state(), dependencies, recentFailures: failures.list() });
    return redactText(JSON.stringify(shown), secretsOf(config));
  };
  let admin: AdminListener | undefined;
  let dependencies: Dependencies | undefined;
  try {
    admin = await startAdminListener({
      address: config.environment.HEALTH_ADDRESS,
      metricsAddress: config.environment.METRICS_ADDRESS,
      state,
      logger,
      answer: (request) => answer(request, roles, describe),
    });
    const watched = (dependencies = new Dependencies(config, logger));
    health = new ProcessHealth(new Map(Array.from(config.roles, (role) => [role, watched.of(role)])));
    roles = new RunningRoles({ config, dependencies, health, logger, runtime });
    exportHealth(runtime, health);
    await serve(roles, { logger, stop, failed: admin.failed, onReady });
  } finally {
    health?.close();
    await dependencies?.close();
    await admin?.close();
    await runtime.shutdown();
  }
  logger.info('stopped');
}

const STARTING: ProcessState = { blocked: [], readiness: { unready: ['starting'] }, roles: {} };

interface Serving {
  readonly logger: Logger;
  readonly stop: Promise<NodeJS.Signals>;
  /** Of what runs beside the roles. */
  readonly failed: Promise<never>;
  readonly onReady: () => void;
}

async function serve(roles: RunningRoles, { logger, stop, failed, onReady }: Serving): Promise<void> {
  const stopping = new AbortController();
  void stop.then(() => stopping.abort());
  try {
    await roles.start(stopping.signal);
    logger.info({ roles: [...config.roles] }, 'ready');
    onReady();
    const signal = await Promise.race([stop, roles.failed, failed]);
    logger.info({ signal }, 'stopping: no more messages are received');
  } catch (error) {
    // What ends the process is told; what the others say to it is not.
    await roles.stop().catch(() => undefined);
    throw error;
  }
  await roles.stop();
}

async function answer(
  request: ForwardedRequest,
  roles: RunningRoles | undefined,
  describe: () => string,
): Promise<AdminReply> {
  if (request.path !== '/diagnostics') return await answerForGateway(request, roles?.gateway);
  return { status: 200, headers: { 'content-type': 'application/json' }, body: describe() };
}

/** What `GET /readyz` says, as metrics, for those who alert on it. */
function exportHealth(runtime: ProcessRuntime, health: ProcessHealth): void {
  const ready = runtime.gauge('worker_process_ready', 'Whether every part of this process does its work');
  const available = runtime.gauge('worker_dependency_available', 'Whether what this process needs answers');
  const set = (): void => {
    const { unready } = health.state().readiness;
    ready.set(unready.length === 0 ? 1 : 0);
    for (const { name, available: isAvailable } of health.dependencies()) {
      available.set(isAvailable ? 1 : 0, { dependency: name });
    }
  };
  set();
  setInterval(set, READINESS_INTERVAL_MS).unref();
}

/** Before it was ready, and of what only the setting-up can mend, one sentence; of a defect all that there is. */
function report(error: unknown, isReady: boolean, isDebugging: boolean): void {
  const isSetup = !isReady || error instanceof SetupError;
  const title = isSetup ? 'The worker process cannot start' : 'The worker process failed';
  const stack = error instanceof Error && (isDebugging || !isSetup) ? `\n${error.stack ?? ''}` : '';
  process.stderr.write(redactText(`${title}: ${explainError(error)}${stack}\n`, secretsOf(config)));
}

function secretsOf({ environment, temporal, awsCredentials }: WorkerConfig): string[] {
  return secretValues({ ...environment, ...awsCredentials, TEMPORAL_API_KEY: temporal.connectionOptions.apiKey });
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
