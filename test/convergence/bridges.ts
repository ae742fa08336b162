import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { createTemporalStarter } from '../../bridge/start-event.ts';
import type { EventStarter } from '../../bridge/event-starter.ts';
import type { EventPolicy } from '../../contracts/events/event-policy.ts';
import { Random } from '../../local/random.ts';

export interface BridgesOptions {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly count: number;
  readonly seed: number;
  /** Longest pause before a request leaves, milliseconds: opens the gaps between reading a run and acting on it. */
  readonly maxDelayMs: number;
}

/** Bridges as separate processes have them: each on a connection of its own. */
export class Bridges {
  readonly #options: BridgesOptions;
  readonly #clients: { readonly client: Client; readonly resumeClient: Client }[] = [];
  readonly #connections: (NativeConnection | Connection)[] = [];
  #opened = 0;

  private constructor(options: BridgesOptions) {
    this.#options = options;
  }

  static async open(options: BridgesOptions): Promise<Bridges> {
    const bridges = new Bridges(options);
    await Promise.all(Array.from({ length: options.count }, (_, index) => bridges.renew(index)));
    return bridges;
  }

  /** What the bridge starts events with; looked up anew for each start, as the bridge may be another one by then. */
  starter(index: number, policy: Partial<EventPolicy>): EventStarter {
    const clients = this.#clients[index % this.#options.count];
    if (!clients) throw new Error(`there is no bridge ${index}`);
    return createTemporalStarter({ ...clients, taskQueue: this.#options.taskQueue, policy });
  }

  /** A new bridge takes the place of this one, which finishes what it has in hand. */
  async renew(index: number): Promise<void> {
    const { address, namespace, seed, maxDelayMs } = this.#options;
    const connection = await NativeConnection.connect({ address });
    const resuming = Connection.lazy({ address });
    this.#connections.push(connection, resuming);
    const random = new Random(seed + this.#opened++);
    const pauseMs = (): number => (random.chance(0.5) ? random.between(0, maxDelayMs) : 0);
    this.#clients[index] = {
      client: new Client({ connection: slowed(connection, pauseMs), namespace }),
      resumeClient: new Client({ connection: slowed(resuming, pauseMs), namespace }),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }
}

/** The connection with a pause before each request. */
function slowed<Link extends NativeConnection | Connection>(connection: Link, nextDelayMs: () => number): Link {
  const workflowService = new Proxy(connection.workflowService, {
    get: (service, name) => {
      const method: unknown = Reflect.get(service, name);
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]): Promise<unknown> => {
        await sleep(nextDelayMs());
        return await Reflect.apply(method, service, args);
      };
    },
  });
  return new Proxy(connection, {
    get: (target, name) => {
      if (name === 'workflowService') return workflowService;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
