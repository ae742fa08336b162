/** What counts as standing still; milliseconds. */
export interface StallLimits {
  /** Work that waits for less than this without any progress is merely slow. */
  readonly gapMs: number;
  /** So much time without progress within {@link windowMs} is a block. */
  readonly limitMs: number;
  readonly windowMs: number;
}

/**
 * A block is known 12 s after it began, also one that lets go for a moment now and then: Temporal's SDK ends a workflow that loops
 * after 5 s, but its task comes back. 30 s after the block nothing is left of it.
 */
export const DEFAULT_STALL_LIMITS: StallLimits = { gapMs: 2_000, limitMs: 12_000, windowMs: 30_000 };

/** A pause of the whole process (suspended, starved) is nobody's block: of a late tick no more than this counts. */
const LONGEST_TICK_MS = 1_000;

/** Watches something that should make progress while it has work: idle is no block, and neither is busy. */
export class StallMeter {
  readonly #limits: StallLimits;
  #stalls: { readonly atMs: number; readonly ms: number }[] = [];
  #tickedAtMs: number | undefined;
  #gapMs = 0;
  #blocked = false;

  constructor(limits: StallLimits = DEFAULT_STALL_LIMITS) {
    this.#limits = limits;
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  /**
   * To be called at least every second.
   *
   * @param nowMs monotonic clock
   * @param stands whether there was work all the time since the last tick, and none of it came to an end
   */
  tick(nowMs: number, stands: boolean): void {
    const { gapMs, limitMs, windowMs } = this.#limits;
    const elapsedMs = Math.min(nowMs - (this.#tickedAtMs ?? nowMs), LONGEST_TICK_MS);
    this.#tickedAtMs = nowMs;
    const before = this.#gapMs;
    this.#gapMs = stands ? before + elapsedMs : 0;
    if (this.#gapMs >= gapMs) this.#stalls.push({ atMs: nowMs, ms: before < gapMs ? this.#gapMs : elapsedMs });
    this.#stalls = this.#stalls.filter(({ atMs }) => nowMs - atMs < windowMs);
    this.#blocked = this.#stalls.reduce((sum, { ms }) => sum + ms, 0) >= limitMs;
  }
}
