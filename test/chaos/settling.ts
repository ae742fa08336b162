import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { EVENT_STATUSES } from '../../contracts/names.ts';
import { signalBatch } from '../support/batch-signal.ts';
import type { Queues } from './queues.ts';

const LOOK_EVERY_MS = 1_000;
/** Longer than a batch takes to reach its workflows and be shown in queries. */
const RELEASE_EVERY_MS = 5_000;
/** gRPC status. */
const RESOURCE_EXHAUSTED = 8;
const PARKED = 'ExecutionStatus="Running" AND EventStatus="parked"';
const OPEN = 'ExecutionStatus="Running" AND WorkflowType="socialEvent"';

export interface Settlement {
  readonly released: number;
  readonly redriven: number;
}

/** Releases what is parked and redrives what is dead until nothing is left to do, or the time is up. */
export async function settle(client: Client, queues: Queues, timeoutMs: number): Promise<Settlement> {
  const deadline = performance.now() + timeoutMs;
  const released = new Set<string>();
  let redriven = 0;
  let releaseAt = 0;
  for (let quiet = 0; quiet < 2 && performance.now() < deadline;) {
    redriven += await queues.redrive();
    if (performance.now() > releaseAt) {
      for await (const { runId } of client.workflow.list({ query: PARKED })) released.add(runId);
      if ((await client.workflow.count(PARKED)).count > 0) await signalBatch(client, PARKED, 'retry').catch(ifBusy);
      releaseAt = performance.now() + RELEASE_EVERY_MS;
    }
    const left = (await queues.depth('queueUrl')) + (await queues.depth('deadLetterQueueUrl'));
    quiet = left === 0 && (await client.workflow.count(OPEN)).count === 0 ? quiet + 1 : 0;
    await sleep(LOOK_EVERY_MS);
  }
  return { released: released.size, redriven };
}

/** A namespace runs one batch at a time; the next look starts another. */
function ifBusy(error: unknown): void {
  if (Reflect.get(Object(error), 'code') !== RESOURCE_EXHAUSTED) throw error;
}

export async function countOpen(client: Client): Promise<number> {
  return (await client.workflow.count(OPEN)).count;
}

/** Workflows by EventStatus; of an edge's several runs each counts. */
export async function countStatuses(client: Client): Promise<Record<string, number>> {
  const counts = await Promise.all(
    EVENT_STATUSES.map(async (status): Promise<[string, number]> => {
      const { count } = await client.workflow.count(`EventStatus="${status}"`);
      return [status, count];
    }),
  );
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}
