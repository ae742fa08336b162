import { boundedKey } from './bounded-key.ts';
import { FullTimes } from './full-times.ts';
import { assertCost, meterOf, readMeter, verdictOf, type Meter } from './gcra.ts';
import type { RateLimit, RateLimiter, RateVerdict } from './rate-limiter.ts';

export interface MemoryRateLimiterOptions {
  /** Most keys that are remembered; default 100,000, about 25 MB. */
  readonly maxKeys?: number;
  /** Monotonic, milliseconds. */
  readonly nowMs?: () => number;
}

/** Keys that have their full burst again are dropped, some with each request. */
const DROPS_PER_REQUEST = 2;

/**
 * Limits within this process. When more keys come than are remembered, those that are nearest to their full burst are
 * forgotten, which gives them the least; a key that stays never gets more than its limit.
 */
export class MemoryRateLimiter implements RateLimiter {
  readonly #meter: Meter;
  readonly #maxKeys: number;
  readonly #nowMs: () => number;
  readonly #keys = new FullTimes();

  /** @throws RangeError when the limit is not usable */
  constructor(limit: RateLimit, { maxKeys = 100_000, nowMs = () => performance.now() }: MemoryRateLimiterOptions = {}) {
    this.#meter = meterOf(limit);
    this.#maxKeys = maxKeys;
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#keys.size;
  }

  async take(key: string, cost = 1): Promise<RateVerdict> {
    assertCost(this.#meter, cost);
    const nowUs = Math.floor(this.#nowMs() * 1_000);
    const id = boundedKey(key);
    const known = this.#keys.get(id);
    const reading = readMeter(this.#meter, (known ?? nowUs) - nowUs, cost);
    this.#forgetFull(nowUs);
    if (reading.allowed && cost > 0) {
      if (known === undefined && this.#keys.size >= this.#maxKeys) this.#keys.removeEarliest();
      this.#keys.set(id, nowUs + reading.fullInUs);
    }
    return verdictOf(this.#meter, reading, cost);
  }

  #forgetFull(nowUs: number): void {
    for (let drops = 0; drops < DROPS_PER_REQUEST; drops += 1) {
      if ((this.#keys.earliest() ?? Infinity) > nowUs) return;
      this.#keys.removeEarliest();
    }
  }
}
