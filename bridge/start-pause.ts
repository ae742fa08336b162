const MAX_RECEIVE = 10;

/**
 * Whether a queue may receive, by how its starts go. The first failed start pauses receiving, any success resumes it: what
 * could not be started would only burn receive counts. While paused a single message is let in each `probeAfterMs`, so that
 * one event that can never start does not hold up a quiet queue for ever.
 */
export class StartPause {
  readonly #probeAfterMs: number;
  readonly #failing = new Set<object>();
  #paused = false;
  #probeAtMs = 0;

  constructor(probeAfterMs: number) {
    this.#probeAfterMs = probeAfterMs;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** @returns true when this failure began the pause */
  failed(message: object, nowMs: number): boolean {
    this.#failing.add(message);
    if (this.#paused) return false;
    this.#probeAtMs = nowMs + this.#probeAfterMs;
    this.#paused = true;
    return true;
  }

  /** @returns true when this success ended the pause */
  succeeded(): boolean {
    const ended = this.#paused;
    this.#paused = false;
    return ended;
  }

  /** The message is settled, in whatever way: with the last of those that failed, the reason to pause is gone. */
  settled(message: object): void {
    this.#failing.delete(message);
    if (this.#failing.size === 0) this.#paused = false;
  }

  /** How many messages the next receive may bring: 10, none while paused, 1 as a probe. */
  allowance(nowMs: number): number {
    if (!this.#paused) return MAX_RECEIVE;
    return nowMs >= this.#probeAtMs ? 1 : 0;
  }

  /** A receive goes out; while paused it is the probe, and the next is due only later. */
  receiving(nowMs: number): void {
    if (this.#paused) this.#probeAtMs = nowMs + this.#probeAfterMs;
  }
}
