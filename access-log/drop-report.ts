import type { Logger } from 'pino';

const LOG_INTERVAL_MS = 10_000;

/** Counts records that are lost, and tells of them at most once in ten seconds, however many they are. */
export class DropReport {
  readonly #logger: Logger;
  readonly #onDropped: (records: number) => void;
  #total = 0;
  #untold = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(logger: Logger, onDropped: (records: number) => void) {
    this.#logger = logger;
    this.#onDropped = onDropped;
  }

  get total(): number {
    return this.#total;
  }

  add(records: number): void {
    if (records === 0) return;
    this.#total += records;
    this.#untold += records;
    // Runs on the path of a request, which must not fail because its log does.
    try {
      this.#onDropped(records);
    } catch (err) {
      this.#logger.error({ err }, 'onDropped of the access log failed');
    }
    if (this.#timer) return;
    this.#tell();
    this.#timer = setTimeout(() => this.close(), LOG_INTERVAL_MS).unref();
  }

  /** Tells what has not been told yet. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#tell();
  }

  #tell(): void {
    if (this.#untold === 0) return;
    this.#logger.error({ records: this.#untold }, 'records of the access log were dropped');
    this.#untold = 0;
  }
}
