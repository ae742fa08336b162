import { lineBytes, MessagePacker, type PackedMessage } from './message-packer.ts';
import { MessageQueue, type TakeLimits } from './message-queue.ts';

/** SQS bills by 64 KiB, and four such messages fit a batch of the 256 KiB that every SQS takes. */
export const MAX_MESSAGE_BYTES = 64_000;
const MAX_BATCH_BYTES = 256_000;
const MAX_BATCH_MESSAGES = 10;

export interface OutboxLimits {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

/** Records in memory, on their way to the queue: never more than the limits. */
export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #packer: MessagePacker;
  readonly #messages = new MessageQueue();
  /** What is on its way to SQS stays in memory, so that it takes no more than a quarter of it. */
  readonly batchLimits: TakeLimits;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
    this.#packer = new MessagePacker({
      maxBytes: MAX_MESSAGE_BYTES,
      maxLines: Math.max(1, Math.floor(limits.maxRecords / 8)),
    });
    this.batchLimits = {
      maxMessages: MAX_BATCH_MESSAGES,
      maxBytes: Math.min(MAX_BATCH_BYTES, limits.maxBytes / 4),
      maxLines: limits.maxRecords / 4,
    };
  }

  get records(): number {
    return this.#packer.lines + this.#messages.lines;
  }

  get bytes(): number {
    return this.#packer.bytes + this.#messages.bytes;
  }

  /** Messages that can be taken. */
  get waiting(): number {
    return this.#messages.waiting;
  }

  /** More than half full. */
  get crowded(): boolean {
    return this.records > this.#limits.maxRecords / 2 || this.bytes > this.#limits.maxBytes / 2;
  }

  /** @returns false when there is no room */
  add(line: string): boolean {
    const bytes = lineBytes(line);
    if (this.records >= this.#limits.maxRecords || this.bytes + bytes > this.#limits.maxBytes) return false;
    const closed = this.#packer.add(line, bytes);
    if (closed) this.#messages.push(closed);
    return true;
  }

  /** Lets also the message be taken that is not full yet. */
  seal(): void {
    const closed = this.#packer.seal();
    if (closed) this.#messages.push(closed);
  }

  take(limits: TakeLimits): PackedMessage[] {
    return this.#messages.take(limits);
  }

  giveBack(messages: readonly PackedMessage[]): void {
    this.#messages.giveBack(messages);
  }

  settle(message: PackedMessage): void {
    this.#messages.settle(message);
  }
}
