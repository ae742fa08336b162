import type { Cluster } from './cluster.ts';
import { FaultInjector, type FaultInjectorOptions } from './fault-injector.ts';
import type { Action, Link, ProcessName, StreamFault } from './plan.ts';
import type { ProcessSlot } from './process-slot.ts';
import { StreamFaults } from './stream-faults.ts';

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
  readonly #streamFaults: StreamFaults;

  constructor(options: InjectorOptions) {
    super(options);
    this.#cluster = options.cluster;
    this.#slots = options.slots;
    this.#streamFaults = new StreamFaults(options.cluster.stream.url);
  }

  override async heal(): Promise<void> {
    await super.heal();
    await this.#streamFaults.clear();
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
        this.count(`Stream ${nameOf(action.rules)}`);
        return this.#streamFaults.add(action.rules, action.forMs);
      case 'network':
        return this.disturb(proxyName(action.link), action.link.to, action.toxic, action.forMs);
    }
  }
}

function nameOf([rule]: readonly StreamFault[]): string {
  return rule?.['status'] === 403 ? '403 for a user' : (rule?.fault ?? 'fault');
}
