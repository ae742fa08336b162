import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { eventQuery } from '../../contracts/events/event-workflow.ts';
import { signalBatch } from '../support/batch-signal.ts';
import { eventually } from '../support/eventually.ts';
import { startRunningStack, type RunningStack } from '../support/running-stack.ts';
import { effectsOf } from '../support/stream-effects.ts';
import type { TrafficMessage } from '../support/traffic.ts';
import { busiestWindow, dispatchTimes } from './dispatch-pace.ts';

const WRITES_PER_SECOND = 20;
const WINDOW_S = 2;
/** The server's token bucket lets a second's worth through at once; clocks are a little apart. */
const MOST_IN_WINDOW = WRITES_PER_SECOND * (WINDOW_S + 1) * 1.1;
/** Of this many follows one is overtaken by an unfollow while it is parked. */
const OVERTAKEN_EVERY = 10;

export interface BulkRelease {
  readonly parked: number;
  readonly seconds: number;
  /** Writes handed out in the busiest 2 s, for each second. */
  readonly busiest: number;
}

/** Parks events by a final fault, overtakes some of them, and releases all with one batch signal. */
export async function releaseInBulk(count: number): Promise<BulkRelease> {
  const running = await startRunningStack({
    workerEnv: { WORKER_ACTIVITIES_PER_SECOND: String(WRITES_PER_SECOND) },
  });
  try {
    return await release(running, count);
  } finally {
    await running.stop();
  }
}

async function release(running: RunningStack, count: number): Promise<BulkRelease> {
  const run = randomUUID().slice(0, 8);
  const follows = Array.from({ length: count }, (_, index) => followMessage(run, index, 'Follow'));
  const overtaking = follows
    .filter((_, index) => index % OVERTAKEN_EVERY === 0)
    .map((_, index) => followMessage(run, index * OVERTAKEN_EVERY, 'Unfollow'));
  const applied = count - overtaking.length;
  const timeoutMs = 60_000 + count * 100;
  const countOf = async (query: string): Promise<number> =>
    (await running.temporal.workflow.count(`WorkflowId STARTS_WITH "follow/timeline:${run}" AND ${query}`)).count;

  await running.setFaults([{ match: { method: 'POST', path: 'following' }, fault: 'error', status: 403 }]);
  await running.publish(follows);
  await eventually(async () => assert.equal(await countOf('EventStatus="parked"'), count), { timeoutMs });
  await running.publish(overtaking);
  await eventually(async () => assert.equal((await effectsOf(running))['unfollowsRepeated'], overtaking.length), {
    timeoutMs,
  });
  await eventually(async () => {
    for (const { body } of overtaking) assert.equal(await statusOf(running, body), 'parked');
    assert.equal(await countOf('EventStatus="parked"'), count);
  });
  await running.setFaults([]);

  const releasedAtMs = Date.now();
  const begun = performance.now();
  await signalBatch(
    running.temporal,
    `WorkflowId STARTS_WITH "follow/timeline:${run}" AND EventStatus="parked"`,
    'retry',
  );
  await eventually(async () => assert.equal(await countOf('ExecutionStatus="Running"'), 0), { timeoutMs });
  const seconds = (performance.now() - begun) / 1000;

  assert.equal(await countOf('EventStatus="applied"'), applied);
  assert.equal(await countOf('EventStatus="superseded"'), overtaking.length);
  const effects = await effectsOf(running);
  assert.equal(effects['followsCreated'], applied);
  assert.equal(effects['unfollows'], undefined, 'a stale follow was made and taken back');
  for (const index of [0, 1]) {
    const { results } = await running.stream.feed('timeline', `${run}-${index}`).following();
    assert.equal(results.length, index === 0 ? 0 : 1);
  }
  const dispatched = await dispatchTimes(
    running.temporal,
    `WorkflowId STARTS_WITH "follow/timeline:${run}"`,
    releasedAtMs,
  );
  assert.ok(dispatched.length >= applied, `${dispatched.length} writes were handed out`);
  const busiest = busiestWindow(dispatched, WINDOW_S * 1_000);
  assert.ok(busiest <= MOST_IN_WINDOW, `${busiest} writes in ${WINDOW_S} s`);
  return { parked: count, seconds, busiest: busiest / WINDOW_S };
}

/** As the workflow itself tells it: while the later event is written, it is not parked, and a batch would pass it by. */
async function statusOf(running: RunningStack, body: object): Promise<string> {
  const id = `follow/${String(Reflect.get(body, 'SourceFeedID'))}/${String(Reflect.get(body, 'TargetFeedID'))}`;
  return (await running.temporal.workflow.getHandle(id).query(eventQuery)).status;
}

function followMessage(run: string, index: number, kind: 'Follow' | 'Unfollow'): TrafficMessage {
  return {
    topic: 'follow-relationships',
    body: {
      SourceFeedID: `timeline:${run}-${index}`,
      TargetFeedID: 'user:celebrity',
      ActivityCopyLimit: 0,
      Kind: kind,
      EventTime: kind === 'Follow' ? '2026-01-31T12:00:00Z' : '2026-01-31T12:00:01Z',
    },
  };
}
