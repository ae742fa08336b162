import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { createTemporalStarter } from '../../bridge/start-event.ts';
import type { EventStarter } from '../../bridge/event-starter.ts';
import type { EventPolicy } from '../../contracts/event-policy.ts';
import type { EventWorkerFixture } from '../support/event-worker.ts';
import { sharedTemporal } from '../support/temporal.ts';

/** Starters as separate bridges have them: each on a connection of its own. */
export interface Bridges {
  readonly starters: readonly EventStarter[];
  close(): Promise<void>;
}

export async function openBridges(
  count: number,
  { taskQueue }: EventWorkerFixture,
  policy: Partial<EventPolicy>,
): Promise<Bridges> {
  const { address, namespace } = await sharedTemporal();
  const connections = await Promise.all(Array.from({ length: count }, () => NativeConnection.connect({ address })));
  return {
    starters: connections.map((connection) =>
      createTemporalStarter({ client: new Client({ connection, namespace }), taskQueue, policy }),
    ),
    async close() {
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
}
