import type { SharedRedis } from '../redis/connection.ts';
import { MemoryRateLimiter } from './memory-rate-limiter.ts';
import type { RateLimit, RateLimiter } from './rate-limiter.ts';
import { RedisRateLimiter } from './redis-rate-limiter.ts';
import { ResilientRateLimiter, type ResilientOptions } from './resilient-rate-limiter.ts';

export interface CreateRateLimiterOptions extends ResilientOptions {
  /** Tells this limit's keys from those of others in the shared store. */
  readonly name: string;
  readonly limit: RateLimit;
  /** What the gateways share; without it, the limit is this process's own. */
  readonly redis?: SharedRedis | undefined;
}

/** @throws RangeError when the limit or the share is not usable */
export function createRateLimiter({ name, limit, redis, ...options }: CreateRateLimiterOptions): RateLimiter {
  if (!redis) return new MemoryRateLimiter(limit, options);
  return new ResilientRateLimiter(new RedisRateLimiter(redis, name, limit), limit, options);
}
