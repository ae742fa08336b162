import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/** A crash names its cause in the first lines and where it came from in the last. */
const HEAD_LINES = 10;
const TAIL_LINES = 20;
const OUTPUT_GRACE_MS = 500;

/**
 * Ends the process of the given id once this shell's standard input closes, which the kernel does however its parent
 * dies, SIGKILL included; Node has no PR_SET_PDEATHSIG.
 */
const WATCHDOG = `read -r _
kill -TERM "$1" 2>/dev/null
n=0
while [ $n -lt 30 ] && kill -0 "$1" 2>/dev/null; do sleep 1; n=$((n + 1)); done
kill -KILL "$1" 2>/dev/null`;

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface OwnedProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Every line the process writes, standard output and error alike. */
  readonly onLine?: (line: string) => void;
}

/**
 * A child process that does not outlive its parent and that Ctrl-C on the terminal does not reach: the parent decides when
 * it ends.
 */
export class OwnedProcess {
  readonly pid: number;
  readonly exited: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  readonly #output: string[];

  private constructor(child: ChildProcess, pid: number, output: string[]) {
    this.#child = child;
    this.#output = output;
    this.pid = pid;
    this.exited = exitOf(child);
  }

  /** @throws Error (`ENOENT`, `EACCES`) when the command cannot be started */
  static async start(
    command: string,
    args: readonly string[],
    options: OwnedProcessOptions = {},
  ): Promise<OwnedProcess> {
    // Detached: a process group of its own, else Ctrl-C would end all children at once, in no order.
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.env && { env: options.env }),
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    const output: string[] = [];
    const keep = (line: string) => {
      output.push(line);
      if (output.length > HEAD_LINES + TAIL_LINES) output.splice(HEAD_LINES, 1);
      options.onLine?.(line);
    };
    readLines(child.stdout, keep);
    readLines(child.stderr, keep);
    await once(child, 'spawn');
    if (child.pid === undefined) throw new Error(`${command} did not start`);
    const owned = new OwnedProcess(child, child.pid, output);
    owned.#watch();
    return owned;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The first lines it wrote, and the last ones. */
  get output(): string {
    return this.#output.join('\n');
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGTERM, then SIGKILL after the grace; resolves when it, and what it started, has ended. */
  async stop(graceMs: number): Promise<ProcessExit> {
    this.kill('SIGTERM');
    const timer = setTimeout(() => this.kill('SIGKILL'), graceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
      this.#killGroup();
    }
  }

  /** Its exit, brought about once the time is up or the signal says so. */
  async exitWithin(timeoutMs: number, graceMs: number, signal?: AbortSignal): Promise<ProcessExit> {
    const end = () => void this.stop(graceMs);
    const timer = setTimeout(end, timeoutMs);
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted) end();
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
    }
  }

  #killGroup(): void {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // Nothing of the group is left, the usual case.
    }
  }

  #watch(): void {
    if (process.platform === 'win32') return;
    const watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'watchdog', String(this.pid)], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // Without a shell the process is merely found again, and ended, at the next start.
    watchdog.once('error', () => undefined);
    watchdog.stdin.once('error', () => undefined);
    watchdog.unref();
    // Killed before its input closes, so that it never signals an id that has passed to another process.
    this.#child.once('exit', () => watchdog.kill('SIGKILL'));
  }
}

/** The exit, once the output has been read to its end; a process left behind may hold that open, so not for long. */
async function exitOf(child: ChildProcess): Promise<ProcessExit> {
  const closed = once(child, 'close');
  await once(child, 'exit');
  await Promise.race([closed, delay(OUTPUT_GRACE_MS, undefined, { ref: false })]);
  return { code: child.exitCode, signal: child.signalCode };
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', onLine);
}

/** Such as `exit code 1` or `signal SIGKILL`. */
export function describeExit({ code, signal }: ProcessExit): string {
  return signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`;
}
