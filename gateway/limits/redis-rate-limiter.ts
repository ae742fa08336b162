import { z } from 'zod';
import { REDIS_PREFIX, type SharedRedis } from '../redis/connection.ts';
import { redisScript, type RedisScript } from '../redis/script.ts';
import { boundedKey } from './bounded-key.ts';
import { assertCost, meterOf, verdictOf, type Meter } from './gcra.ts';
import type { RateLimit, RateLimiter, RateVerdict } from './rate-limiter.ts';

/**
 * `readMeter` in Redis, on its clock. KEYS the key. ARGV microseconds that the whole burst takes to come back, and those
 * of the cost. Lua writes large numbers with an exponent and loses digits, hence the format.
 */
const TAKE = `
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local capacity = tonumber(ARGV[1])
local cost = tonumber(ARGV[2])
local before = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or now) - now, 0), capacity)
local after = before + cost
if after > capacity then return { 0, before } end
if cost > 0 then redis.call('SET', KEYS[1], string.format('%.0f', now + after), 'PX', math.ceil(after / 1000)) end
return { 1, after }
`;

const takeReply = z.tuple([z.literal([0, 1]), z.number()]);

/** One budget for all gateways. A key lives in Redis until it has its full burst again. */
export class RedisRateLimiter implements RateLimiter {
  readonly #meter: Meter;
  readonly #prefix: string;
  readonly #take: RedisScript;

  /**
   * @param name tells this limit's keys from those of others
   * @throws RangeError when the limit is not usable
   */
  constructor(redis: SharedRedis, name: string, limit: RateLimit) {
    this.#meter = meterOf(limit);
    this.#prefix = `${REDIS_PREFIX}:limit:${name}:`;
    this.#take = redisScript(redis, TAKE);
  }

  async take(key: string, cost = 1): Promise<RateVerdict> {
    assertCost(this.#meter, cost);
    const { unitUs, burst } = this.#meter;
    const reply = await this.#take([this.#prefix + boundedKey(key)], [unitUs * burst, unitUs * cost]);
    const [allowed, fullInUs] = takeReply.parse(reply);
    return verdictOf(this.#meter, { allowed: allowed === 1, fullInUs }, cost);
  }
}
