import type { StreamFault } from './plan.ts';

/** The faults in force on a Stream server, each until its time is over. */
export class StreamFaults {
  readonly #url: string;
  readonly #timers = new Set<NodeJS.Timeout>();
  #inForce: readonly (readonly StreamFault[])[] = [];
  #sending: Promise<void> = Promise.resolve();

  /** @param url of the server */
  constructor(url: string) {
    this.#url = url;
  }

  /** @throws Error when the server refuses them */
  async add(rules: readonly StreamFault[], forMs: number): Promise<void> {
    this.#inForce = [...this.#inForce, rules];
    await this.#send();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#inForce = this.#inForce.filter((others) => others !== rules);
      void this.#send();
    }, forMs);
    this.#timers.add(timer);
  }

  async clear(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#inForce = [];
    await this.#send();
  }

  /** All anew, as single ones cannot be taken away; those that apply to so many requests begin to count again. */
  #send(): Promise<void> {
    const next = this.#sending.then(() => this.#replace());
    this.#sending = next.catch(() => undefined);
    return next;
  }

  async #replace(): Promise<void> {
    const route = `${this.#url}/_control/faults`;
    await fetch(route, { method: 'DELETE' });
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(route, { method: 'POST', headers, body: JSON.stringify(this.#inForce.flat()) });
    if (!response.ok) throw new Error(`the Stream server refused a fault: ${await response.text()}`);
  }
}
