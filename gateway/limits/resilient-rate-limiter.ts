import { StoreUnavailableError } from '../redis/connection.ts';
import { MemoryRateLimiter, type MemoryRateLimiterOptions } from './memory-rate-limiter.ts';
import type { RateLimit, RateLimiter, RateVerdict } from './rate-limiter.ts';

export interface ResilientOptions extends MemoryRateLimiterOptions {
  /** How many gateways share the limit; default 1. */
  readonly replicas?: number;
  /** Which part of the limit this process grants by itself while the store is away, above 0 to 1; default 1 / replicas. */
  readonly degradedShare?: number;
  /** Called for each verdict that the store had no part in. */
  readonly onDegraded?: () => void;
}

/**
 * A shared limit that holds on without its store: this process then grants a share of it from its own memory. So nobody is
 * refused because the store is away, and what several gateways grant together stays near the limit.
 */
export class ResilientRateLimiter implements RateLimiter {
  readonly #shared: RateLimiter;
  readonly #local: RateLimiter;
  readonly #localBurst: number;
  readonly #onDegraded: (() => void) | undefined;
  #degraded = false;

  /** @throws RangeError when the limit or the share is not usable */
  constructor(shared: RateLimiter, limit: RateLimit, options: ResilientOptions = {}) {
    const { replicas = 1, degradedShare = 1 / replicas } = options;
    const share = shareOf(limit, degradedShare);
    this.#shared = shared;
    this.#local = new MemoryRateLimiter(share, options);
    this.#localBurst = share.burst;
    this.#onDegraded = options.onDegraded;
  }

  /** Whether the last verdict came from this process's own memory. */
  get degraded(): boolean {
    return this.#degraded;
  }

  async take(key: string, cost = 1): Promise<RateVerdict> {
    try {
      const verdict = await this.#shared.take(key, cost);
      this.#degraded = false;
      return verdict;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
    this.#degraded = true;
    this.#onDegraded?.();
    // What costs more than this process's share of the burst takes all of it.
    return await this.#local.take(key, Math.min(cost, this.#localBurst));
  }
}

function shareOf({ limit, windowMs, burst = limit }: RateLimit, share: number): Required<RateLimit> {
  if (!(share > 0 && share <= 1)) throw new RangeError(`degradedShare must be above 0 and at most 1: ${share}`);
  return { limit: Math.max(1, Math.floor(limit * share)), windowMs, burst: Math.max(1, Math.floor(burst * share)) };
}
