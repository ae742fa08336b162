import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../../../local/ports.ts';
import type { WorkerProcessOptions } from '../../../local/worker-process.ts';
import { TOKEN_SETTINGS } from '../../gateway/support/gateways.ts';
import { writeLeaseKey } from '../../support/lease-key.ts';
import { startRedisServer, type RedisServer } from '../../support/redis-server.ts';
import { sharedWorkflowBundle } from '../../support/workflow-bundle.ts';
import { ProcessSlot } from '../process-slot.ts';
import { TemporalService } from '../temporal-service.ts';
import type { Toxiproxy } from '../toxiproxy.ts';
import { GATEWAYS, LINKS, WORKERS, type GatewayName, type Link, type ProcessName } from './plan.ts';
import { POLICY } from './policy.ts';

/** Servers and processes of a run. */
export interface SessionsStack {
  readonly temporal: TemporalService;
  readonly redis: RedisServer;
  readonly slots: ReadonlyMap<ProcessName, ProcessSlot>;
  /** Each gateway keeps its port from life to life. */
  readonly urls: ReadonlyMap<GatewayName, string>;
  stop(): Promise<void>;
}

export function proxyName({ gateway, to }: Link): string {
  return `${gateway}-${to}`;
}

/** No process of a run asks for these. */
const ELSEWHERE = {
  awsUrl: 'http://127.0.0.1:9',
  stream: { url: 'http://127.0.0.1:9', apiKey: '', apiSecret: '', appId: '' },
};

export async function startSessionsStack(
  toxiproxy: Toxiproxy | undefined,
  onEvent: (line: string) => void,
): Promise<SessionsStack> {
  const directory = await mkdtemp(path.join(tmpdir(), 'chaos-sessions-'));
  const temporal = await TemporalService.start(directory);
  const redis = await startRedisServer();
  const upstreams = { temporal: temporal.address, redis: new URL(redis.url).host };
  const addresses = new Map<string, string>();
  for (const link of LINKS) {
    const proxy = await toxiproxy?.open(proxyName(link), upstreams[link.to]);
    addresses.set(proxyName(link), proxy?.listen ?? upstreams[link.to]);
  }
  const addressOf = (gateway: GatewayName, to: Link['to']): string =>
    addresses.get(proxyName({ gateway, to })) ?? upstreams[to];
  const shared = await writeSharedFiles(directory);
  const bundle = await sharedWorkflowBundle();
  const slots = new Map<ProcessName, ProcessSlot>();
  const open = (name: ProcessName, options: Pick<WorkerProcessOptions, 'temporalAddress' | 'roles' | 'env'>): void => {
    const onLine = (line: string): void => {
      // What is no log line is the last word of a process.
      if (!line.startsWith('{') || line.includes('"level":50') || line.includes('"level":60'))
        onEvent(`${name}: ${line.slice(0, 400)}`);
    };
    slots.set(name, new ProcessSlot(name, { ...ELSEWHERE, ...options, logLevel: 'info', onLine }));
  };
  for (const name of WORKERS) {
    open(name, { temporalAddress: temporal.address, roles: 'sessions', env: { WORKFLOW_BUNDLE: bundle } });
  }
  const urls = new Map<GatewayName, string>();
  for (const name of GATEWAYS) {
    const address = `127.0.0.1:${await freePort()}`;
    urls.set(name, `http://${address}`);
    const env = { ...shared, GATEWAY_ADDRESS: address, GATEWAY_REDIS_URL: `redis://${addressOf(name, 'redis')}` };
    open(name, { temporalAddress: addressOf(name, 'temporal'), roles: 'gateway', env });
  }
  for (const slot of slots.values()) slot.start();
  return {
    temporal,
    redis,
    slots,
    urls,
    async stop() {
      await Promise.all([...slots.values()].map((slot) => slot.stop()));
      await redis.kill();
      await temporal.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Settings that all gateways have in common; limits far above what one address may send otherwise. */
async function writeSharedFiles(directory: string): Promise<Record<string, string>> {
  const policyFile = path.join(directory, 'policy.json');
  await writeFile(policyFile, JSON.stringify(POLICY));
  return {
    SESSIONS_POLICY_FILE: policyFile,
    LEASE_PRIVATE_KEY_FILE: await writeLeaseKey(directory),
    GATEWAY_REPLICAS: String(GATEWAYS.length),
    ...TOKEN_SETTINGS,
    LIMIT_ADDRESS_PER_MINUTE: '6000000',
    LIMIT_ADDRESS_BURST: '1000000',
    LIMIT_USER_PER_MINUTE: '60000',
    LIMIT_USER_BURST: '10000',
    ABUSE_NEVER_BLOCK: '127.0.0.0/8',
  };
}
