import { execFile } from 'node:child_process';
import { access, constants, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { makeDirectory } from '../contracts/shared/make-directory.ts';
import { OwnedProcess } from './owned-process.ts';
import { LockHeldError, ProcessLock } from './process-lock.ts';
import { buildTemporal } from './temporal-build.ts';
import { downloadedName, faultOfVersion, TEMPORAL_GO_PACKAGE, TEMPORAL_VERSION } from './temporal-version.ts';

const run = promisify(execFile);
const VERSION_TIMEOUT_MS = 15_000;
const STOP_GRACE_MS = 2_000;
const LOCK_POLL_MS = 500;

export interface BinarySearch {
  /** Environment of what is started, and the `PATH` that is searched. */
  readonly env: Readonly<Record<string, string>>;
  /** Folder of binaries fetched or built earlier: `<cache>/temporal-<version>/temporal`. */
  readonly cacheDirectory: string;
  /** Longest download, milliseconds; default 60,000. A closed network may never answer. */
  readonly downloadTimeoutMs?: number;
  /** Longest build, milliseconds; default 20 minutes. */
  readonly buildTimeoutMs?: number;
  /** Breaks off a download or a build. */
  readonly signal?: AbortSignal;
  /** Told what goes on while a binary is fetched or built. */
  readonly onProgress?: (line: string) => void;
}

/** No way to a Temporal CLI was found. The message says what was tried and what can be done. */
export class TemporalBinaryError extends Error {
  override readonly name = 'TemporalBinaryError';

  constructor(attempts: readonly string[]) {
    super(
      `no Temporal CLI could be found, fetched or built:\n${attempts.map((attempt) => `  - ${attempt}`).join('\n')}\n` +
        'Do one of these: install the Temporal CLI so that `temporal` is on PATH; install Go 1.24 or newer and start ' +
        'again; or set TEMPORAL_ADDRESS=<host:port> to use a server that runs elsewhere.',
    );
  }
}

/**
 * Finds the Temporal CLI: on `PATH`, in the cache, by the SDK's download, by a build with Go, in this order.
 * @throws TemporalBinaryError
 */
export async function findTemporalBinary(search: BinarySearch): Promise<string> {
  const cached = path.join(search.cacheDirectory, `temporal-${TEMPORAL_VERSION}`, executable('temporal'));
  const attempts: string[] = [];

  const onPath = await findOnPath('temporal', search.env['PATH']);
  const fault = onPath === undefined ? 'there is none' : await faultOf(onPath);
  if (onPath !== undefined && fault === undefined) return onPath;
  attempts.push(`temporal on PATH: ${fault}`);

  if (await isExecutable(cached)) return cached;
  attempts.push(`the cache, ${cached}: there is none`);

  const lock = await waitForLock(path.join(search.cacheDirectory, 'temporal.lock'), search);
  try {
    // Whoever held the lock may have put it there.
    if (await isExecutable(cached)) return cached;
    const unfetched = await attempt(() => download(cached, search));
    if (unfetched === undefined) return cached;
    search.signal?.throwIfAborted();
    attempts.push(`download by the Temporal SDK: ${unfetched}`);

    const go = await findOnPath('go', search.env['PATH']);
    const unbuilt = go === undefined ? 'there is no Go on PATH' : await attempt(() => build(go, cached, search));
    if (unbuilt === undefined) return cached;
    search.signal?.throwIfAborted();
    attempts.push(`go install ${TEMPORAL_GO_PACKAGE}: ${unbuilt}`);
  } finally {
    await lock.release();
  }
  throw new TemporalBinaryError(attempts);
}

async function download(target: string, search: BinarySearch): Promise<void> {
  const timeoutMs = search.downloadTimeoutMs ?? 60_000;
  const seconds = Math.round(timeoutMs / 1000);
  search.onProgress?.(`Fetching Temporal ${TEMPORAL_VERSION} with the SDK's downloader, for at most ${seconds} s`);
  const scratch = await mkdtemp(path.join(search.cacheDirectory, 'download-'));
  try {
    const script = path.join(import.meta.dirname, `temporal-download${path.extname(import.meta.filename)}`);
    const fetcher = await OwnedProcess.start(process.execPath, [script, scratch], { env: search.env });
    const exit = await fetcher.exitWithin(timeoutMs, STOP_GRACE_MS, search.signal);
    const fetched = path.join(scratch, downloadedName());
    if (!(await isExecutable(fetched))) {
      throw new Error(exit.signal === null ? lastLine(fetcher.output) : `no answer after ${seconds} s`);
    }
    const fault = await faultOf(fetched);
    if (fault !== undefined) throw new Error(fault);
    makeDirectory(path.dirname(target));
    await rename(fetched, target);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function build(go: string, target: string, search: BinarySearch): Promise<void> {
  await buildTemporal({
    go,
    target,
    env: search.env,
    timeoutMs: search.buildTimeoutMs ?? 20 * 60_000,
    onProgress: search.onProgress ?? (() => undefined),
    ...(search.signal && { signal: search.signal }),
  });
}

async function waitForLock(file: string, search: BinarySearch): Promise<ProcessLock> {
  for (;;) {
    try {
      return await ProcessLock.acquire(file);
    } catch (error) {
      if (!(error instanceof LockHeldError)) throw error;
      search.onProgress?.(`Process ${error.holder.pid} is fetching or building Temporal: waiting for it`);
      await delay(LOCK_POLL_MS, undefined, search.signal && { signal: search.signal });
    }
  }
}

/** @returns what went wrong; undefined when nothing did */
async function attempt(step: () => Promise<void>): Promise<string | undefined> {
  try {
    await step();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function faultOf(binary: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(binary, ['--version'], { timeout: VERSION_TIMEOUT_MS });
    return faultOfVersion(stdout);
  } catch (error) {
    return `${binary} does not run: ${error instanceof Error ? lastLine(error.message) : String(error)}`;
  }
}

async function findOnPath(name: string, searchPath = ''): Promise<string | undefined> {
  for (const directory of searchPath.split(path.delimiter)) {
    const candidate = path.join(directory, executable(name));
    if (directory !== '' && (await isExecutable(candidate))) return candidate;
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  return await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function executable(name: string): string {
  return process.platform === 'win32' ? `${name}.exe` : name;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? text;
}
