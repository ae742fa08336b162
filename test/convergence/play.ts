import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStarter } from '../../bridge/event-starter.ts';
import { backoffMs } from '../../contracts/backoff.ts';
import { eventStatusKey } from '../../contracts/search-attributes.ts';
import type { EdgeEvent } from '../../contracts/social-event.ts';
import type { EventWorkerFixture } from '../support/event-worker.ts';
import type { EdgeModel } from './edge-model.ts';
import type { Delivery, Schedule } from './schedule.ts';
import { faultOf } from './verdict.ts';

/** With ever longer pauses, or a busy machine would be kept from every start by those that came too late. */
const START_BACKOFF = { initialMs: 200, maximumMs: 10_000 };
/** Far more than any schedule takes, and less than the time-out of the whole test. */
const LONGEST_LIFE_MS = 240_000;
const noAbort = new AbortController().signal;

export interface Stage {
  readonly fixture: EventWorkerFixture;
  readonly starters: readonly EventStarter[];
  readonly model: EdgeModel;
}

/** Plays a schedule to its end. @returns what is wrong with what was written, undefined when nothing is */
export async function play(schedule: Schedule, stage: Stage): Promise<string | undefined> {
  const [event] = schedule.events;
  assert.ok(event);
  for (const { awaitClose, deliveries } of schedule.phases) {
    if (awaitClose) await closed(event, stage);
    await Promise.all(deliveries.map((delivery) => deliver(delivery, stage)));
  }
  await closed(event, stage);
  return faultOf(schedule.events, stage.model.writesOf(keyOf(event)));
}

async function deliver({ event, starter, delayMs, answerLost }: Delivery, { starters }: Stage): Promise<void> {
  await sleep(delayMs);
  await startPatiently(event, starters[starter]);
  if (answerLost) await startPatiently(event, starters[(starter + 1) % starters.length]);
}

/** As the bridge does: until it is durable. */
async function startPatiently(event: EdgeEvent, starter: EventStarter | undefined): Promise<void> {
  assert.ok(starter);
  for (let failures = 1; ; failures++) {
    try {
      await starter.start(event, noAbort);
      return;
    } catch {
      await sleep(backoffMs(START_BACKOFF, failures));
    }
  }
}

/** No run of the edge is open. */
async function closed(event: EdgeEvent, { fixture }: Stage): Promise<void> {
  const handle = fixture.handle(event);
  const closing = await Promise.race([handle.result(), sleep(LONGEST_LIFE_MS, undefined, { ref: false })]);
  if (closing === undefined) {
    const { workflowId, runId, typedSearchAttributes } = await handle.describe();
    throw new Error(`${workflowId} (${runId}) does not close: ${String(typedSearchAttributes.get(eventStatusKey))}`);
  }
  const { status } = closing;
  assert.ok(status === 'applied' || status === 'superseded', `closed as ${status}`);
}

function keyOf(event: EdgeEvent): string {
  return event.kind === 'follow' ? event.source : event.reactionId;
}
