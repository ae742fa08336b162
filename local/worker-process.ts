import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeDirectory } from '../contracts/shared/make-directory.ts';
import { inheritedEnvironment, PROJECT_DIRECTORY } from './config.ts';
import { OwnedProcess, describeExit, type ProcessExit } from './owned-process.ts';
import { claimPort } from './ports.ts';

/** `main.ts`, or `main.js` beside a compiled local stack. */
const ENTRY = path.join(PROJECT_DIRECTORY, 'workers', `main${path.extname(import.meta.filename)}`);
const HOST = '127.0.0.1';
const POLL_MS = 100;
/** Settings of the user's shell that would send a local worker elsewhere. */
const FOREIGN_SETTINGS =
  /^(TEMPORAL_|AWS_|STREAM_|METRICS_|HEALTH_|GATEWAY_|JWT_|LEASE_|SESSIONS_|LIMIT_|ABUSE_|ACCESS_LOG_|BLACKLIST_|ROLES$|LOG_LEVEL$)/;
/** The worker's own grace, see `workers/config.ts`, and some time to end after it. */
const STOP_GRACE_MS = 35_000;

export interface StreamAccess {
  readonly url: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly appId: string;
}

export interface WorkerProcessOptions {
  /** `host:port`. */
  readonly temporalAddress: string;
  /** Default `default`. */
  readonly namespace?: string;
  readonly awsUrl: string;
  readonly stream: StreamAccess;
  /** Default `bridge,events`. */
  readonly roles?: string;
  /** Default 0: a free one. */
  readonly metricsPort?: number;
  /** Default 0: a free one. */
  readonly healthPort?: number;
  /** Default `info`. */
  readonly logLevel?: string;
  /** File that its output is added to; kept nowhere when left out. */
  readonly logFile?: string;
  readonly onLine?: (line: string) => void;
  /** Further settings of the worker, such as `EVENT_RETRY_BUDGET_MS`. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface WorkerProcess {
  readonly pid: number;
  /** `http://…/metrics`, Prometheus text of Temporal's SDK and of the worker's counters. */
  readonly metricsUrl: string;
  /** `http://…`, the admin listener: `/healthz`, `/readyz`, `/metrics` with all of the process, `/diagnostics`. */
  readonly healthUrl: string;
  readonly exited: Promise<ProcessExit>;
  /**
   * Resolves when the worker does its work.
   * @throws Error with the end of its output when it dies before, or takes longer than `timeoutMs`, default 60,000
   */
  ready(timeoutMs?: number): Promise<void>;
  /** SIGTERM, which drains it, and SIGKILL after 35 s. */
  stop(): Promise<ProcessExit>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts `workers/main.ts` as a process of its own, against local services only.
 * @throws PortInUseError
 */
export async function startWorkerProcess(options: WorkerProcessOptions): Promise<WorkerProcess> {
  const metricsPort = await claimPort(options.metricsPort, 'METRICS_PORT');
  const healthPort = await claimPort(options.healthPort, 'HEALTH_PORT');
  const log = options.logFile === undefined ? undefined : openLog(options.logFile);
  const child = await OwnedProcess.start(process.execPath, [ENTRY], {
    cwd: PROJECT_DIRECTORY,
    env: environmentOf(options, metricsPort, healthPort),
    onLine: (line) => {
      log?.write(`${line}\n`);
      options.onLine?.(line);
    },
  });
  void child.exited.then(() => log?.end());
  const healthUrl = `http://${HOST}:${healthPort}`;
  return {
    pid: child.pid,
    metricsUrl: `http://${HOST}:${metricsPort}/metrics`,
    healthUrl,
    exited: child.exited,
    ready: (timeoutMs = 60_000) => waitUntilReady(child, healthUrl, timeoutMs),
    stop: () => child.stop(STOP_GRACE_MS),
    kill: (signal) => child.kill(signal),
  };
}

function environmentOf(options: WorkerProcessOptions, metricsPort: number, healthPort: number): Record<string, string> {
  const inherited = Object.entries(inheritedEnvironment()).filter(([name]) => !FOREIGN_SETTINGS.test(name));
  return {
    ...Object.fromEntries(inherited),
    TEMPORAL_ADDRESS: options.temporalAddress,
    TEMPORAL_NAMESPACE: options.namespace ?? 'default',
    // Exists nowhere, so that a profile in the user's home does not ask a local server for TLS.
    TEMPORAL_CONFIG_FILE: path.join(PROJECT_DIRECTORY, '.local', 'no-temporal-profile.toml'),
    AWS_ENDPOINT_URL: options.awsUrl,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    STREAM_API_URL: options.stream.url,
    STREAM_API_KEY: options.stream.apiKey,
    STREAM_API_SECRET: options.stream.apiSecret,
    STREAM_APP_ID: options.stream.appId,
    METRICS_ADDRESS: `${HOST}:${metricsPort}`,
    HEALTH_ADDRESS: `${HOST}:${healthPort}`,
    ROLES: options.roles ?? 'bridge,events',
    LOG_LEVEL: options.logLevel ?? 'info',
    ...options.env,
  };
}

function openLog(file: string) {
  makeDirectory(path.dirname(file));
  return createWriteStream(file, { flags: 'a' });
}

async function waitUntilReady(child: OwnedProcess, healthUrl: string, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isReady(healthUrl))) {
    if (!child.running) {
      const exit = describeExit(await child.exited);
      throw new Error(`the worker process ${child.pid} ended before it was ready (${exit}):\n${child.output}`);
    }
    if (Date.now() > deadline) {
      throw new Error(`the worker process ${child.pid} was not ready within ${timeoutMs} ms:\n${child.output}`);
    }
    await delay(POLL_MS);
  }
}

async function isReady(healthUrl: string): Promise<boolean> {
  try {
    return (await fetch(`${healthUrl}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}
