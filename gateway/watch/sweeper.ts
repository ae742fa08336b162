import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { StoreUnavailableError } from '../redis/connection.ts';
import { CLAIM_MS, type BeatStore, type StreamRef } from './beat-store.ts';
import { READ_AGAIN_MS } from './recovery.ts';

export interface SweeperOptions {
  readonly store: BeatStore;
  /** Tells the account; waits for its turn by itself, however many there are. @returns whether the stream is over */
  readonly report: (stream: StreamRef) => Promise<boolean>;
  /** Reads an account that did not answer a recovery, and brings its streams into the store. */
  readonly read?: (userId: string) => Promise<unknown>;
  readonly logger: Pick<Logger, 'warn' | 'info' | 'error'>;
  /** Brings every stream that the accounts know into the store. */
  readonly recover: (signal: AbortSignal) => Promise<number>;
  /** Milliseconds between sweeps; default 1,000. */
  readonly intervalMs?: number;
  readonly onLost?: () => void;
}

/** One sweep is one step of the store, which does nothing else meanwhile. */
const MOST_AT_ONCE = 500;
/** While there are more than one sweep finds, the next one follows after this. */
const SHORT_INTERVAL_MS = 100;
/** Those that fell silent together are told to their accounts together, so there is no use in waiting for some of them. */
const MOST_UNDER_WAY = 5_000;
const RECOVERY_PAUSE_MS = 2_000;
/** A third of the time after which another gateway takes over: recovery and reports that are under way. */
const RENEWAL_MS = Math.floor(CLAIM_MS / 3);
/** An account that could not be told is told again after this. */
const REPORT_AGAIN_MS = 30_000;
const LOG_INTERVAL_MS = 10_000;

/**
 * Finds players that fell silent and tells their accounts; every gateway runs one. Sweeps never wait for reports: while nobody
 * sweeps, beats count as unheard and nobody is found.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #reports = new Map<StreamRef, Promise<void>>();
  readonly #reads = new Map<string, Promise<void>>();
  #recovering: Promise<void> | undefined;
  #recovered = false;
  #storeFailed = false;
  #claimedAtMs = performance.now();
  #unreported = 0;
  #loggedAtMs = -Infinity;

  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Whether the store is known to hold all streams: until then silent players of before may go unnoticed. */
  recovered(): boolean {
    return this.#recovered;
  }

  /** The store did not answer somebody: what should have been recorded is to be read from the accounts. */
  storeFailed(): void {
    this.#storeFailed = true;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#recovering;
    await Promise.all([...this.#reports.values(), ...this.#reads.values()]);
  }

  async #run(): Promise<void> {
    const { intervalMs = 1_000, logger } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      let more = false;
      try {
        more = await this.#sweep();
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) logger.error({ error: String(error) }, 'a sweep failed');
        this.#storeFailed = true;
      }
      const pauseMs = more ? Math.min(SHORT_INTERVAL_MS, intervalMs) : intervalMs;
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** @returns whether there are more */
  async #sweep(): Promise<boolean> {
    const { store, read } = this.#options;
    // What happened while the store was away is not in it.
    if (this.#storeFailed) await store.requireRecovery();
    this.#storeFailed = false;
    await this.#renewClaims();
    const most = Math.min(MOST_AT_ONCE, MOST_UNDER_WAY - this.#reports.size);
    const { silent, unread, mustRecover } = await store.sweep(most);
    this.#recovered = !mustRecover;
    if (mustRecover) this.#recovering ??= this.#recover().finally(() => (this.#recovering = undefined));
    for (const stream of silent) {
      const reporting = this.#report(stream).finally(() => this.#reports.delete(stream));
      this.#reports.set(stream, reporting);
    }
    for (const userId of unread) {
      // One that waits for its turn is handed out again after a while.
      if (!read || this.#reads.has(userId)) continue;
      const reading = this.#read(userId).finally(() => this.#reads.delete(userId));
      this.#reads.set(userId, reading);
    }
    return most === MOST_AT_ONCE && silent.length === most;
  }

  async #renewClaims(): Promise<void> {
    if (performance.now() - this.#claimedAtMs < RENEWAL_MS) return;
    this.#claimedAtMs = performance.now();
    await this.#options.store.claim([...this.#reports.keys()]);
  }

  async #report(stream: StreamRef): Promise<void> {
    const { store, report, onLost } = this.#options;
    try {
      if (await report(stream)) onLost?.();
    } catch (error) {
      const stopping = this.#stop.signal.aborted;
      if (!stopping) this.#logUnreported(stream, error);
      // A gateway that goes leaves them to the others at once.
      await store.claim([stream], stopping ? 0 : REPORT_AGAIN_MS).catch(() => undefined);
    }
  }

  #logUnreported(stream: StreamRef, error: unknown): void {
    this.#unreported += 1;
    if (performance.now() - this.#loggedAtMs < LOG_INTERVAL_MS) return;
    const { logger } = this.#options;
    logger.warn(
      { ...stream, error: String(error), count: this.#unreported },
      'lost players, this one for instance, could not be reported; they will be again',
    );
    this.#loggedAtMs = performance.now();
    this.#unreported = 0;
  }

  async #read(userId: string): Promise<void> {
    const { store, read } = this.#options;
    try {
      await read?.(userId);
    } catch {
      await store.readLater([userId], READ_AGAIN_MS).catch(() => undefined);
    }
  }

  async #recover(): Promise<void> {
    const { store, logger } = this.#options;
    const { signal } = this.#stop;
    try {
      if (await store.beginRecovery()) await this.#recoverNow();
    } catch (error) {
      logger.warn({ error: String(error) }, 'the streams of the accounts could not be read; it will be tried again');
    }
    await sleep(RECOVERY_PAUSE_MS, undefined, { signal, ref: false }).catch(() => undefined);
  }

  async #recoverNow(): Promise<void> {
    const { store, logger, recover } = this.#options;
    const { signal } = this.#stop;
    const renewing = setInterval(() => void this.#renewRecovery(), RENEWAL_MS);
    try {
      const found = await recover(signal);
      if (signal.aborted) return;
      await store.endRecovery();
      const [streams, unread] = await Promise.all([store.size(), store.unread()]);
      logger.info({ found, streams, unread }, 'knows the streams of all accounts but those to be read later');
    } finally {
      clearInterval(renewing);
      await store.giveUpRecovery().catch(() => undefined);
    }
  }

  /** Should it fail, another gateway recovers as well, which does no harm. */
  async #renewRecovery(): Promise<void> {
    await this.#options.store.renewRecovery().catch(() => undefined);
  }
}
