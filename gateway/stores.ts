import type { Logger } from 'pino';
import type { SessionPolicy } from '../contracts/sessions/session-limits.ts';
import { createMemoryOneTimeTokens, createRedisOneTimeTokens, type OneTimeTokens } from './auth/token-memory.ts';
import type { Blacklist } from './blacklist/blacklist.ts';
import { openMemoryBlacklist } from './blacklist/memory-blacklist.ts';
import { openRedisBlacklist } from './blacklist/redis-blacklist.ts';
import { MOST_PER_MINUTE, type GatewaySettings } from './config.ts';
import { createRateLimiter } from './limits/create-rate-limiter.ts';
import type { RateLimiter } from './limits/rate-limiter.ts';
import { connectRedis, type SharedRedis } from './redis/connection.ts';
import type { BeatStore } from './watch/beat-store.ts';
import { MemoryBeatStore } from './watch/memory-beat-store.ts';
import { RedisBeatStore } from './watch/redis-beat-store.ts';
import { ResilientBeatStore, type ResilientBeatStoreOptions } from './watch/resilient-beat-store.ts';

/** What a gateway remembers: in Redis where several share it, in memory where one is alone. */
export interface GatewayStores {
  readonly redis: SharedRedis | undefined;
  readonly beats: BeatStore;
  readonly oneTimeTokens: OneTimeTokens;
  readonly addressLimiter: RateLimiter;
  readonly forwarderLimiter: RateLimiter;
  readonly userLimiter: RateLimiter;
  readonly serviceLimiter: RateLimiter;
  readonly blacklist: Blacklist;
  close(): Promise<void>;
}

const MINUTE_MS = 60_000;
/** Addresses' worth of requests without a valid token that those who come through one peer share. */
const CLIENTS_OF_FORWARDER = 10;

export interface GatewayStoresOptions extends Pick<ResilientBeatStoreOptions, 'leftToThis'> {
  readonly settings: GatewaySettings;
  readonly policy: SessionPolicy;
  readonly logger: Logger;
  readonly onDegraded: (part: string) => void;
}

export async function openGatewayStores(options: GatewayStoresOptions): Promise<GatewayStores> {
  const { settings, policy, logger, leftToThis, onDegraded } = options;
  const { GATEWAY_REDIS_URL: url, GATEWAY_REPLICAS: replicas } = settings;
  const redis = url === undefined ? undefined : connectRedis(url, logger);
  const times = { graceMs: policy.leaseMs, rememberEndsMs: policy.rememberEndedMs };
  const limiter = (name: string, limit: number, burst: number): RateLimiter =>
    createRateLimiter({
      name,
      redis,
      replicas,
      limit: { limit, burst, windowMs: MINUTE_MS },
      onDegraded: () => onDegraded('limits'),
    });
  const { LIMIT_ADDRESS_PER_MINUTE: ofAddress, LIMIT_ADDRESS_BURST: addressBurst } = settings;
  const blacklist = redis
    ? await openRedisBlacklist({ redis, logger })
    : await openMemoryBlacklist({ file: settings.BLACKLIST_FILE });
  return {
    redis,
    beats: redis
      ? new ResilientBeatStore(new RedisBeatStore(redis, times), { ...times, leftToThis })
      : new MemoryBeatStore(times),
    oneTimeTokens: redis ? createRedisOneTimeTokens(redis) : createMemoryOneTimeTokens(),
    addressLimiter: limiter('address', ofAddress, addressBurst),
    forwarderLimiter: limiter(
      'forwarder',
      Math.min(CLIENTS_OF_FORWARDER * ofAddress, MOST_PER_MINUTE),
      CLIENTS_OF_FORWARDER * addressBurst,
    ),
    userLimiter: limiter('user', settings.LIMIT_USER_PER_MINUTE, settings.LIMIT_USER_BURST),
    serviceLimiter: limiter('service', settings.LIMIT_SERVICE_PER_MINUTE, settings.LIMIT_SERVICE_BURST),
    blacklist,
    async close() {
      await blacklist.close();
      redis?.disconnect();
    },
  };
}
