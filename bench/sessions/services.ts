import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DEFAULT_SESSION_POLICY, type SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import { cacheDirectory, inheritedEnvironment } from '../../local/config.ts';
import { freePort } from '../../local/ports.ts';
import { findTemporalBinary } from '../../local/temporal-binary.ts';
import { ensureNamespace, ensureSearchAttributes } from '../../local/temporal-namespace.ts';
import { startTemporalServer } from '../../local/temporal-server.ts';
import { startWorkerProcess, type WorkerProcess } from '../../local/worker-process.ts';
import { startRedisServer, type RedisServer } from '../../test/support/redis-server.ts';
import { JWT_SECRET } from './tokens.ts';

const NOWHERE = { url: 'http://127.0.0.1:9', apiKey: 'none', apiSecret: 'none', appId: '1' };
/** Limits that no benchmark reaches, for those that do not measure them. */
export const NO_LIMITS = {
  LIMIT_ADDRESS_PER_MINUTE: '6000000',
  LIMIT_ADDRESS_BURST: '6000000',
  LIMIT_USER_PER_MINUTE: '6000000',
  LIMIT_USER_BURST: '6000000',
} as const;

export interface GatewayProcess {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
}

export interface GatewayProcessOptions {
  readonly port?: number;
  readonly redisUrl?: string | undefined;
  readonly awsUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A real Temporal and a real Redis, and processes of sessions workers and gateways on them. */
export interface Services extends AsyncDisposable {
  readonly address: string;
  readonly namespace: string;
  readonly client: Client;
  readonly policy: SessionPolicy;
  readonly redis: RedisServer;
  readonly temporalPid: number;
  /** Prometheus text of the Temporal server. */
  readonly temporalMetricsUrl: string;
  startWorker(env?: Readonly<Record<string, string>>): Promise<WorkerProcess>;
  startGateway(options?: GatewayProcessOptions): Promise<GatewayProcess>;
  /** The same servers, with a namespace and a policy of their own. */
  withPolicy(namespace: string, policy: Partial<SessionPolicy>): Promise<Services>;
}

interface Servers {
  readonly address: string;
  readonly connection: Connection;
  readonly folder: string;
  readonly redis: RedisServer;
  readonly temporalPid: number;
  readonly temporalMetricsUrl: string;
  readonly processes: Set<WorkerProcess>;
}

export async function startServices(policy: Partial<SessionPolicy> = {}): Promise<Services> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-sessions-'));
  const metricsPort = await freePort();
  const server = await startTemporalServer({ binary: await temporalWithMetrics(folder, metricsPort), uiPort: 'none' });
  const connection = await Connection.connect({ address: server.address });
  const redis = await startRedisServer();
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFile(leaseKeyFile(folder), privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const processes = new Set<WorkerProcess>();
  const servers: Servers = {
    address: server.address,
    connection,
    folder,
    redis,
    temporalPid: server.pid,
    temporalMetricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    processes,
  };
  const stop = async (): Promise<void> => {
    await Promise.all(Array.from(processes, (child) => child.stop()));
    await connection.close();
    await redis.kill();
    await server.stop();
    await rm(folder, { recursive: true });
  };
  return await servicesIn(servers, 'default', policy, stop);
}

async function servicesIn(
  servers: Servers,
  namespace: string,
  given: Partial<SessionPolicy>,
  stop: () => Promise<void>,
): Promise<Services> {
  const { address, connection, folder, redis, processes, temporalPid, temporalMetricsUrl } = servers;
  await ensureNamespace(connection, { namespace });
  await ensureSearchAttributes(connection, namespace);
  const policy: SessionPolicy = { ...DEFAULT_SESSION_POLICY, ...given };
  const policyFile = path.join(folder, `policy-${namespace}.json`);
  await writeFile(policyFile, JSON.stringify(policy));
  const start = async (roles: string, env: Readonly<Record<string, string>>, awsUrl = NOWHERE.url) => {
    const common = { temporalAddress: address, namespace, awsUrl, stream: NOWHERE, logLevel: 'error' };
    const child = await startWorkerProcess({ ...common, roles, env });
    processes.add(child);
    await child.ready();
    return child;
  };
  return {
    address,
    namespace,
    client: new Client({ connection, namespace }),
    policy,
    redis,
    temporalPid,
    temporalMetricsUrl,
    startWorker: (env = {}) => start('sessions', env),
    async startGateway({ port, redisUrl, awsUrl, env = {} } = {}) {
      const hostAndPort = `127.0.0.1:${port ?? (await freePort())}`;
      const shared = { GATEWAY_REDIS_URL: redisUrl ?? '', LEASE_PRIVATE_KEY_FILE: leaseKeyFile(folder) };
      const tokens = { JWT_SECRET, JWT_UNCHECKED_CLAIMS: 'iss,aud' };
      const settings = { GATEWAY_ADDRESS: hostAndPort, SESSIONS_POLICY_FILE: policyFile, ...tokens, ...shared };
      const child = await start('gateway', { ...settings, ...env }, awsUrl);
      const end = async (how: Promise<unknown>): Promise<void> => {
        processes.delete(child);
        await how;
      };
      return {
        url: `http://${hostAndPort}`,
        pid: child.pid,
        stop: () => end(child.stop()),
        kill() {
          child.kill('SIGKILL');
          return end(child.exited);
        },
      };
    },
    withPolicy: (other, changed) => servicesIn(servers, other, changed, async () => undefined),
    [Symbol.asyncDispose]: stop,
  };
}

function leaseKeyFile(folder: string): string {
  return path.join(folder, 'lease-key.pem');
}

/** The server's metrics are on a port that only its command line can name. */
async function temporalWithMetrics(folder: string, metricsPort: number): Promise<string> {
  const binary = await findTemporalBinary({
    env: inheritedEnvironment(),
    cacheDirectory: cacheDirectory(),
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
  const wrapper = path.join(folder, 'temporal');
  await writeFile(wrapper, `#!/bin/sh\nexec '${binary}' "$@" --metrics-port ${metricsPort}\n`);
  await chmod(wrapper, 0o755);
  return wrapper;
}
