import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, openSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, isListening } from '../../local/ports.ts';
import { makeCertificate, whyNoOpenssl } from './certificate.ts';
import { eventually } from './eventually.ts';

const CONFIGURATION = join(import.meta.dirname, '../../ops/nginx');

export interface NginxOptions {
  /** Ports of gateways on 127.0.0.1. */
  readonly gateways: readonly number[];
  /** Of their admin listeners; default: the same ports. */
  readonly admissions?: readonly number[];
  /** Replaces `site/limits.conf`; default the one of ops/nginx. */
  readonly limits?: string;
  /** Replaces `site/load-balancer.conf`; default the one of ops/nginx. */
  readonly loadBalancer?: string;
}

/** A real nginx with the configuration of ops/nginx and a certificate of its own. */
export interface NginxServer {
  readonly port: number;
  /** PEM that a client has to trust. */
  readonly certificate: string;
  accessLog(): Promise<string>;
  errorLog(): Promise<string>;
  stop(): Promise<void>;
}

/** Why tests that need nginx cannot run; nothing when they can. */
export function whyNoNginx(): string | undefined {
  if (spawnSync('nginx', ['-v']).status !== 0) return 'nginx is not installed';
  return whyNoOpenssl();
}

/** @throws Error with what `nginx -t` says when the configuration is not valid */
export async function startNginx(options: NginxOptions): Promise<NginxServer> {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-'));
  try {
    const port = await freePort();
    await configure(folder, port, options);
    const child = await start(folder, port);
    return {
      port,
      certificate: await readFile(join(folder, 'tls.crt'), 'utf8'),
      accessLog: () => readFile(join(folder, 'access.log'), 'utf8'),
      errorLog: () => readFile(join(folder, 'error.log'), 'utf8'),
      async stop() {
        await stop(child);
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function configure(
  folder: string,
  port: number,
  { gateways, admissions = gateways, limits, loadBalancer }: NginxOptions,
): Promise<void> {
  // Started by root, its workers are somebody else and have to get in.
  chmodSync(folder, 0o755);
  const site = join(folder, 'site');
  await mkdir(site);
  const main = await readFile(join(CONFIGURATION, 'nginx.conf'), 'utf8');
  const admissionTimeout = 'proxy_read_timeout 3s;';
  assert.ok(main.includes(admissionTimeout), 'the time-out of the admission');
  // The gateway of a test often runs in its own process, which may stand still for longer than that on a busy machine.
  await writeFile(join(folder, 'nginx.conf'), main.replace(admissionTimeout, 'proxy_read_timeout 15s;'));
  for (const [name, text] of [
    ['limits.conf', limits],
    ['load-balancer.conf', loadBalancer],
  ] as const) {
    if (text === undefined) await copyFile(join(CONFIGURATION, 'site', name), join(site, name));
    else await writeFile(join(site, name), text);
  }
  for (const [name, ports] of [
    ['gateways.conf', gateways],
    ['admission.conf', admissions],
  ] as const) {
    const servers = ports.map((gateway) => `server 127.0.0.1:${gateway} max_fails=2 fail_timeout=5s;\n`);
    await writeFile(join(site, name), servers.join(''));
  }
  const certificate = join(folder, 'tls.crt');
  const key = join(folder, 'tls.key');
  makeCertificate(certificate, key);
  const listen = (await readFile(join(CONFIGURATION, 'site/listen.conf'), 'utf8'))
    .replace(/^listen \[::\].*\n/m, '')
    .replace('listen 443', `listen 127.0.0.1:${port}`)
    .replace('/etc/nginx/tls/tls.crt', certificate)
    .replace('/etc/nginx/tls/tls.key', key);
  await writeFile(join(site, 'listen.conf'), listen);
}

async function start(folder: string, port: number): Promise<ChildProcess> {
  const where = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')];
  // /dev/stdout can be opened as a file, and not as the socket that a pipe of Node's is.
  const stdout = openSync(join(folder, 'access.log'), 'a');
  const stderr = openSync(join(folder, 'error.log'), 'a');
  const check = spawnSync('nginx', [...where, '-t'], { stdio: ['ignore', stdout, 'pipe'] });
  if (check.status !== 0) throw new Error(`nginx -t: ${check.stderr.toString()}`);
  const child = spawn('nginx', [...where, '-g', 'daemon off;'], { stdio: ['ignore', stdout, stderr] });
  closeSync(stdout);
  closeSync(stderr);
  try {
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(`nginx ended: ${await readFile(join(folder, 'error.log'), 'utf8')}`);
      if (!(await isListening(port))) throw new Error('nginx does not listen yet');
    });
  } catch (error) {
    await stop(child);
    throw error;
  }
  return child;
}

/** SIGTERM to the master ends its workers too. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
