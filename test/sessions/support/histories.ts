import type { temporal } from '@temporalio/proto';
import type { SessionsFixture } from './sessions-worker.ts';

type History = temporal.api.history.v1.IHistory;

/** One run of an account: how many events its history has, and how many of each type. */
export interface RunHistory {
  readonly runId: string;
  readonly events: number;
  count(type: string): number;
}

/** All runs of an account, from the current one back to the first. */
export async function runsOf(fixture: SessionsFixture, userId: string): Promise<RunHistory[]> {
  const handle = fixture.handle(userId);
  const runs: RunHistory[] = [];
  let runId: string | undefined = (await handle.describe()).runId;
  while (runId !== undefined && runId !== '') {
    const history: History = await fixture.client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
    const all = history.events ?? [];
    const present = new Map<string, number>();
    for (const event of all) {
      const kind = Object.keys(event).find(
        (key) => key.endsWith('EventAttributes') && Reflect.get(event, key) !== null,
      );
      if (kind !== undefined) present.set(kind, (present.get(kind) ?? 0) + 1);
    }
    const count = (type: string): number => present.get(`${type}EventAttributes`) ?? 0;
    runs.push({ runId, events: all.length, count });
    runId = all[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? undefined;
  }
  return runs;
}
