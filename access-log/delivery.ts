import type { Logger } from 'pino';
import { Alarm } from './alarm.ts';
import type { DropReport } from './drop-report.ts';
import { halve, type PackedMessage } from './message-packer.ts';
import type { MessageSender } from './message-sender.ts';
import type { Outbox } from './outbox.ts';
import { Outage } from './outage.ts';
import type { Overflow } from './overflow.ts';
import type { LoadedSegment } from './spool.ts';

export interface DeliveryOptions {
  readonly sender: MessageSender;
  readonly outbox: Outbox;
  /** Undefined where there is no spool. */
  readonly overflow: Overflow | undefined;
  readonly drops: DropReport;
  readonly flushIntervalMs: number;
  readonly logger: Logger;
}

/** What messages are taken from for sending: memory, or a segment of the spool. */
type Source = Pick<Outbox, 'take' | 'giveBack' | 'settle'>;

/** Sends records from memory, and from the spool while memory is empty: one request at a time, so that one probes an outage. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #alarm = new Alarm();
  readonly #outage: Outage;
  readonly #aborting = new AbortController();
  readonly #running: Promise<void>;
  #loaded: LoadedSegment | undefined;
  #finishing = false;
  #nextFlushMs: number;
  #sent = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    const { logger, flushIntervalMs } = options;
    this.#outage = new Outage({
      onFailure: (err, pauseMs) => logger.warn({ err, pauseMs }, 'the queue of the access log fails; records wait'),
      onRecovery: () => logger.info('the queue of the access log answers again'),
    });
    this.#nextFlushMs = performance.now() + flushIntervalMs;
    this.#running = this.#run().catch((err: unknown) => {
      logger.fatal({ err }, 'the access log met a defect and sends no more');
    });
  }

  counts(): { recovered: number; sent: number; spooled: number; failures: number } {
    const { records: spooled = 0, recovered = 0 } = this.#options.overflow ?? {};
    return { recovered, sent: this.#sent, spooled, failures: this.#outage.total };
  }

  /** A record was added. */
  added(): void {
    const { outbox, overflow } = this.#options;
    if (outbox.crowded) overflow?.relieve();
    if (outbox.waiting > 0 && !this.#outage.ongoing) this.#alarm.ring();
  }

  async finish(timeoutMs: number): Promise<void> {
    const { outbox, overflow, drops, logger } = this.#options;
    this.#finishing = true;
    this.#alarm.ring();
    const timer = setTimeout(() => {
      this.#aborting.abort();
      this.#alarm.ring();
    }, timeoutMs);
    await this.#running;
    clearTimeout(timer);
    if (this.#loaded) await overflow?.shrink(this.#loaded);
    this.#loaded = undefined;
    await overflow?.drain();
    outbox.seal();
    for (const lost of outbox.take({ maxMessages: Infinity, maxBytes: Infinity, maxLines: Infinity })) {
      outbox.settle(lost);
      drops.add(lost.lines.length);
    }
    drops.close();
    logger.info(this.counts(), 'the access log is closed');
  }

  async #run(): Promise<void> {
    const { outbox, overflow } = this.#options;
    await overflow?.open();
    while (!this.#finishing) {
      await this.#idle();
      while (!this.#finishing && (await this.#sendMore()));
    }
    outbox.seal();
    while (outbox.waiting > 0 && !this.#aborting.signal.aborted) {
      if (!(await this.#sendFrom(outbox)) && !this.#patient) return;
    }
  }

  async #idle(): Promise<void> {
    const { outbox, overflow, flushIntervalMs } = this.#options;
    const remainingMs = this.#nextFlushMs - performance.now();
    if (remainingMs > 0 && outbox.waiting === 0) await this.#alarm.sleep(remainingMs);
    if (performance.now() < this.#nextFlushMs) return;
    this.#nextFlushMs = performance.now() + flushIntervalMs;
    outbox.seal();
    if (overflow && outbox.crowded) overflow.relieve();
  }

  /** @returns whether there was something to send and SQS took it */
  async #sendMore(): Promise<boolean> {
    const { outbox, overflow } = this.#options;
    if (outbox.waiting > 0) return await this.#sendFrom(outbox);
    if (!overflow || overflow.empty) return false;
    this.#loaded ??= await this.#load(overflow);
    if (!this.#loaded) return false;
    const sent = this.#loaded.messages.lines === 0 || (await this.#sendFrom(this.#loaded.messages));
    if (this.#loaded.messages.lines > 0) return sent;
    await overflow.remove(this.#loaded);
    this.#loaded = undefined;
    return sent;
  }

  async #load(overflow: Overflow): Promise<LoadedSegment | undefined> {
    const loaded = await overflow.load();
    this.#options.drops.add(loaded?.unreadable ?? 0);
    return loaded;
  }

  /** Sends one batch; after a failure, waits before it returns false. */
  async #sendFrom(source: Source): Promise<boolean> {
    const messages = source.take(this.#options.outbox.batchLimits);
    try {
      const { sent, refused, failed, codes } = await this.#options.sender.send(messages, this.#aborting.signal);
      for (const message of sent) this.#settle(source, message);
      for (const message of refused) this.#refused(source, message, codes);
      source.giveBack(failed);
      if (failed.length > 0) return await this.#failed(new Error(`SQS refused messages: ${codes.join(', ')}`));
      this.#outage.succeeded();
      return true;
    } catch (error) {
      source.giveBack(messages);
      return await this.#failed(error);
    }
  }

  #settle(source: Source, message: PackedMessage): void {
    source.settle(message);
    this.#sent += message.lines.length;
  }

  /** A queue that takes less than 64 KB gets halves; a record that is refused by itself is lost. */
  #refused(source: Source, message: PackedMessage, codes: readonly string[]): void {
    if (message.lines.length > 1) {
      source.giveBack(halve(message));
      return;
    }
    source.settle(message);
    this.#options.drops.add(1);
    this.#options.logger.error({ codes }, 'SQS never takes this access record');
  }

  async #failed(error: unknown): Promise<false> {
    if (this.#aborting.signal.aborted) return false;
    const pauseMs = this.#outage.failed(error);
    const untilMs = performance.now() + pauseMs;
    while (performance.now() < untilMs && this.#patient) await this.#alarm.sleep(untilMs - performance.now());
    return false;
  }

  /** With a spool to keep the records, an outage is not worth a long farewell. */
  get #patient(): boolean {
    if (this.#finishing && this.#options.overflow) return false;
    return !this.#aborting.signal.aborted;
  }
}
