import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import type { Action, Link, PlannedAction, ProcessName } from './plan.ts';
import type { ProcessSlot } from './process-slot.ts';
import type { Toxiproxy } from './toxiproxy.ts';

export interface InjectorOptions {
  readonly cluster: Cluster;
  readonly slots: ReadonlyMap<ProcessName, ProcessSlot>;
  /** Left out: network faults are skipped. */
  readonly toxiproxy?: Toxiproxy;
  readonly onEvent: (line: string) => void;
}

export function proxyName({ process, to }: Link): string {
  return `${process}-${to}`;
}

/** Carries out a plan of faults, and takes all of them back at the end. */
export class Injector {
  readonly #options: InjectorOptions;
  readonly #injected = new Map<string, number>();
  readonly #passing: Promise<void>[] = [];
  #skipped = 0;

  constructor(options: InjectorOptions) {
    this.#options = options;
  }

  /** By kind. */
  get injected(): Record<string, number> {
    return Object.fromEntries([...this.#injected].toSorted(([left], [right]) => left.localeCompare(right)));
  }

  get skipped(): number {
    return this.#skipped;
  }

  async run(plan: readonly PlannedAction[]): Promise<void> {
    const begun = performance.now();
    for (const { atMs, action } of plan) {
      await sleep(Math.max(0, begun + atMs - performance.now()));
      await this.#inject(action);
    }
  }

  async heal(): Promise<void> {
    await Promise.all(this.#passing);
    await fetch(`${this.#options.cluster.stream.url}/_control/faults`, { method: 'DELETE' });
  }

  async #inject(action: Action): Promise<void> {
    const { cluster, slots, onEvent } = this.#options;
    onEvent(JSON.stringify(action));
    switch (action.kind) {
      case 'kill':
        if (slots.get(action.process)?.kill()) this.#count(`kill of a ${action.process.slice(0, 6)}`);
        return;
      case 'restartTemporal':
        this.#count('restart of Temporal');
        return cluster.restartTemporal(action.downMs);
      case 'restartQueues':
        this.#count('restart of SQS');
        return cluster.restartQueues(action.downMs);
      case 'streamFault':
        this.#count(`Stream ${action.rule.fault}`);
        return this.#setStreamFault(action.rule);
      case 'network':
        return this.#disturb(action);
    }
  }

  async #setStreamFault(rule: object): Promise<void> {
    const { url } = this.#options.cluster.stream;
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify([rule]);
    const response = await fetch(`${url}/_control/faults`, { method: 'POST', headers, body });
    if (!response.ok) throw new Error(`the Stream server refused a fault: ${await response.text()}`);
  }

  async #disturb({ link, toxic, forMs }: Extract<Action, { kind: 'network' }>): Promise<void> {
    const { toxiproxy } = this.#options;
    if (!toxiproxy) {
      this.#skipped += 1;
      return;
    }
    this.#count(`network ${toxic.type} to ${link.to}`);
    const cure = await toxiproxy.poison(proxyName(link), toxic);
    this.#passing.push(sleep(forMs).then(cure));
  }

  #count(kind: string): void {
    this.#injected.set(kind, (this.#injected.get(kind) ?? 0) + 1);
  }
}
