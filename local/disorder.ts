import { Random } from './random.ts';

/** How often the local queues do what real standard queues do now and then. Rates are probabilities, 0 to 1. */
export interface DisorderOptions {
  /** Same seed, same disorder. */
  readonly seed: number;
  /** Share of messages that are delivered twice, under one message id; default 0.05. */
  readonly duplicateRate?: number;
  /** Share of messages that are held back, so that later ones overtake them; default 0.1. */
  readonly reorderRate?: number;
  /** Longest a message, or its second delivery, is held back, milliseconds; default 1,500. */
  readonly maxDelayMs?: number;
}

/** What befalls one message: milliseconds from now until each of its deliveries, 0 for at once. */
export type DeliveryPlan = readonly [number, ...number[]];

export interface DisorderCounts {
  /** Messages delivered twice. */
  readonly duplicated: number;
  /** Messages held back. */
  readonly reordered: number;
}

/** Decides the deliveries of each message in turn. Pure but for its count. */
export class Disorder {
  readonly #random: Random;
  readonly #duplicateRate: number;
  readonly #reorderRate: number;
  readonly #maxDelayMs: number;
  #duplicated = 0;
  #reordered = 0;

  constructor({ seed, duplicateRate = 0.05, reorderRate = 0.1, maxDelayMs = 1_500 }: DisorderOptions) {
    this.#random = new Random(seed);
    this.#duplicateRate = duplicateRate;
    this.#reorderRate = reorderRate;
    this.#maxDelayMs = maxDelayMs;
  }

  get counts(): DisorderCounts {
    return { duplicated: this.#duplicated, reordered: this.#reordered };
  }

  next(): DeliveryPlan {
    // Drawn always, so that one rate does not shift what the other one hits.
    const heldBack = this.#random.chance(this.#reorderRate);
    const firstDelayMs = this.#random.between(1, this.#maxDelayMs);
    const twice = this.#random.chance(this.#duplicateRate);
    const secondDelayMs = this.#random.between(0, this.#maxDelayMs);
    const first = heldBack ? firstDelayMs : 0;
    if (heldBack) this.#reordered += 1;
    if (!twice) return [first];
    this.#duplicated += 1;
    return [first, secondDelayMs];
  }
}
