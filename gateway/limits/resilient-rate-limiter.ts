import { StoreUnavailableError } from '../redis/connection.ts';
import { MemoryRateLimiter, type MemoryRateLimiterOptions } from './memory-rate-limiter.ts';
import type { RateLimit, RateLimiter, RateVerdict } from './rate-limiter.ts';

export interface ResilientOptions extends MemoryRateLimiterOptions {
  /** How many gateways share the limit; default 1. */
  readonly replicas?: number;
  /** Which part of the limit this process grants by itself while the store is away, above 0 to 1; default 1 / replicas. */
  readonly degradedShare?: number;
  /** Longest wait for the store, milliseconds; default 250. Then it counts as away. */
  readonly timeoutMs?: number;
  /** How often the store is asked again while it is away, milliseconds; default 1,000. */
  readonly probeEveryMs?: number;
  /** Called for each verdict that the store had no part in. */
  readonly onDegraded?: () => void;
}

/** A key that nobody limits: asking for it tells whether the store is back. */
const PROBE_KEY = 'probe';

/**
 * A shared limit that holds on without its store: this process then grants a share of it from its own memory. So nobody is
 * refused because the store is away, and what several gateways grant together stays near the limit. While it is away no
 * request waits for it: one question at a time finds out when it is back.
 */
export class ResilientRateLimiter implements RateLimiter {
  readonly #shared: RateLimiter;
  readonly #local: RateLimiter;
  readonly #localBurst: number;
  readonly #options: ResilientOptions;
  readonly #nowMs: () => number;
  #away = false;
  #probing = false;
  #probeAtMs = 0;

  /** @throws RangeError when the limit or the share is not usable */
  constructor(shared: RateLimiter, limit: RateLimit, options: ResilientOptions = {}) {
    const { replicas = 1, degradedShare = 1 / replicas } = options;
    this.#shared = shared;
    const share = shareOf(limit, degradedShare);
    this.#local = new MemoryRateLimiter(share, options);
    this.#localBurst = share.burst;
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Whether verdicts come from this process's own memory. */
  get degraded(): boolean {
    return this.#away;
  }

  async take(key: string, cost = 1): Promise<RateVerdict> {
    if (!this.#away) {
      try {
        return await this.#ask(key, cost);
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        this.#away = true;
        this.#probeLater();
      }
    } else if (!this.#probing && this.#nowMs() >= this.#probeAtMs) {
      void this.#probe();
    }
    this.#options.onDegraded?.();
    return await this.#takeLocally(key, cost);
  }

  /** What costs more than this process's share of the burst takes all of it. */
  async #takeLocally(key: string, cost: number): Promise<RateVerdict> {
    return await this.#local.take(key, Math.min(cost, this.#localBurst));
  }

  async #probe(): Promise<void> {
    this.#probing = true;
    try {
      await this.#ask(PROBE_KEY, 0);
      this.#away = false;
    } catch {
      this.#probeLater();
    } finally {
      this.#probing = false;
    }
  }

  #probeLater(): void {
    this.#probeAtMs = this.#nowMs() + (this.#options.probeEveryMs ?? 1_000);
  }

  async #ask(key: string, cost: number): Promise<RateVerdict> {
    const { timeoutMs = 250 } = this.#options;
    const late = Promise.withResolvers<never>();
    const giveUp = () => late.reject(new StoreUnavailableError(new Error(`no answer within ${timeoutMs} ms`)));
    // After a pause of this process timers come first: what has arrived meanwhile is read before it counts as late.
    const timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
    try {
      return await Promise.race([this.#shared.take(key, cost), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function shareOf({ limit, windowMs, burst = limit }: RateLimit, share: number): Required<RateLimit> {
  if (!(share > 0 && share <= 1)) throw new RangeError(`degradedShare must be above 0 and at most 1: ${share}`);
  return { limit: Math.max(1, Math.floor(limit * share)), windowMs, burst: Math.max(1, Math.floor(burst * share)) };
}
