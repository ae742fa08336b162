import { setTimeout as sleep } from 'node:timers/promises';

export interface PacerOptions {
  /** Most turns a second, above 0; below 1 is allowed. Infinity: no limit. */
  readonly ratePerSecond: number;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

/** Gives out turns at an even pace: the n-th never earlier than (n-1)/rate seconds after the first. */
export class Pacer {
  readonly #intervalMs: number;
  readonly #signal: AbortSignal | undefined;
  #nextAt = -Infinity;

  /** @throws RangeError when the rate is not above 0 */
  constructor({ ratePerSecond, signal }: PacerOptions) {
    if (!(ratePerSecond > 0)) throw new RangeError(`ratePerSecond must be above 0, not ${ratePerSecond}`);
    this.#intervalMs = 1_000 / ratePerSecond;
    this.#signal = signal;
  }

  /** Waits for the next turn; false when the signal aborted instead. */
  async turn(): Promise<boolean> {
    const now = performance.now();
    const at = Math.max(now, this.#nextAt);
    // From the turn's own time, not from now: a late turn must not let the following ones come in a burst.
    this.#nextAt = at + this.#intervalMs;
    if (this.#isAborted()) return false;
    if (at > now) await sleep(at - now, undefined, this.#signal ? { signal: this.#signal } : {}).catch(() => undefined);
    return !this.#isAborted();
  }

  #isAborted(): boolean {
    return this.#signal?.aborted ?? false;
  }
}
