/** Lines that travel as one message of the queue. Told apart by identity. */
export interface PackedMessage {
  readonly lines: readonly string[];
  /** UTF-8, line breaks included. */
  readonly bytes: number;
}

export interface PackLimits {
  readonly maxBytes: number;
  readonly maxLines: number;
}

/** Gathers lines into messages: each line in exactly one, in order, and no message above its limits. */
export class MessagePacker {
  readonly #limits: PackLimits;
  #lines: string[] = [];
  #bytes = 0;

  constructor(limits: PackLimits) {
    this.#limits = limits;
  }

  get lines(): number {
    return this.#lines.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param bytes see {@link lineBytes}; a line must not be above the limit by itself
   * @returns the message that was closed because the line found no room in it
   */
  add(line: string, bytes: number): PackedMessage | undefined {
    const { maxBytes, maxLines } = this.#limits;
    const full = this.#bytes + bytes > maxBytes || this.#lines.length >= maxLines;
    const closed = full ? this.seal() : undefined;
    this.#lines.push(line);
    this.#bytes += bytes;
    return closed;
  }

  /** Closes the message that is being filled; undefined when it is empty. */
  seal(): PackedMessage | undefined {
    if (this.#lines.length === 0) return undefined;
    const message = { lines: this.#lines, bytes: this.#bytes };
    this.#lines = [];
    this.#bytes = 0;
    return message;
  }
}

/** Bytes a line takes in a message. */
export function lineBytes(line: string): number {
  return Buffer.byteLength(line) + 1;
}

export function packLines(lines: Iterable<string>, limits: PackLimits): PackedMessage[] {
  const packer = new MessagePacker(limits);
  const closed = [...lines].map((line) => packer.add(line, lineBytes(line)));
  return [...closed, packer.seal()].filter((message) => message !== undefined);
}

/** Both halves of a message of several lines. */
export function halve({ lines }: PackedMessage): PackedMessage[] {
  const middle = Math.ceil(lines.length / 2);
  return [lines.slice(0, middle), lines.slice(middle)].map((half) => ({
    lines: half,
    bytes: half.reduce((sum, line) => sum + lineBytes(line), 0),
  }));
}
