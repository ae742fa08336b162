/** A message between its receipt and its settlement, as SQS gave it out. */
export interface ReceivedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
}

/** A message that takes a slot, or was set aside. */
export interface Held<Message extends ReceivedMessage> {
  readonly message: Message;
  /** Aborts when the message is no longer ours to start. */
  readonly abandoned: AbortController;
  /** When SQS last granted its visibility, on the monotonic clock. */
  visibleSinceMs: number;
  /** An extension of its visibility is on its way. */
  extending: boolean;
  /** What becomes of it is decided and durable; only its deletion is left. */
  decided: boolean;
  /** It waits for its next attempt and takes no slot. */
  aside: boolean;
}

/** As many messages as this times the slots may be set aside. */
const ASIDE_FACTOR = 10;

/**
 * The slots of one queue. A receive reserves slots first and asks for exactly so many messages, so nothing is ever received
 * that cannot be started at once: that would burn receive counts and let visibility lapse. A message that failed for a reason
 * of its own can be set aside: it stays in hand, and its slot is free for another.
 */
export class InHand<Message extends ReceivedMessage> {
  readonly #capacity: number;
  readonly #held = new Set<Held<Message>>();
  #reserved = 0;
  #aside = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Slots taken, and messages set aside. */
  get size(): number {
    return this.#held.size;
  }

  /** No further message can be set aside. */
  get crowded(): boolean {
    return this.#aside >= this.#capacity * ASIDE_FACTOR;
  }

  /** @returns how many slots were reserved, 0 to `wanted` */
  reserve(wanted: number): number {
    const slots = Math.max(0, Math.min(wanted, this.#capacity + this.#aside - this.#held.size - this.#reserved));
    this.#reserved += slots;
    return slots;
  }

  /** Turns a reservation into what was received for it; slots left over are free again. */
  fill(slots: number, messages: readonly Message[], nowMs: number): readonly Held<Message>[] {
    this.#reserved -= slots;
    const filled = messages.map((message) => ({
      message,
      abandoned: new AbortController(),
      visibleSinceMs: nowMs,
      extending: false,
      decided: false,
      aside: false,
    }));
    for (const held of filled) this.#held.add(held);
    return filled;
  }

  has(held: Held<Message>): boolean {
    return this.#held.has(held);
  }

  /** Frees the slot of a message that stays in hand, while there is room for such messages. */
  setAside(held: Held<Message>): void {
    if (held.aside || this.crowded || !this.#held.has(held)) return;
    held.aside = true;
    this.#aside += 1;
  }

  release(held: Held<Message>): void {
    if (this.#held.delete(held) && held.aside) this.#aside -= 1;
  }

  [Symbol.iterator](): IterableIterator<Held<Message>> {
    return this.#held.values();
  }

  /** Messages whose visibility was granted at least `ageMs` ago and is not being extended. */
  due(nowMs: number, ageMs: number): readonly Held<Message>[] {
    return [...this.#held].filter((held) => !held.extending && nowMs - held.visibleSinceMs >= ageMs);
  }

  abandonAll(reason: Error): void {
    for (const held of this.#held) held.abandoned.abort(reason);
  }
}
