import type { Logger } from 'pino';
import type { PackedMessage } from './message-packer.ts';
import type { TakeLimits } from './message-queue.ts';
import { MAX_MESSAGE_BYTES, type Outbox } from './outbox.ts';
import { Outage } from './outage.ts';
import type { LoadedSegment, Spool } from './spool.ts';

/** A segment is read whole, so that it stays small; and large enough for a spool to have few of them. */
const SEGMENT_LIMITS: TakeLimits = { maxMessages: 16, maxBytes: 16 * MAX_MESSAGE_BYTES, maxLines: Infinity };
const WHOLE: TakeLimits = { maxMessages: Infinity, maxBytes: Infinity, maxLines: Infinity };
const PACK_LIMITS = { maxBytes: MAX_MESSAGE_BYTES, maxLines: Infinity };

export interface OverflowOptions {
  readonly spool: Spool;
  readonly outbox: Outbox;
  readonly logger: Logger;
}

/** Moves records between memory and disk. Never fails: while the disk does, they stay where they are. */
export class Overflow {
  readonly #options: OverflowOptions;
  readonly #outage: Outage;
  #relieving: Promise<void> | undefined;
  #retryAtMs = 0;
  #full = false;

  constructor(options: OverflowOptions) {
    this.#options = options;
    this.#outage = new Outage({
      onFailure: (err, pauseMs) => options.logger.error({ err, pauseMs }, 'the spool of the access log fails'),
      onRecovery: () => options.logger.info('the spool of the access log works again'),
    });
  }

  get records(): number {
    return this.#options.spool.records;
  }

  /** Records an earlier run left, once they were found. */
  get recovered(): number {
    return this.#options.spool.recovered;
  }

  /** Certainly nothing to load. */
  get empty(): boolean {
    return this.#options.spool.empty;
  }

  /** Finds what an earlier run left; tried again by {@link load} while the disk fails. */
  async open(): Promise<void> {
    const { spool, logger } = this.#options;
    await this.#attempt(() => spool.open());
    const { records, bytes } = spool;
    if (records > 0) logger.info({ records, bytes }, 'found access records in the spool; they are sent now');
  }

  /** Makes room in a crowded outbox, in the background; returns at once. */
  relieve(): void {
    if (this.#relieving !== undefined || performance.now() < this.#retryAtMs) return;
    this.#relieving = this.#spoolWhile(() => this.#options.outbox.crowded).finally(() => {
      this.#relieving = undefined;
    });
  }

  /** Puts everything that waits onto the disk. @returns false when something stays behind */
  async drain(): Promise<boolean> {
    await this.#relieving;
    this.#retryAtMs = 0;
    await this.#spoolWhile(() => true);
    return this.#options.outbox.records === 0;
  }

  /** The oldest segment; undefined also while the disk fails. */
  async load(): Promise<LoadedSegment | undefined> {
    if (performance.now() < this.#retryAtMs) return undefined;
    return await this.#attempt(() => this.#options.spool.load(PACK_LIMITS));
  }

  /** All of the segment has been sent. */
  async remove(loaded: LoadedSegment): Promise<void> {
    this.#full = false;
    await this.#attempt(() => this.#options.spool.remove(loaded));
  }

  /** Keeps only what is left of a segment that was sent in part. */
  async shrink(loaded: LoadedSegment): Promise<void> {
    const rest = loaded.messages.take(WHOLE);
    if (rest.length === 0 || (await this.#attempt(() => this.#options.spool.store(rest))) === true)
      await this.remove(loaded);
    else loaded.messages.giveBack(rest);
  }

  async #spoolWhile(wanted: () => boolean): Promise<void> {
    const { outbox } = this.#options;
    while (wanted()) {
      if (outbox.waiting === 0) outbox.seal();
      const messages = outbox.take(SEGMENT_LIMITS);
      if (messages.length === 0) return;
      if (!(await this.#store(messages))) {
        outbox.giveBack(messages);
        return;
      }
      for (const message of messages) outbox.settle(message);
    }
  }

  async #store(messages: readonly PackedMessage[]): Promise<boolean> {
    const { spool, logger } = this.#options;
    const stored = await this.#attempt(() => spool.store(messages));
    if (stored === false && !this.#full) {
      this.#full = true;
      logger.error({ bytes: spool.bytes }, 'the spool of the access log is full');
    }
    if (stored === false) this.#retryAtMs = performance.now() + 1_000;
    return stored === true;
  }

  async #attempt<Value>(work: () => Promise<Value>): Promise<Value | undefined> {
    try {
      const value = await work();
      this.#outage.succeeded();
      return value;
    } catch (error) {
      this.#retryAtMs = performance.now() + this.#outage.failed(error);
      return undefined;
    }
  }
}
