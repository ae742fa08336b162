import { Turns } from '../../client/turns.ts';

interface Asking<Answer> {
  readonly answer: Promise<Answer>;
  /** Its turn has come. */
  readonly begun: () => boolean;
  next?: Promise<Answer>;
}

/**
 * Asks one question at a time for each key, and so many at once of all. An answer that is on its way may be older than a later
 * question, so all who ask meanwhile share the next one; a question that still waits for its turn is as good as theirs.
 */
export class SharedQuestion<Answer> {
  readonly #ask: (key: string) => Promise<Answer>;
  readonly #turns: Turns;
  readonly #asking = new Map<string, Asking<Answer>>();

  /** @param atOnce default: no limit */
  constructor(ask: (key: string) => Promise<Answer>, atOnce = Infinity) {
    this.#ask = ask;
    this.#turns = new Turns(atOnce);
  }

  async ask(key: string): Promise<Answer> {
    const asking = this.#asking.get(key);
    if (!asking) return await this.#start(key);
    if (!asking.begun()) return await asking.answer;
    asking.next ??= settled(asking.answer).then(() => this.#start(key));
    return await asking.next;
  }

  #start(key: string): Promise<Answer> {
    let begun = false;
    const answer = this.#turns.take(() => {
      begun = true;
      return this.#ask(key);
    });
    const asking: Asking<Answer> = { answer, begun: () => begun };
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
