import { setTimeout as sleep } from 'node:timers/promises';
import type { Toxic } from './plan.ts';
import type { Toxiproxy } from './toxiproxy.ts';

export interface FaultInjectorOptions {
  /** Left out: network faults are skipped. */
  readonly toxiproxy?: Toxiproxy;
  readonly onEvent: (line: string) => void;
}

/** What carries out a plan of faults, one after the other, and counts them. */
export abstract class FaultInjector<Action> {
  readonly #toxiproxy: Toxiproxy | undefined;
  readonly #onEvent: (line: string) => void;
  readonly #injected = new Map<string, number>();
  readonly #passing: Promise<void>[] = [];
  #skipped = 0;

  constructor({ toxiproxy, onEvent }: FaultInjectorOptions) {
    this.#toxiproxy = toxiproxy;
    this.#onEvent = onEvent;
  }

  /** By kind. */
  get injected(): Record<string, number> {
    return Object.fromEntries([...this.#injected].toSorted(([left], [right]) => left.localeCompare(right)));
  }

  get skipped(): number {
    return this.#skipped;
  }

  async run(plan: readonly { readonly atMs: number; readonly action: Action }[]): Promise<void> {
    const begun = performance.now();
    for (const { atMs, action } of plan) {
      await sleep(Math.max(0, begun + atMs - performance.now()));
      this.#onEvent(JSON.stringify(action));
      await this.inject(action);
    }
  }

  /** Takes back what does not pass by itself. */
  async heal(): Promise<void> {
    await Promise.all(this.#passing);
  }

  protected abstract inject(action: Action): Promise<void>;

  protected count(kind: string): void {
    this.#injected.set(kind, (this.#injected.get(kind) ?? 0) + 1);
  }

  /** @param to what the proxy leads to, for the count */
  protected async disturb(proxy: string, to: string, toxic: Toxic, forMs: number): Promise<void> {
    if (!this.#toxiproxy) {
      this.#skipped += 1;
      return;
    }
    this.count(`network ${toxic.type} to ${to}`);
    const cure = await this.#toxiproxy.poison(proxy, toxic);
    this.#passing.push(sleep(forMs).then(cure));
  }
}
