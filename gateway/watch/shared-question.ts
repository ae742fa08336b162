interface Asking<Item, Answer> {
  readonly answer: Promise<Answer>;
  /** Those of all who ask before its turn comes. */
  readonly items: Set<Item>;
  /** Its turn has come. */
  readonly begun: () => boolean;
  next?: Asking<Item, Answer>;
}

/** Calls back when it is the question's turn. */
export type TakeTurn = <Answer>(key: string, ask: () => Promise<Answer>) => Promise<Answer>;

/**
 * Asks one question at a time for each key. An answer that is on its way may be older than a later question, so all who ask
 * meanwhile share the next one; a question that still waits for its turn takes on what they ask.
 */
export class SharedQuestion<Item, Answer> {
  readonly #ask: (key: string, items: ReadonlySet<Item>) => Promise<Answer>;
  readonly #takeTurn: TakeTurn;
  readonly #asking = new Map<string, Asking<Item, Answer>>();

  constructor(
    ask: (key: string, items: ReadonlySet<Item>) => Promise<Answer>,
    takeTurn: TakeTurn = (_key, call) => call(),
  ) {
    this.#ask = ask;
    this.#takeTurn = takeTurn;
  }

  async ask(key: string, item: Item): Promise<Answer> {
    let asking = this.#asking.get(key);
    if (!asking) return await this.#start(key, item).answer;
    while (asking.next) asking = asking.next;
    if (asking.begun()) return await (asking.next = this.#prepare(key, item, settled(asking.answer))).answer;
    asking.items.add(item);
    return await asking.answer;
  }

  #start(key: string, item: Item): Asking<Item, Answer> {
    const asking = this.#prepare(key, item);
    void this.#follow(key, asking);
    return asking;
  }

  #prepare(key: string, item: Item, after?: Promise<void>): Asking<Item, Answer> {
    const items = new Set([item]);
    let begun = false;
    const ask = (): Promise<Answer> => {
      begun = true;
      return this.#ask(key, items);
    };
    const answer = after ? after.then(() => this.#takeTurn(key, ask)) : this.#takeTurn(key, ask);
    return { answer, items, begun: () => begun };
  }

  async #follow(key: string, asking: Asking<Item, Answer>): Promise<void> {
    for (let current: Asking<Item, Answer> | undefined = asking; current; current = current.next) {
      this.#asking.set(key, current);
      await settled(current.answer);
    }
    this.#asking.delete(key);
  }
}

async function settled(promise: Promise<unknown>): Promise<void> {
  await Promise.allSettled([promise]);
}
