import type { Cluster } from './cluster.ts';
import { FaultInjector, type FaultInjectorOptions } from './fault-injector.ts';
import type { Action, Link, ProcessName } from './plan.ts';
import type { ProcessSlot } from './process-slot.ts';

export interface InjectorOptions extends FaultInjectorOptions {
  readonly cluster: Cluster;
  readonly slots: ReadonlyMap<ProcessName, ProcessSlot>;
}

export function proxyName({ process, to }: Link): string {
  return `${process}-${to}`;
}

/** Injects faults into the events' cluster. */
export class Injector extends FaultInjector<Action> {
  readonly #cluster: Cluster;
  readonly #slots: ReadonlyMap<ProcessName, ProcessSlot>;

  constructor(options: InjectorOptions) {
    super(options);
    this.#cluster = options.cluster;
    this.#slots = options.slots;
  }

  override async heal(): Promise<void> {
    await super.heal();
    await fetch(`${this.#cluster.stream.url}/_control/faults`, { method: 'DELETE' });
  }

  protected override async inject(action: Action): Promise<void> {
    switch (action.kind) {
      case 'kill':
        if (this.#slots.get(action.process)?.kill()) this.count(`kill of a ${action.process.slice(0, 6)}`);
        return;
      case 'restartTemporal':
        this.count('restart of Temporal');
        return this.#cluster.restartTemporal(action.downMs);
      case 'restartQueues':
        this.count('restart of SQS');
        return this.#cluster.restartQueues(action.downMs);
      case 'streamFault':
        this.count(`Stream ${action.rule.fault}`);
        return this.#setStreamFault(action.rule);
      case 'network':
        return this.disturb(proxyName(action.link), action.link.to, action.toxic, action.forMs);
    }
  }

  async #setStreamFault(rule: object): Promise<void> {
    const { url } = this.#cluster.stream;
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify([rule]);
    const response = await fetch(`${url}/_control/faults`, { method: 'POST', headers, body });
    if (!response.ok) throw new Error(`the Stream server refused a fault: ${await response.text()}`);
  }
}
