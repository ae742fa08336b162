import { backoffMs } from '../contracts/shared/backoff.ts';

const PAUSES = { initialMs: 500, maximumMs: 20_000 };

export interface OutageOptions {
  readonly onFailure: (error: unknown, pauseMs: number) => void;
  readonly onRecovery: () => void;
  /** Number in [0, 1); injected by tests. */
  readonly random?: () => number;
}

/**
 * Failures in a row of something that one loop asks for, so that one request at a time probes it. Pauses double from half a
 * second to 20 s and are drawn from their upper half, so that replicas do not come back together.
 */
export class Outage {
  readonly #options: OutageOptions;
  #failures = 0;
  #total = 0;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  get ongoing(): boolean {
    return this.#failures > 0;
  }

  /** Failures since the start. */
  get total(): number {
    return this.#total;
  }

  /** @returns how long to wait before the next attempt, milliseconds */
  failed(error: unknown): number {
    this.#failures += 1;
    this.#total += 1;
    const pauseMs = Math.round(backoffMs(PAUSES, this.#failures, this.#options.random));
    this.#options.onFailure(error, pauseMs);
    return pauseMs;
  }

  succeeded(): void {
    if (!this.ongoing) return;
    this.#failures = 0;
    this.#options.onRecovery();
  }
}
