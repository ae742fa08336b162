import { createHash } from 'node:crypto';
import { callRedis, REDIS_PREFIX, StoreUnavailableError, type SharedRedis } from '../redis/connection.ts';

/** Kept for so much longer than needed by this clock: another replica's may be behind. */
const SKEW_MS = 60_000;
const SWEEP_INTERVAL_MS = 10_000;
const DEFAULT_MAX_TOKENS = 1_000_000;

/** Remembers which one-time tokens were used. */
export interface OneTimeTokens {
  /**
   * Uses a token up.
   *
   * @param tokenId unique among all issuers
   * @param expiresAtMs when the token is not accepted any more, and may be forgotten
   * @returns false when it was used before
   * @throws StoreUnavailableError; whether the token is used up is then not known
   */
  consume(tokenId: string, expiresAtMs: number): Promise<boolean>;
}

export interface MemoryOneTimeTokensOptions {
  /** Most tokens kept; at more, none is accepted until some expire. Default 1,000,000. */
  readonly maxTokens?: number;
  /** Milliseconds since the epoch; default `Date.now`. For tests. */
  readonly clock?: () => number;
}

/** For a gateway that is alone: what it remembers ends with its process. */
export function createMemoryOneTimeTokens(options: MemoryOneTimeTokensOptions = {}): OneTimeTokens {
  const { maxTokens = DEFAULT_MAX_TOKENS, clock = Date.now } = options;
  const used = new Map<string, number>();
  let sweptAtMs = clock();

  const sweep = (now: number): void => {
    sweptAtMs = now;
    for (const [tokenId, forgetAtMs] of used) if (forgetAtMs < now) used.delete(tokenId);
  };

  const consume = (tokenId: string, expiresAtMs: number): boolean => {
    const now = clock();
    // The clock may be set back; the next sweep is then no further off than usual.
    if (Math.abs(now - sweptAtMs) >= SWEEP_INTERVAL_MS) sweep(now);
    if (used.has(tokenId)) return false;
    if (used.size >= maxTokens) throw new StoreUnavailableError(new Error(`${maxTokens} one-time tokens are kept`));
    used.set(tokenId, expiresAtMs + SKEW_MS);
    return true;
  };
  return { consume: async (tokenId, expiresAtMs) => consume(tokenId, expiresAtMs) };
}

/** Shared by all gateways of one Redis, and as durable as that is. */
export function createRedisOneTimeTokens(redis: SharedRedis): OneTimeTokens {
  return {
    async consume(tokenId, expiresAtMs) {
      const key = `${REDIS_PREFIX}:one-time:${createHash('sha256').update(tokenId).digest('base64url')}`;
      const keepMs = Math.ceil(Math.max(expiresAtMs - Date.now(), 0)) + SKEW_MS;
      return (await callRedis(redis, () => redis.set(key, '', 'PX', keepMs, 'NX'))) === 'OK';
    },
  };
}
