export interface BatcherOptions<Item, Failure> {
  /** Sends a batch and returns the items that failed; those not named have succeeded. */
  readonly flush: (items: readonly Item[]) => Promise<ReadonlyMap<Item, Failure>>;
  /** Default 10, the most SQS takes in a batch. */
  readonly maxItems?: number;
  /** How long the first item of a batch waits for company, default 20 ms. */
  readonly maxWaitMs?: number;
}

interface Pending<Item, Failure> {
  readonly item: Item;
  readonly result: PromiseWithResolvers<Failure | undefined>;
}

/** Gathers single requests into batches; batches go out concurrently. */
export class Batcher<Item, Failure> {
  readonly #flush: BatcherOptions<Item, Failure>['flush'];
  readonly #maxItems: number;
  readonly #maxWaitMs: number;
  #pending: Pending<Item, Failure>[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor({ flush, maxItems = 10, maxWaitMs = 20 }: BatcherOptions<Item, Failure>) {
    this.#flush = flush;
    this.#maxItems = maxItems;
    this.#maxWaitMs = maxWaitMs;
  }

  /** @returns the item's failure, undefined when it succeeded; rejects when its whole batch did */
  add(item: Item): Promise<Failure | undefined> {
    const result = Promise.withResolvers<Failure | undefined>();
    this.#pending.push({ item, result });
    if (this.#pending.length >= this.#maxItems) void this.#send();
    else this.#timer ??= setTimeout(() => void this.#send(), this.#maxWaitMs);
    return result.promise;
  }

  async #send(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#pending;
    this.#pending = [];
    try {
      const failures = await this.#flush(batch.map(({ item }) => item));
      for (const { item, result } of batch) result.resolve(failures.get(item));
    } catch (error) {
      for (const { result } of batch) result.reject(error);
    }
  }
}
