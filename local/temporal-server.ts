import { setTimeout as delay } from 'node:timers/promises';
import path from 'node:path';
import { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../contracts/shared/names.ts';
import { makeDirectory } from '../contracts/shared/make-directory.ts';
import { OwnedProcess, describeExit, type ProcessExit } from './owned-process.ts';
import { claimPort, isListening } from './ports.ts';

const HOST = '127.0.0.1';
const POLL_MS = 100;
/** The server chooses ports for its inner services, and panics where another process takes one before it does. */
const START_ATTEMPTS = 3;
/** Of a panic in Go [Go runtime: package documentation]. */
const PANIC_EXIT_CODE = 2;
const FRONTEND_SERVICE = 'temporal.api.workflowservice.v1.WorkflowService';
/** `grpc.health.v1.HealthCheckResponse.ServingStatus`. */
const SERVING = 1;

/** Off by default in server 1.29.1, on in later ones; it saves a round trip for each activity. */
const DYNAMIC_CONFIG = ['system.enableActivityEagerExecution=true'];

export interface TemporalServerOptions {
  /** The Temporal CLI, see `findTemporalBinary`. */
  readonly binary: string;
  /** Default 0: a free one. */
  readonly port?: number;
  /** Default 0: a free one; `none` leaves the Web UI out. */
  readonly uiPort?: number | 'none';
  /** SQLite file that keeps everything; in memory when left out. */
  readonly databaseFile?: string;
  /** Default `default`, which always exists besides. */
  readonly namespace?: string;
  /** Settings of the server besides the ones it always gets, each `name=value`. */
  readonly dynamicConfig?: readonly string[];
  /** Longest wait until the server answers, milliseconds; default 60,000. */
  readonly readyTimeoutMs?: number;
  /** Longest orderly stop before SIGKILL, milliseconds; default 10,000. */
  readonly stopGraceMs?: number;
}

export interface TemporalServer {
  /** `host:port` of the gRPC frontend. */
  readonly address: string;
  readonly uiUrl?: string;
  readonly pid: number;
  /** Resolves when the server has ended, for whatever reason. */
  readonly exited: Promise<ProcessExit>;
  stop(): Promise<void>;
}

class EndedEarlyError extends Error {
  override readonly name = 'EndedEarlyError';
  readonly exit: ProcessExit;

  constructor(address: string, exit: ProcessExit, output: string) {
    super(`the Temporal server on ${address} ended early (${describeExit(exit)}):\n${output}`);
    this.exit = exit;
  }
}

/**
 * Starts a Temporal development server and waits until it answers; one that panics is started anew, twice at most.
 * @throws PortInUseError
 * @throws Error with the server's output when it dies early or does not answer in time
 */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      const panicked = error instanceof EndedEarlyError && error.exit.code === PANIC_EXIT_CODE;
      if (!panicked || attempt === START_ATTEMPTS) throw error;
    }
  }
}

async function startOnce(options: TemporalServerOptions): Promise<TemporalServer> {
  const port = await claimPort(options.port, 'TEMPORAL_PORT');
  const uiPort = options.uiPort === 'none' ? undefined : await claimPort(options.uiPort, 'TEMPORAL_UI_PORT');
  if (options.databaseFile !== undefined) makeDirectory(path.dirname(options.databaseFile));

  const child = await OwnedProcess.start(options.binary, commandLine(options, port, uiPort));
  const address = `${HOST}:${port}`;
  const stop = async () => {
    await child.stop(options.stopGraceMs ?? 10_000);
  };
  try {
    await waitUntilServing(address, child, options.readyTimeoutMs ?? 60_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    address,
    pid: child.pid,
    exited: child.exited,
    stop,
    ...(uiPort !== undefined && { uiUrl: `http://${HOST}:${uiPort}` }),
  };
}

function commandLine(options: TemporalServerOptions, port: number, uiPort: number | undefined): string[] {
  const words = ['server', 'start-dev', '--ip', HOST, '--port', String(port), '--log-level', 'error'];
  words.push(...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]));
  words.push('--namespace', options.namespace ?? 'default');
  if (options.databaseFile !== undefined) words.push('--db-filename', options.databaseFile);
  for (const [name, type] of Object.entries(SEARCH_ATTRIBUTES)) words.push('--search-attribute', `${name}=${type}`);
  for (const setting of [...DYNAMIC_CONFIG, ...(options.dynamicConfig ?? [])])
    words.push('--dynamic-config-value', setting);
  return words;
}

async function waitUntilServing(address: string, child: OwnedProcess, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isServing(address))) {
    if (!child.running) throw new EndedEarlyError(address, await child.exited, child.output);
    if (Date.now() > deadline) {
      throw new Error(`the Temporal server on ${address} did not answer within ${timeoutMs} ms:\n${child.output}`);
    }
    await delay(POLL_MS);
  }
}

async function isServing(address: string): Promise<boolean> {
  // Asked first because gRPC waits a second before it tries a refused connection again.
  if (!(await isListening(portOf(address)))) return false;
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address, connectTimeout: 2_000 });
    const { status }: { status: number } = await connection.healthService.check({ service: FRONTEND_SERVICE });
    return status === SERVING;
  } catch {
    return false;
  } finally {
    await connection?.close();
  }
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
