/** How much one key may do. */
export interface RateLimit {
  /** How many per window, spread evenly: the rate at which what was taken comes back. */
  readonly limit: number;
  /** Milliseconds. */
  readonly windowMs: number;
  /** How many may be taken at once by a key that was quiet; default `limit`. No window ever sees more than `limit + burst`. */
  readonly burst?: number;
}

export interface RateVerdict {
  readonly allowed: boolean;
  /** How many could be taken at once right now. */
  readonly remaining: number;
  /** After this the same request would be allowed; 0 when it is. Rounded up to whole milliseconds, as the next one is. */
  readonly retryAfterMs: number;
  /** After this the key has its full burst again. */
  readonly resetAfterMs: number;
}

export interface RateLimiter {
  /**
   * Takes for a key, or refuses and takes nothing.
   *
   * @param cost default 1; 0 only looks
   * @throws RangeError when the cost is no whole number, or is more than the burst and could never be taken
   * @throws StoreUnavailableError where a shared store does not answer
   */
  take(key: string, cost?: number): Promise<RateVerdict>;
}
