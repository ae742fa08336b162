import { setTimeout as sleep } from 'node:timers/promises';

export interface CircuitBreakerOptions {
  /** Longest wait for an answer, milliseconds; default 250. */
  readonly timeoutMs?: number;
  /** Opens after so many failures with no success in between; default 3. */
  readonly failures?: number;
  /** Pause between trials while it is open, milliseconds; default 500. */
  readonly trialEveryMs?: number;
  /** What is done now and then while it is open, to find out whether calls would succeed again. */
  readonly trial: () => Promise<unknown>;
  /** Whether an error says that all calls fail at present, so that there is nothing to count. */
  readonly isOutage?: (error: Error) => boolean;
  /** Whether an error only tells that this process itself was busy for long. */
  readonly isOwnDelay?: (error: Error) => boolean;
  readonly onTrialFailed?: (error: Error) => void;
  readonly onOpen?: (reason: Error) => void;
  /** @param openMs how long it was open */
  readonly onClose?: (openMs: number) => void;
}

interface Open {
  readonly sinceMs: number;
  reason: Error;
}

/** A trial that succeeds so soon before the next failure proved little: trials then come less often, down to this. */
const LONGEST_PAUSE_MS = 5_000;
const STABLE_MS = 10_000;
/** A timer that is late by this share of its time tells of a busy process, whose own answers are late as well: it waits once more. */
const BUSY_SHARE = 0.2;
const MOST_EXTENSIONS = 3;

/**
 * Keeps callers from waiting for what does not answer. Closed, calls go through, each with a time limit. Open, all are refused at
 * once and none is used as a trial: those run beside, so that no caller ever waits for one. A success of a trial closes it.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  readonly #stop = new AbortController();
  #failures = 0;
  #open: Open | undefined;
  #closedAtMs = -Infinity;
  #pauseMs: number;
  /** Ends the pause before the next trial. */
  #wake = new AbortController();

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
    this.#pauseMs = this.#shortestPauseMs;
  }

  get open(): boolean {
    return this.#open !== undefined;
  }

  /** Why it is open: the last failure. */
  get reason(): Error | undefined {
    return this.#open?.reason;
  }

  /**
   * @param timeoutMs for a call that may take longer than others
   * @throws what the call throws, a {@link TimeoutError}, or at once the reason why it is open
   */
  async run<Answer>(call: () => Promise<Answer>, timeoutMs = this.#timeoutMs): Promise<Answer> {
    if (this.#open) throw this.#open.reason;
    try {
      const answer = await within(timeoutMs, call);
      this.#failures = 0;
      return answer;
    } catch (error) {
      this.#count(error);
      throw error;
    }
  }

  /** Something else told that it is worth a trial. */
  tryNow(): void {
    this.#wake.abort();
  }

  close(): void {
    this.#stop.abort();
    this.#wake.abort();
  }

  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? 250;
  }

  get #shortestPauseMs(): number {
    return this.#options.trialEveryMs ?? 500;
  }

  #count(thrown: unknown): void {
    const { failures = 3, isOutage, isOwnDelay, onOpen } = this.#options;
    const error = toError(thrown);
    if (isOwnDelay?.(error) === true) return;
    this.#failures += 1;
    if (this.#open || this.#stop.signal.aborted) return;
    if (this.#failures < failures && isOutage?.(error) !== true) return;
    const nowMs = performance.now();
    const unstable = nowMs - this.#closedAtMs < STABLE_MS;
    this.#pauseMs = unstable ? Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS) : this.#shortestPauseMs;
    this.#open = { sinceMs: nowMs, reason: error };
    onOpen?.(error);
    void this.#tryUntilClosed(this.#open);
  }

  async #tryUntilClosed(open: Open): Promise<void> {
    const { trial, onTrialFailed, onClose } = this.#options;
    while (!this.#stop.signal.aborted) {
      await this.#pause();
      if (this.#stop.signal.aborted) return;
      try {
        await within(this.#timeoutMs, trial);
        break;
      } catch (error) {
        open.reason = toError(error);
        onTrialFailed?.(open.reason);
      }
    }
    this.#failures = 0;
    this.#open = undefined;
    this.#closedAtMs = performance.now();
    onClose?.(this.#closedAtMs - open.sinceMs);
  }

  async #pause(): Promise<void> {
    this.#wake = new AbortController();
    await sleep(this.#pauseMs, undefined, { signal: this.#wake.signal, ref: false }).catch(() => undefined);
  }
}

/** No answer came in time; what was asked for may still happen. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';

  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`);
  }
}

async function within<Answer>(timeoutMs: number, call: () => Promise<Answer>): Promise<Answer> {
  const late = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const arm = (extensions: number): void => {
    const dueMs = performance.now() + timeoutMs;
    timer = setTimeout(() => {
      const isBusy = performance.now() - dueMs > BUSY_SHARE * timeoutMs;
      if (isBusy && extensions > 0) arm(extensions - 1);
      // Timers come first in a turn of the event loop: what has arrived meanwhile is read before it counts as late.
      else setImmediate(() => late.reject(new TimeoutError(timeoutMs)));
    }, timeoutMs);
  };
  arm(MOST_EXTENSIONS);
  try {
    return await Promise.race([call(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
