import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startRedisServer, type RedisServer } from '../../support/redis-server.ts';

/** What several gateways share: a Redis, and a key for signing leases. */
export interface SharedStore {
  readonly redis: RedisServer;
  /** Of each of three gateways. */
  readonly settings: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export async function startSharedStore(): Promise<SharedStore> {
  const redis = await startRedisServer();
  const folder = await mkdtemp(path.join(tmpdir(), 'leases-'));
  const keyFile = path.join(folder, 'lease.pem');
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFile(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return {
    redis,
    settings: { GATEWAY_REDIS_URL: redis.url, LEASE_PRIVATE_KEY_FILE: keyFile, GATEWAY_REPLICAS: '3' },
    stop: async () => {
      await redis.kill();
      await rm(folder, { recursive: true });
    },
  };
}
