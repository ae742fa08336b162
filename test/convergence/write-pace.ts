import { setTimeout as sleep } from 'node:timers/promises';
import { readEffects } from '../support/stream-effects.ts';

const LOOK_EVERY_MS = 50;

/** Watches how fast the Stream server is written to. */
export class WritePace {
  readonly #looks: { readonly atMs: number; readonly writes: number }[] = [];
  readonly #ending = new AbortController();
  readonly #watching: Promise<void>;

  constructor(streamUrl: string) {
    this.#watching = this.#watch(streamUrl);
  }

  /** @returns the most writes in any window of this length */
  async end(windowMs: number): Promise<number> {
    this.#ending.abort();
    await this.#watching;
    return busiestWindow(this.#looks, windowMs);
  }

  async #watch(streamUrl: string): Promise<void> {
    while (!this.#ending.signal.aborted) {
      const effects = await readEffects(streamUrl);
      const writes = Object.values(effects).reduce((total, count) => total + count, 0);
      this.#looks.push({ atMs: performance.now(), writes });
      await sleep(LOOK_EVERY_MS);
    }
  }
}

/** The most that was added within any span of looks no longer than the window. */
export function busiestWindow(
  looks: readonly { readonly atMs: number; readonly writes: number }[],
  windowMs: number,
): number {
  let most = 0;
  let first = 0;
  for (const { atMs, writes } of looks) {
    while (atMs - (looks[first]?.atMs ?? atMs) > windowMs) first += 1;
    most = Math.max(most, writes - (looks[first]?.writes ?? writes));
  }
  return most;
}
