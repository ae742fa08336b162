import type { PackedMessage } from './message-packer.ts';

export interface TakeLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxLines: number;
}

/** Messages that wait, and those taken and not settled yet: both count. */
export class MessageQueue {
  #waiting: PackedMessage[] = [];
  #lines = 0;
  #bytes = 0;

  get lines(): number {
    return this.#lines;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Messages that can be taken. */
  get waiting(): number {
    return this.#waiting.length;
  }

  push(message: PackedMessage): void {
    this.#waiting.push(message);
    this.#lines += message.lines.length;
    this.#bytes += message.bytes;
  }

  /** The oldest ones within the limits; at least one if any waits. */
  take({ maxMessages, maxBytes, maxLines }: TakeLimits): PackedMessage[] {
    let count = 0;
    let bytes = 0;
    let lines = 0;
    for (const message of this.#waiting) {
      bytes += message.bytes;
      lines += message.lines.length;
      if (count > 0 && (count >= maxMessages || bytes > maxBytes || lines > maxLines)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** Taken messages wait again, behind the others: one that is refused over and over holds nothing up. */
  giveBack(messages: readonly PackedMessage[]): void {
    this.#waiting.push(...messages);
  }

  /** A taken message needs no place any more. */
  settle(message: PackedMessage): void {
    this.#lines -= message.lines.length;
    this.#bytes -= message.bytes;
  }
}
