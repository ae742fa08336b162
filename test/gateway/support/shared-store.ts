import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeLeaseKey } from '../../support/lease-key.ts';
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
  return {
    redis,
    settings: {
      GATEWAY_REDIS_URL: redis.url,
      LEASE_PRIVATE_KEY_FILE: await writeLeaseKey(folder),
      GATEWAY_REPLICAS: '3',
    },
    stop: async () => {
      await redis.kill();
      await rm(folder, { recursive: true });
    },
  };
}
