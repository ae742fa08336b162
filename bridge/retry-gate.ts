import { setTimeout as sleep } from 'node:timers/promises';
import { Bell } from './abortable.ts';
import { backoffMs, type BackoffSchedule } from '../contracts/shared/backoff.ts';

export interface RetryGateOptions {
  /** Default 2 s growing to 20 s: with at most three SDK attempts a request, fewer than two requests a second. */
  readonly schedule?: BackoffSchedule;
  /** Told once for each round of failures, however many requests failed together. */
  readonly onFailure: (error: unknown, pauseMs: number) => void;
  readonly onRecovery: () => void;
}

const DEFAULT_SCHEDULE: BackoffSchedule = { initialMs: 2_000, maximumMs: 20_000 };

/**
 * Lets requests to one queue through while they succeed. After a failure all of them wait; when the pause is over one goes
 * ahead as a probe, and only its success lets the others follow. So an outage costs a steady trickle of requests, however
 * many messages are in hand.
 */
export class RetryGate {
  readonly #options: RetryGateOptions;
  readonly #bell = new Bell();
  #failures = 0;
  #retryAtMs = 0;
  #probing = false;

  constructor(options: RetryGateOptions) {
    this.#options = options;
  }

  get failing(): boolean {
    return this.#failures > 0;
  }

  /**
   * One request, made when the gate lets it through.
   *
   * @param request told whether it is a probe, which should be answered fast because the others wait for it
   * @throws what the request threw, or an abort error
   */
  async attempt<Value>(request: (probing: boolean) => Promise<Value>, signal: AbortSignal): Promise<Value> {
    const probing = await this.#enter(signal);
    const round = this.#failures;
    try {
      const value = await request(probing);
      this.#succeeded();
      return value;
    } catch (error) {
      // Requests that were under way when another one failed tell nothing new.
      if (!signal.aborted && round === this.#failures) this.#failed(error);
      throw error;
    } finally {
      if (probing) this.#probing = false;
      if (probing) this.#bell.ring();
    }
  }

  /** Repeats the request until it succeeds; throws only when the signal aborts. */
  async persist<Value>(request: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
    for (;;) {
      try {
        return await this.attempt(request, signal);
      } catch (error) {
        if (signal.aborted) throw error;
      }
    }
  }

  async #enter(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    while (this.failing) {
      const remainingMs = this.#retryAtMs - performance.now();
      if (this.#probing) {
        await this.#bell.wait(signal);
      } else if (remainingMs > 0) {
        await sleep(remainingMs, undefined, { signal });
      } else {
        this.#probing = true;
        return true;
      }
    }
    return false;
  }

  #succeeded(): void {
    if (!this.failing) return;
    this.#failures = 0;
    this.#options.onRecovery();
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    const pauseMs = backoffMs(this.#options.schedule ?? DEFAULT_SCHEDULE, this.#failures);
    this.#retryAtMs = performance.now() + pauseMs;
    this.#options.onFailure(error, Math.round(pauseMs));
  }
}
