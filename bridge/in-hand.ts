/** A message between its receipt and its settlement, as SQS gave it out. */
export interface ReceivedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
}

/** A message that takes a slot. */
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
}

/**
 * The slots of one queue. A receive reserves slots first and asks for exactly so many messages, so nothing is ever received
 * that cannot be started at once: that would burn receive counts and let visibility lapse.
 */
export class InHand<Message extends ReceivedMessage> {
  readonly #capacity: number;
  readonly #held = new Set<Held<Message>>();
  #reserved = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#held.size;
  }

  /** @returns how many slots were reserved, 0 to `wanted` */
  reserve(wanted: number): number {
    const slots = Math.max(0, Math.min(wanted, this.#capacity - this.#held.size - this.#reserved));
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
    }));
    for (const held of filled) this.#held.add(held);
    return filled;
  }

  has(held: Held<Message>): boolean {
    return this.#held.has(held);
  }

  release(held: Held<Message>): void {
    this.#held.delete(held);
  }

  /** Messages whose visibility was granted at least `ageMs` ago and is not being extended. */
  due(nowMs: number, ageMs: number): readonly Held<Message>[] {
    return [...this.#held].filter((held) => !held.extending && nowMs - held.visibleSinceMs >= ageMs);
  }

  abandonAll(reason: Error): void {
    for (const held of this.#held) held.abandoned.abort(reason);
  }
}
