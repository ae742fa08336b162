interface Asking<Answer> {
  readonly answer: Promise<Answer>;
  next?: Promise<Answer>;
}

/**
 * Asks one question at a time for each key. An answer that is on its way may be older than a later question, so all who ask
 * meanwhile share the next one.
 */
export class SharedQuestion<Answer> {
  readonly #ask: (key: string) => Promise<Answer>;
  readonly #asking = new Map<string, Asking<Answer>>();

  constructor(ask: (key: string) => Promise<Answer>) {
    this.#ask = ask;
  }

  async ask(key: string): Promise<Answer> {
    const asking = this.#asking.get(key);
    if (!asking) return await this.#start(key);
    asking.next ??= settled(asking.answer).then(() => this.#start(key));
    return await asking.next;
  }

  #start(key: string): Promise<Answer> {
    const asking: Asking<Answer> = { answer: this.#ask(key) };
    this.#asking.set(key, asking);
    void this.#forget(key, asking);
    return asking.answer;
  }

  async #forget(key: string, asking: Asking<Answer>): Promise<void> {
    await settled(asking.answer);
    if (!asking.next) this.#asking.delete(key);
  }
}

async function settled(promise: Promise<unknown>): Promise<void> {
  await Promise.allSettled([promise]);
}
