import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory, inheritedEnvironment } from '../../local/config.ts';
import { OwnedProcess } from '../../local/owned-process.ts';
import { freePort, isListening } from '../../local/ports.ts';
import { eventually } from '../support/eventually.ts';
import type { Toxic } from './plan.ts';

const VERSION = '2.12.0';
const PACKAGE = `github.com/Shopify/toxiproxy/v2/cmd/server@v${VERSION}`;
const BUILD_TIMEOUT_MS = 300_000;
const run = promisify(execFile);

/** Where a proxy listens, and what it passes on to: `host:port`. */
export interface Proxy {
  readonly name: string;
  readonly listen: string;
}

/** A Toxiproxy of our own: real TCP proxies whose connections can be slowed, cut and starved. */
export class Toxiproxy {
  readonly #server: OwnedProcess;
  readonly #api: string;

  private constructor(server: OwnedProcess, api: string) {
    this.#server = server;
    this.#api = api;
  }

  static async start(binary: string): Promise<Toxiproxy> {
    const port = await freePort();
    const server = await OwnedProcess.start(binary, ['-host', '127.0.0.1', '-port', String(port)]);
    await eventually(async () => {
      if (!(await isListening(port))) throw new Error(`Toxiproxy does not answer:\n${server.output}`);
    });
    return new Toxiproxy(server, `http://127.0.0.1:${port}`);
  }

  async open(name: string, upstream: string): Promise<Proxy> {
    const listen = `127.0.0.1:${await freePort()}`;
    await this.#send('POST', '/proxies', { name, listen, upstream, enabled: true });
    return { name, listen };
  }

  /** @returns takes the toxic away again */
  async poison(proxy: string, toxic: Toxic): Promise<() => Promise<void>> {
    const name = `${toxic.type}-${performance.now()}`;
    await this.#send('POST', `/proxies/${proxy}/toxics`, { ...toxic, name, stream: 'downstream', toxicity: 1 });
    return () => this.#send('DELETE', `/proxies/${proxy}/toxics/${name}`);
  }

  async stop(): Promise<void> {
    await this.#server.stop(2_000);
  }

  async #send(method: string, route: string, body?: object): Promise<void> {
    const response = await fetch(`${this.#api}${route}`, { method, ...(body ? { body: JSON.stringify(body) } : {}) });
    if (!response.ok) throw new Error(`Toxiproxy refused ${method} ${route}: ${await response.text()}`);
  }
}

/** Undefined, with the reason added to what the run skipped, where there is none. */
export async function startToxiproxy(build: boolean, skipped: string[]): Promise<Toxiproxy | undefined> {
  try {
    return await Toxiproxy.start(await findToxiproxy(build));
  } catch (error) {
    skipped.push(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** The Toxiproxy server in the cache, built there with Go when asked for. @throws Error that says why there is none */
async function findToxiproxy(build: boolean): Promise<string> {
  const target = path.join(cacheDirectory(), `toxiproxy-${VERSION}`, 'toxiproxy-server');
  if (await exists(target)) return target;
  if (!build) throw new Error('Toxiproxy is not in the cache; npm run chaos builds it once');
  await mkdir(path.dirname(target), { recursive: true });
  const scratch = await mkdtemp(path.join(cacheDirectory(), 'toxiproxy-build-'));
  try {
    const env = { ...inheritedEnvironment(), GOBIN: scratch };
    await run('go', ['install', PACKAGE], { env, timeout: BUILD_TIMEOUT_MS });
    await rename(path.join(scratch, 'server'), target);
    return target;
  } catch (cause) {
    throw new Error(`Toxiproxy could not be built: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
