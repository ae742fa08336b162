import { abortable } from './abortable.ts';

export interface CongestionWindowOptions {
  /** Most pieces of work at once, however well it goes. */
  readonly most: number;
}

/**
 * How much work is sent at once to a service whose load shows only in how long it takes: one piece more for each window that
 * went well, half as many when one was too late, as TCP avoids congestion [RFC 5681, section 3.1]. Work beyond it waits, first
 * come first served.
 */
export class CongestionWindow {
  readonly #most: number;
  readonly #waiting = new Set<() => void>();
  #size: number;
  #running = 0;
  /** Counts reductions: what began before the last one tells nothing new by being late. */
  #reductions = 0;

  constructor({ most }: CongestionWindowOptions) {
    this.#most = most;
    this.#size = most;
  }

  /** How many run at once at present. */
  get size(): number {
    return Math.floor(this.#size);
  }

  /** Waits for a place. @throws the signal's reason when that aborts first */
  async enter(signal: AbortSignal): Promise<Place> {
    signal.throwIfAborted();
    if (this.#running >= this.size || this.#waiting.size > 0) {
      const free = Promise.withResolvers<void>();
      this.#waiting.add(free.resolve);
      try {
        await abortable(free.promise, signal);
      } catch (error) {
        // Given a place in the very moment: it goes to the next one.
        if (!this.#waiting.delete(free.resolve)) this.#free();
        throw error;
      }
    } else this.#running += 1;
    return this.#place();
  }

  #place(): Place {
    const reductions = this.#reductions;
    const size = this.size;
    let isOpen = true;
    return {
      size,
      leave: (tooLate) => {
        if (!isOpen) return;
        isOpen = false;
        if (!tooLate) this.#size = Math.min(this.#most, this.#size + 1 / this.#size);
        else if (reductions === this.#reductions) {
          this.#reductions += 1;
          this.#size = Math.max(1, this.#size / 2);
        }
        this.#free();
      },
    };
  }

  #free(): void {
    this.#running -= 1;
    for (const next of this.#waiting) {
      if (this.#running >= this.size) return;
      this.#waiting.delete(next);
      this.#running += 1;
      next();
    }
  }
}

/** To be left once. */
export interface Place {
  /** How many might run at once when it was given. */
  readonly size: number;
  leave(tooLate: boolean): void;
}
