/** A message whose rows are gathered, until its objects exist and SQS has forgotten it. */
export interface HeldMessage {
  /** Of its body, see `digestOf`. */
  readonly digest: string;
  /** Latest receipt of each delivery, by message id: one content may have been sent twice. */
  readonly receipts: Map<string, string>;
  /** Objects its rows are still missing from. */
  partsLeft: number;
  /** When SQS last granted its visibility, on the monotonic clock. */
  visibleSinceMs: number;
  /** SQS has taken it back: another delivery is or will be under way. */
  lost: boolean;
}

export interface Receipt {
  readonly messageId: string;
  readonly receiptHandle: string;
}

/** How many stored messages are remembered, about 100 bytes each. */
const REMEMBERED = 10_000;

/** What the writer holds, and the latest it has stored: a second delivery of either is recognised by its content. */
export class HeldMessages {
  readonly #held = new Map<string, HeldMessage>();
  readonly #stored = new Set<string>();

  get size(): number {
    return this.#held.size;
  }

  /** The message of this content, unless SQS has taken it back. */
  find(digest: string): HeldMessage | undefined {
    return this.#held.get(digest);
  }

  wasStored(digest: string): boolean {
    return this.#stored.has(digest);
  }

  hold(digest: string, receipt: Receipt, parts: number, nowMs: number): HeldMessage {
    const receipts = new Map([[receipt.messageId, receipt.receiptHandle]]);
    const held = { digest, receipts, partsLeft: parts, visibleSinceMs: nowMs, lost: false };
    this.#held.set(digest, held);
    return held;
  }

  /** All its objects exist. */
  stored(held: HeldMessage): void {
    this.#release(held);
    this.#stored.add(held.digest);
    for (const oldest of this.#stored) {
      if (this.#stored.size <= REMEMBERED) break;
      this.#stored.delete(oldest);
    }
  }

  /** Its rows are not written by this writer; another delivery of it will be taken anew. */
  lose(held: HeldMessage): void {
    held.lost = true;
    this.#release(held);
  }

  all(): readonly HeldMessage[] {
    return [...this.#held.values()];
  }

  /** A later delivery of the same content may have taken its place. */
  #release(held: HeldMessage): void {
    if (this.#held.get(held.digest) === held) this.#held.delete(held.digest);
  }
}
