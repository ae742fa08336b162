import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { StoreUnavailableError } from '../redis/connection.ts';
import type { BeatStore, StreamRef } from './beat-store.ts';

export interface SweeperOptions {
  readonly store: BeatStore;
  /** Tells the account. @returns whether the stream is over */
  readonly report: (stream: StreamRef) => Promise<boolean>;
  readonly logger: Pick<Logger, 'warn' | 'info' | 'error'>;
  /** Brings every stream that the accounts know into the store. */
  readonly recover: (signal: AbortSignal) => Promise<number>;
  /** Milliseconds between sweeps; default 1,000. */
  readonly intervalMs?: number;
  readonly onLost?: () => void;
}

const MOST_AT_ONCE = 200;
const REPORTS_AT_ONCE = 20;
const RECOVERY_PAUSE_MS = 2_000;
/** A third of the time after which another gateway takes over. */
const RENEWAL_MS = 3_000;

/** Finds players that fell silent and tells their accounts; every gateway runs one. */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #recovering: Promise<void> | undefined;
  #recovered = false;
  #storeFailed = false;

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
  }

  async #run(): Promise<void> {
    const { intervalMs = 1_000, logger } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#sweep();
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) logger.error({ error: String(error) }, 'a sweep failed');
        this.#storeFailed = true;
      }
      await sleep(intervalMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #sweep(): Promise<void> {
    const { store } = this.#options;
    // What happened while the store was away is not in it.
    if (this.#storeFailed) await store.requireRecovery();
    this.#storeFailed = false;
    const { silent, mustRecover } = await store.sweep(MOST_AT_ONCE);
    this.#recovered = !mustRecover;
    if (mustRecover) this.#recovering ??= this.#recover().finally(() => (this.#recovering = undefined));
    const queue = [...silent];
    const report = async (): Promise<void> => {
      for (let stream = queue.pop(); stream; stream = queue.pop()) await this.#report(stream);
    };
    await Promise.all(Array.from({ length: REPORTS_AT_ONCE }, report));
  }

  async #report(stream: StreamRef): Promise<void> {
    const { report, logger, onLost } = this.#options;
    try {
      if (await report(stream)) onLost?.();
    } catch (error) {
      logger.warn({ ...stream, error: String(error) }, 'a lost player could not be reported; it will be again');
    }
  }

  async #recover(): Promise<void> {
    const { store, logger, recover } = this.#options;
    const { signal } = this.#stop;
    try {
      if (await store.beginRecovery()) {
        const renewing = setInterval(() => void this.#renewRecovery(), RENEWAL_MS);
        const streams = await recover(signal).finally(() => clearInterval(renewing));
        if (signal.aborted) return;
        await store.endRecovery();
        logger.info({ streams }, 'knows the streams of all accounts');
      }
    } catch (error) {
      logger.warn({ error: String(error) }, 'the streams of the accounts could not be read; it will be tried again');
    }
    await sleep(RECOVERY_PAUSE_MS, undefined, { signal, ref: false }).catch(() => undefined);
  }

  /** Should it fail, another gateway recovers as well, which does no harm. */
  async #renewRecovery(): Promise<void> {
    await this.#options.store.renewRecovery().catch(() => undefined);
  }
}
