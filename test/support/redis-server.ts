import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../local/ports.ts';
import { eventually } from './eventually.ts';

const run = promisify(execFile);

/** A real Redis of its own, without persistence, on a free port. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Ends the process at once: its data are lost. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>;
  /** Holds the process: connections stay open and nothing is answered. */
  freeze(): void;
  thaw(): void;
  /** Sends a command as an operator would. @returns what `redis-cli` prints */
  command(...words: readonly string[]): Promise<string>;
}

/** Why tests that need Redis cannot run; nothing when they can. */
export function whyNoRedis(): string | undefined {
  const found = ['redis-server', 'redis-cli'].every((program) => spawnSync(program, ['--version']).status === 0);
  return found ? undefined : 'redis-server and redis-cli are not installed';
}

/**
 * @param args of `redis-server`, beside and after those that a test always needs
 * @param options port to listen on, default a free one; password with which commands are sent, where one is needed
 */
export async function startRedisServer(
  args: readonly string[] = [],
  { at, password }: { readonly at?: number | undefined; readonly password?: string | undefined } = {},
): Promise<RedisServer> {
  const port = at ?? (await freePort());
  let child = await start(port, args);
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    async kill() {
      await stop(child);
    },
    async restart() {
      await stop(child);
      child = await start(port, args);
    },
    freeze() {
      child.kill('SIGSTOP');
    },
    thaw() {
      child.kill('SIGCONT');
    },
    command: (...words) => redisCli(...(password === undefined ? [] : ['-a', password]), '-p', String(port), ...words),
  };
}

export async function redisCli(...args: readonly string[]): Promise<string> {
  // An error of the server is one of the program.
  const { stdout } = await run('redis-cli', ['-e', ...args], { timeout: 20_000 });
  return stdout.trim();
}

async function start(port: number, args: readonly string[]): Promise<ChildProcess> {
  // Of its own: a replica leaves what it was sent in a file there, which the next one to start would read.
  const folder = await mkdtemp(path.join(tmpdir(), 'redis-'));
  const always = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  // A file of configuration comes first.
  const files = args.slice(0, args[0]?.startsWith('--') === false ? 1 : 0);
  const child = spawn('redis-server', [...files, ...always, ...args.slice(files.length)], { stdio: 'ignore' });
  child.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  await eventually(async () => {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
    } finally {
      socket.destroy();
    }
  });
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
