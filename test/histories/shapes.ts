import assert from 'node:assert/strict';
import { eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import { retrySignal, retryUpdate, skipUpdate, eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import type { EventPolicy } from '../../contracts/events/event-policy.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import type { ActivityEvent, SocialEvent } from '../../contracts/events/social-event.ts';
import { resetRun } from '../convergence/operations.ts';
import type { EventWorkerFixture } from '../support/event-worker.ts';
import { followEvent, postEvent, reactionEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { streamFailure, type FakeStream } from '../support/fake-stream.ts';

/** What a shape is played on. */
export interface Stage {
  readonly fixture: EventWorkerFixture;
  readonly stream: FakeStream;
}

/** What is recorded of a shape. */
export interface Recorded {
  readonly event: SocialEvent;
  /** The latest run of the event when left out. */
  readonly runId?: string;
}

/** Plays one shape; resolves when its history is complete, or as complete as an open workflow's is. */
type Play = (stage: Stage, name: string) => Promise<SocialEvent | Recorded>;

const noAbort = new AbortController().signal;
const by = { by: 'eve', reason: 'mended' };
const { unavailable, rateLimited, notAllowed, notFound, copyIncomplete, ambiguous, invalidRequest, parentMissing, conflict } =
  FAILURE_TYPES;

/** Every way an event can take, by the name of its file. */
export const SHAPES: Readonly<Record<string, Play>> = {
  applied: async (stage, name) => closed(stage, await started(stage, post(name))),

  'applied-after-durable-retries': async (stage, name) => {
    stage.stream.next('addActivity', ...times(3, () => streamFailure(unavailable)));
    return closed(stage, await started(stage, post(name)));
  },

  'applied-after-rate-limit': async (stage, name) => {
    stage.stream.next('addActivity', streamFailure(rateLimited, 200));
    return closed(stage, await started(stage, post(name)));
  },

  'applied-though-answer-was-lost': async (stage, name) => {
    stage.stream.always('addActivity', streamFailure(ambiguous));
    stage.stream.always('hasActivity', { value: true });
    return closed(stage, await started(stage, post(name), { retryBudgetMs: 300 }));
  },

  'parked-then-retried': async (stage, name) => {
    stage.stream.next('addActivity', streamFailure(notAllowed));
    const event = await parked(stage, await started(stage, post(name)));
    await stage.fixture.handle(event).executeUpdate(retryUpdate, { args: [by] });
    return closed(stage, event);
  },

  'parked-then-retried-by-bare-signal': async (stage, name) => {
    stage.stream.next('addActivity', streamFailure(notAllowed));
    const event = await parked(stage, await started(stage, post(name)));
    await stage.fixture.handle(event).signal(retrySignal);
    return closed(stage, event);
  },

  'parked-then-skipped': async (stage, name) => {
    stage.stream.next('addReaction', streamFailure(notFound));
    const event = await parked(stage, await started(stage, reactionEvent({ edge: name })));
    await stage.fixture.handle(event).executeUpdate(skipUpdate, { args: [by] });
    return closed(stage, event);
  },

  'still-parked': async (stage, name) => {
    stage.stream.always('addActivity', streamFailure(unavailable));
    return parked(stage, await started(stage, post(name), { retryBudgetMs: 500 }));
  },

  'parent-waited-for': async (stage, name) => {
    stage.stream.next('requireParent', ...times(2, () => streamFailure(parentMissing)));
    return closed(stage, await started(stage, reactionEvent({ edge: name })));
  },

  'parent-missing-then-retried': async (stage, name) => {
    stage.stream.always('requireParent', streamFailure(parentMissing));
    const event = await parked(stage, await started(stage, reactionEvent({ edge: name }), { parentWaitMs: 200 }));
    stage.stream.reset();
    await stage.fixture.handle(event).executeUpdate(retryUpdate, { args: [by] });
    return closed(stage, event);
  },

  'follow-with-copy-confirmed': async (stage, name) => closed(stage, await started(stage, follow(name, 10))),

  'copy-incomplete-undone-then-parked': async (stage, name) => {
    stage.stream.always('confirmCopy', streamFailure(copyIncomplete));
    const patience = { copyConfirmAttempts: 2, copyRounds: 2 };
    return parked(stage, await started(stage, follow(name, 10), patience));
  },

  'older-follow-kept': async (stage, name) => {
    stage.stream.always('confirmCopy', streamFailure(copyIncomplete));
    stage.stream.always('undoFollow', { value: 'kept' });
    return closed(stage, await started(stage, follow(name, 10), { copyConfirmAttempts: 1 }));
  },

  'compensation-failed-then-retried': async (stage, name) => {
    stage.stream.always('confirmCopy', streamFailure(copyIncomplete));
    stage.stream.always('undoFollow', streamFailure(unavailable));
    const impatience = { copyConfirmAttempts: 1, copyRounds: 1, compensationBudgetMs: 500 };
    const event = await parked(stage, await started(stage, follow(name, 10), impatience));
    stage.stream.reset();
    await stage.fixture.handle(event).executeUpdate(retryUpdate, { args: [by] });
    return closed(stage, event);
  },

  'edge-joined-while-retried': async (stage, name) => {
    stage.stream.always('follow', streamFailure(unavailable));
    const event = await started(stage, follow(name, 10), { retryBudgetMs: 60_000 });
    await eventually(() => assert.ok(stage.stream.countOf('follow') >= 2));
    await started(stage, unfollow(name, 20));
    return closed(stage, event);
  },

  'edge-resumed-with-linger': async (stage, name) => {
    await closed(stage, await started(stage, follow(name, 10)));
    return closed(stage, await started(stage, unfollow(name, 20)));
  },

  'overtaken-then-superseded': async (stage, name) => {
    stage.stream.next('follow', streamFailure(notAllowed));
    const event = await parked(stage, await started(stage, follow(name, 10)));
    await started(stage, unfollow(name, 20));
    await eventually(() => assert.equal(stage.stream.countOf('unfollow'), 1));
    await eventually(async () => {
      const { accepted } = await stage.fixture.handle(event).executeUpdate(retryUpdate, { args: [by] });
      assert.ok(accepted);
    });
    return closed(stage, event);
  },

  'cancelled-and-compensated': async (stage, name) => {
    stage.stream.always('addActivity', streamFailure(ambiguous));
    const event = await started(stage, post(name), { retryBudgetMs: 60_000 });
    await eventually(() => assert.ok(stage.stream.countOf('addActivity') >= 2));
    await stage.fixture.handle(event).cancel();
    return closed(stage, event);
  },

  'given-up-at-the-limit': async (stage, name) => {
    stage.stream.always('addActivity', streamFailure(invalidRequest));
    return closed(stage, await started(stage, post(name), { parkedLimitMs: 100 }));
  },

  'retried-by-schedule': async (stage, name) => {
    stage.stream.next('addActivity', ...times(2, () => streamFailure(invalidRequest)));
    return closed(stage, await started(stage, post(name), { autoRetryDelaysMs: [50, 50] }));
  },

  'skipped-after-a-late-look': async (stage, name) => {
    stage.stream.next('addActivity', streamFailure(ambiguous), streamFailure(notAllowed));
    const event = await parked(stage, await started(stage, post(name), { lateCommitMs: 500 }));
    await stage.fixture.handle(event).executeUpdate(skipUpdate, { args: [by] });
    return closed(stage, event);
  },

  'cancelled-and-handed-on': async (stage, name) => {
    stage.stream.always('follow', streamFailure(unavailable));
    const event = await started(stage, follow(name, 10), { retryBudgetMs: 60_000, lateCommitMs: 0 });
    await eventually(() => assert.ok(stage.stream.countOf('follow') >= 2));
    const { runId } = await stage.fixture.handle(event).describe();
    await stage.fixture.client.workflow.getHandle(eventWorkflowId(event), runId).cancel();
    await started(stage, unfollow(name, 20));
    await closed(stage, event);
    return { event, runId };
  },

  'continued-while-parked-then-retried': async (stage, name) => {
    stage.stream.next('follow', streamFailure(notAllowed));
    const event = await parked(stage, await started(stage, follow(name, 10)));
    const { runId } = await stage.fixture.handle(event).describe();
    const handle = stage.fixture.client.workflow.getHandle(eventWorkflowId(event));
    for (let sent = 0; sent < 2_000; sent += 200) await Promise.all(times(200, () => handle.signal('edgeEvent', null)));
    await eventually(async () => assert.notEqual((await handle.describe()).runId, runId), { timeoutMs: 60_000 });
    await stage.fixture.handle(event).executeUpdate(retryUpdate, { args: [by] });
    return closed(stage, event);
  },

  'quota-waited-for-between-retries': async (stage, name) => {
    stage.stream.next('addActivity', streamFailure(unavailable), streamFailure(rateLimited, 200));
    return closed(stage, await started(stage, post(name)));
  },

  'edge-after-a-terminated-run': async (stage, name) => {
    stage.stream.next('follow', streamFailure(notAllowed));
    const event = await parked(stage, await started(stage, follow(name, 10)));
    await stage.fixture.handle(event).terminate();
    await started(stage, unfollow(name, 20));
    return closed(stage, event);
  },

  'reset-of-an-older-run': async (stage, name) => {
    const event = await closed(stage, await started(stage, follow(name, 10)));
    const { runId, workflowId } = await stage.fixture.handle(event).describe();
    await closed(stage, await started(stage, unfollow(name, 20)));
    await resetRun(stage.fixture.client, { workflowId, runId }, { to: 'first', reapplies: true });
    return closed(stage, event);
  },

  'bad-messages-ignored': async (stage, name) => {
    stage.stream.next('addActivity', streamFailure(notAllowed));
    const event = await parked(stage, await started(stage, post(name)));
    const handle = stage.fixture.client.workflow.getHandle(eventWorkflowId(event));
    await handle.signal('edgeEvent', 'no event');
    await handle.signal('retry', ['no', 'object']);
    return closed(stage, event);
  },

  "another-user's-reaction-left-alone": async (stage, name) => {
    stage.stream.next('addReaction', streamFailure(conflict));
    const event = await parked(stage, await started(stage, reactionEvent({ edge: name })));
    await stage.fixture.handle(event).executeUpdate(skipUpdate, { args: [by] });
    return closed(stage, event);
  },

  'first-task-done-twice': async (stage, name) => {
    const event = post(name);
    const disturb = () => stage.fixture.client.workflow.getHandle(eventWorkflowId(event)).signal('unknown');
    stage.stream.next('addActivity', disturb, streamFailure(notAllowed));
    await parked(stage, await started(stage, event));
    await stage.fixture.handle(event).executeUpdate(skipUpdate, { args: [by] });
    return closed(stage, event);
  },
};

async function started(
  { fixture }: Stage,
  event: SocialEvent,
  policy: Partial<EventPolicy> = {},
): Promise<SocialEvent> {
  await fixture.starter(policy).start(event, noAbort);
  return event;
}

async function parked({ fixture }: Stage, event: SocialEvent): Promise<SocialEvent> {
  await eventually(async () => {
    assert.equal((await fixture.handle(event).describe()).typedSearchAttributes.get(eventStatusKey), 'parked');
  });
  return event;
}

async function closed({ fixture }: Stage, event: SocialEvent): Promise<SocialEvent> {
  await eventually(async () => assert.notEqual((await fixture.handle(event).describe()).status.name, 'RUNNING'), {
    timeoutMs: 30_000,
  });
  return event;
}

/** A post whose ids do not change from one recording to the next. */
function post(name: string): ActivityEvent {
  return { ...postEvent(), actor: name, objectId: '1', foreignId: `Post:${name}-1`, feed: `user:${name}` };
}

function follow(name: string, at: number): SocialEvent {
  return followEvent({ edge: name, at });
}

function unfollow(name: string, at: number): SocialEvent {
  return followEvent({ edge: name, at, kind: 'Unfollow' });
}

function times<Value>(count: number, make: () => Value): Value[] {
  return Array.from({ length: count }, make);
}
