import type { Client } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';

/**
 * When Temporal handed out the activities of workflows, as their histories tell: the limit of a task queue is about that,
 * and no stall of this process moves it.
 *
 * @returns milliseconds, in order
 */
export async function dispatchTimes(client: Client, query: string, sinceMs: number): Promise<number[]> {
  const times: number[] = [];
  for await (const { workflowId } of client.workflow.list({ query })) {
    const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
    for (const event of events ?? []) {
      if (event.activityTaskStartedEventAttributes) times.push(tsToMs(event.eventTime));
    }
  }
  return times.filter((timeMs) => timeMs >= sinceMs).toSorted((one, other) => one - other);
}

/** The most of these times within any window of this length. */
export function busiestWindow(timesMs: readonly number[], windowMs: number): number {
  let most = 0;
  let first = 0;
  for (const [index, timeMs] of timesMs.entries()) {
    while (timeMs - (timesMs[first] ?? timeMs) >= windowMs) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
