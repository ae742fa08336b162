import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { createTemporalStarter } from '../../bridge/start-event.ts';
import type { EventStarter } from '../../bridge/event-starter.ts';
import type { EventPolicy } from '../../contracts/event-policy.ts';
import { Random } from '../../local/random.ts';
import type { EventWorkerFixture } from '../support/event-worker.ts';
import { sharedTemporal } from '../support/temporal.ts';

/** Starters as separate bridges have them: each on a connection of its own. */
export interface Bridges {
  readonly starters: readonly EventStarter[];
  close(): Promise<void>;
}

export interface BridgesOptions {
  readonly count: number;
  readonly policy: Partial<EventPolicy>;
  readonly seed: number;
  /** Longest pause before a request leaves, milliseconds: opens the gaps between reading a run and acting on it. */
  readonly maxDelayMs: number;
}

export async function openBridges(
  { taskQueue }: EventWorkerFixture,
  { count, policy, seed, maxDelayMs }: BridgesOptions,
): Promise<Bridges> {
  const { address, namespace } = await sharedTemporal();
  const connections = await Promise.all(Array.from({ length: count }, () => NativeConnection.connect({ address })));
  return {
    starters: connections.map((connection, index) => {
      const random = new Random(seed + index);
      const slow = slowed(connection, () => (random.chance(0.5) ? random.between(0, maxDelayMs) : 0));
      return createTemporalStarter({ client: new Client({ connection: slow, namespace }), taskQueue, policy });
    }),
    async close() {
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
}

/** The connection with a pause before each request. */
function slowed(connection: NativeConnection, nextDelayMs: () => number): NativeConnection {
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
