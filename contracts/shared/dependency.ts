import { setTimeout as sleep } from 'node:timers/promises';
import { explainError } from './text.ts';

/** Between two probes, after an answer and after none, milliseconds. */
const INTERVAL_MS = 3_000;
const RETRY_MS = 1_000;
const PROBE_TIMEOUT_MS = 4_000;
/** One lost packet is no outage. With the times above, one that freezes is known within 12 s, one that refuses within 4 s. */
const FAILURES_OF_AN_OUTAGE = 2;
const LOG_INTERVAL_MS = 60_000;

export interface DependencyOptions {
  /** Short, as `/readyz` says it: `temporal`, `sqs`. */
  readonly name: string;
  /** A sentence without a full stop: where it was looked for, and what to do when it does not answer. */
  readonly advice: string;
  /**
   * Asks it for something cheap. One at a time, given up after 4 s; the signal then aborts.
   *
   * @throws whatever keeps it from answering
   */
  readonly probe: (signal: AbortSignal) => Promise<unknown>;
  /**
   * Whether an error of the probe, or of who starts on it, goes away by waiting. Others, such as refused credentials, are an answer:
   * {@link Dependency.answered} resolves, so that whoever needs it finds out and says what is wrong. Default: every one.
   */
  readonly mayPass?: (error: unknown) => boolean;
  /** Between two probes after an answer, milliseconds; default 3,000. */
  readonly intervalMs?: number;
  readonly logger: { info(facts: object, message: string): void; warn(facts: object, message: string): void };
}

/** What is known of a dependency, for `/diagnostics`; times as ISO 8601. */
export interface DependencyState {
  readonly name: string;
  readonly available: boolean;
  readonly lastSuccess?: string;
  readonly lastFailure?: { readonly at: string; readonly error: string };
}

/** A dependency that was waited for does not answer, and the waiting was ended from outside. */
export class DependencyAwayError extends Error {
  override readonly name = 'DependencyAwayError';
}

class ProbeTimeoutError extends Error {
  override readonly name = 'ProbeTimeoutError';

  constructor() {
    super(`no answer within ${PROBE_TIMEOUT_MS / 1_000} s`);
  }
}

/**
 * Something that a process needs and does not run itself. It is probed every few seconds for as long as the process lives, so
 * that readiness costs no request of its own; a line is logged when it goes away, every minute while it stays away, and when it is back.
 */
export class Dependency {
  readonly name: string;
  readonly #options: DependencyOptions;
  readonly #closing = new AbortController();
  readonly #answered = Promise.withResolvers<void>();
  readonly #probing: Promise<void>;
  #available = false;
  #failures = 0;
  #loggedAtMs = -Infinity;
  #lastSuccess: Date | undefined;
  #lastFailure: { readonly at: Date; readonly error: unknown } | undefined;

  constructor(options: DependencyOptions) {
    this.name = options.name;
    this.#options = options;
    this.#probing = this.#run();
  }

  /** Whether the last probes were answered; false until the first one is. */
  get available(): boolean {
    return this.#available;
  }

  state(): DependencyState {
    return {
      name: this.name,
      available: this.#available,
      ...(this.#lastSuccess && { lastSuccess: this.#lastSuccess.toISOString() }),
      ...(this.#lastFailure && {
        lastFailure: { at: this.#lastFailure.at.toISOString(), error: explainError(this.#lastFailure.error) },
      }),
    };
  }

  /**
   * Resolves once it has answered, however long that takes.
   *
   * @throws DependencyAwayError with the advice and the last failure when the signal aborts first
   */
  async answered(signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>();
    const onAbort = (): void => aborted.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const answered = await Promise.race([this.#answered.promise.then(() => true), aborted.promise.then(() => false)]);
    signal.removeEventListener('abort', onAbort);
    if (!answered) throw new DependencyAwayError(this.#sentence());
  }

  /**
   * Resolves once it is available.
   *
   * @throws DependencyAwayError as {@link answered} does, or Error with the advice and the failure that waiting does not mend
   */
  async usable(signal: AbortSignal): Promise<void> {
    await this.answered(signal);
    if (!this.#available) throw new Error(this.#sentence());
  }

  /**
   * Makes a start that needs it, again and again while that fails because it is away.
   *
   * @throws DependencyAwayError as {@link answered} does, or what the attempt threw when waiting does not mend it
   */
  async startWith<Started>(attempt: () => Promise<Started>, signal: AbortSignal): Promise<Started> {
    await this.answered(signal);
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!this.#mayPass(error)) throw error;
        this.#failed(error);
        await sleep(RETRY_MS, undefined, { signal }).catch(() => {
          throw new DependencyAwayError(this.#sentence());
        });
      }
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#probing;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { intervalMs = INTERVAL_MS } = this.#options;
    while (!signal.aborted) {
      const answered = await this.#probe();
      await sleep(answered ? intervalMs : RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #probe(): Promise<boolean> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
    const late = Promise.withResolvers<never>();
    const onAbort = (): void => late.reject(new ProbeTimeoutError());
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      // Also for a probe that does not heed the signal.
      await Promise.race([this.#options.probe(signal), late.promise]);
      this.#succeeded();
      return true;
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#failed(error);
      return false;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #succeeded(): void {
    const { logger } = this.#options;
    if (this.#loggedAtMs > -Infinity) logger.info({ dependency: this.name }, `${this.name} answers`);
    this.#available = true;
    this.#failures = 0;
    this.#loggedAtMs = -Infinity;
    this.#lastSuccess = new Date();
    this.#answered.resolve();
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    this.#lastFailure = { at: new Date(), error };
    if (!this.#mayPass(error)) this.#answered.resolve();
    if (this.#failures < FAILURES_OF_AN_OUTAGE) return;
    this.#available = false;
    if (performance.now() - this.#loggedAtMs < LOG_INTERVAL_MS) return;
    this.#loggedAtMs = performance.now();
    this.#options.logger.warn({ dependency: this.name, failures: this.#failures }, `waiting: ${this.#sentence()}`);
  }

  #mayPass(error: unknown): boolean {
    return error instanceof ProbeTimeoutError || (this.#options.mayPass?.(error) ?? true);
  }

  #sentence(): string {
    const { advice } = this.#options;
    return this.#lastFailure ? `${advice}: ${reasonOf(this.#lastFailure.error)}` : advice;
  }
}

/** Transports nest what matters: `14 UNAVAILABLE: No connection established. Last error: connect ECONNREFUSED 127.0.0.1:7233`. */
function reasonOf(error: unknown): string {
  const text = explainError(error);
  return /ECONNREFUSED|Connection refused/i.test(text) ? 'Connection refused' : text;
}
