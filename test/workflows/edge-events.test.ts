import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import {
  edgeEventSignal,
  eventQuery,
  retrySignal,
  retryUpdate,
  skipUpdate,
  type EventView,
} from '../../contracts/events/event-workflow.ts';
import { eventFailureKey, eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import type { FollowEvent } from '../../contracts/events/social-event.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { followEvent, reactionEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';

describe('events of an edge', function () {
  this.timeout(60_000);
  const noAbort = new AbortController().signal;
  const stream = new FakeStream();
  let fixture: EventWorkerFixture;

  before(async function () {
    // The first run on a machine may have to build the Temporal server.
    this.timeout(900_000);
    fixture = await startEventWorker(stream.activities);
  });
  beforeEach(() => {
    stream.reset();
  });
  after(() => fixture.stop());

  const viewOf = (event: FollowEvent): Promise<EventView> => fixture.handle(event).query(eventQuery);
  const isParked = (event: FollowEvent): Promise<void> =>
    eventually(
      async () => {
        const { typedSearchAttributes } = await fixture.handle(event).describe();
        assert.equal(typedSearchAttributes.get(eventStatusKey), 'parked');
      },
      { timeoutMs: 30_000 },
    );
  // Whoever goes on from a closed run must do so within half of this.
  const resuming = { resumedLingerMs: 8_000 };

  it('cost the first of them no more than a post: one workflow task, no lingering', async () => {
    const event = followEvent();
    await fixture.starter().start(event, noAbort);
    assert.equal((await fixture.handle(event).result()).status, 'applied');
    const { events } = await fixture.handle(event).fetchHistory();
    assert.equal(events?.filter((entry) => entry.workflowTaskScheduledEventAttributes).length, 1);
    assert.deepEqual(stream.names(), ['follow', 'confirmCopy']);
  });

  it('go on from the register of the closed run, and a late older one changes nothing', async () => {
    const edge = randomUUID();
    const starter = fixture.starter(resuming);
    const like = reactionEvent({ edge, at: 10 });
    await starter.start(like, noAbort);
    await fixture.handle(like).result();
    assert.equal(await starter.start(like, noAbort), 'deduplicated');
    assert.equal(await starter.start(reactionEvent({ edge, kind: 'Unlike', at: 30 }), noAbort), 'started');
    // The resumed run lingers, so this one finds it open.
    assert.equal(await starter.start(reactionEvent({ edge, at: 20 }), noAbort), 'joined');
    const result = await fixture.handle(like).result();
    assert.equal(result.register?.eventTimeMicros, 30);
    assert.equal(result.register?.present, false);
    assert.deepEqual(stream.names(), ['requireParent', 'addReaction', 'removeReaction']);
    assert.equal(await starter.start(reactionEvent({ edge, at: 20 }), noAbort), 'deduplicated');
  });

  it('let a newer one interrupt the retries of an older one', async () => {
    const edge = randomUUID();
    stream.always('follow', streamFailure(FAILURE_TYPES.unavailable));
    const follow = followEvent({ edge, at: 10 });
    await fixture.starter().start(follow, noAbort);
    await eventually(() => assert.ok(stream.countOf('follow') >= 2));
    assert.equal(await fixture.starter().start(followEvent({ edge, kind: 'Unfollow', at: 20 }), noAbort), 'joined');
    const result = await fixture.handle(follow).result();
    assert.equal(result.status, 'applied');
    assert.equal(result.register?.present, false);
    assert.equal(stream.names().at(-1), 'unfollow');
  });

  it('undo a follow whose copy stays incomplete, try it anew, then park it', async () => {
    const event = followEvent({ at: 10 });
    stream.always('confirmCopy', streamFailure(FAILURE_TYPES.copyIncomplete));
    await fixture.starter({ copyConfirmAttempts: 2, copyRounds: 2 }).start(event, noAbort);
    await isParked(event);
    const round = ['follow', 'confirmCopy', 'confirmCopy', 'undoFollow'];
    assert.deepEqual(stream.names(), [...round, ...round]);
    const { failure } = await viewOf(event);
    assert.equal(failure?.type, 'CopyIncomplete');
    assert.equal(failure?.undone.length, 1);
    await fixture.handle(event).terminate();
  });

  it('leave alone a follow that was there before', async () => {
    const event = followEvent({ at: 10 });
    stream.always('confirmCopy', streamFailure(FAILURE_TYPES.copyIncomplete));
    stream.always('undoFollow', { value: 'kept' });
    await fixture.starter({ copyConfirmAttempts: 1 }).start(event, noAbort);
    assert.equal((await fixture.handle(event).result()).status, 'applied');
    assert.equal(stream.countOf('unfollow'), 0);
  });

  it('park with both failures when the undo fails too, and a retry finishes them', async () => {
    const event = followEvent({ at: 10 });
    stream.always('confirmCopy', streamFailure(FAILURE_TYPES.copyIncomplete));
    stream.always('undoFollow', streamFailure(FAILURE_TYPES.unavailable));
    await fixture.starter({ copyConfirmAttempts: 1, copyRounds: 1, compensationBudgetMs: 2_000 }).start(event, noAbort);
    await isParked(event);
    const { failure } = await viewOf(event);
    assert.equal(failure?.type, 'CopyIncomplete');
    assert.match(failure?.compensationFailure ?? '', /Unavailable/);
    const { typedSearchAttributes } = await fixture.handle(event).describe();
    assert.equal(typedSearchAttributes.get(eventFailureKey), 'CompensationFailed');
    stream.reset();
    await fixture.handle(event).executeUpdate(retryUpdate, { args: [{}] });
    assert.equal((await fixture.handle(event).result()).status, 'applied');
  });

  it('close a parked one as superseded on retry when a later one was applied meanwhile', async () => {
    const edge = randomUUID();
    const follow = followEvent({ edge, at: 10 });
    stream.next('follow', streamFailure(FAILURE_TYPES.notAllowed));
    await fixture.starter().start(follow, noAbort);
    await isParked(follow);
    assert.equal(await fixture.starter().start(followEvent({ edge, kind: 'Unfollow', at: 20 }), noAbort), 'joined');
    await eventually(() => {
      assert.equal(stream.countOf('unfollow'), 1);
    });
    await isParked(follow);
    await fixture.handle(follow).executeUpdate(retryUpdate, { args: [{ by: 'eve' }] });
    const result = await fixture.handle(follow).result();
    assert.equal(result.status, 'superseded');
    assert.equal(result.register?.present, false);
    assert.equal(stream.countOf('follow'), 1);
  });

  it('park again when the undo of a skipped one fails, until a skip succeeds', async () => {
    const event = followEvent({ at: 10 });
    stream.always('confirmCopy', streamFailure(FAILURE_TYPES.copyIncomplete));
    stream.always('undoFollow', streamFailure(FAILURE_TYPES.notAllowed));
    await fixture.starter({ copyConfirmAttempts: 1, copyRounds: 1 }).start(event, noAbort);
    await isParked(event);
    assert.equal(stream.countOf('undoFollow'), 1);
    await fixture.handle(event).executeUpdate(skipUpdate, { args: [{ by: 'eve' }] });
    await eventually(() => assert.equal(stream.countOf('undoFollow'), 2));
    assert.equal((await viewOf(event)).status, 'parked');
    assert.equal(stream.countOf('undoFollow'), 2, 'nobody asked for a third time');
    stream.reset();
    // Refused as long as the first skip is under way.
    await eventually(async () => {
      const { accepted } = await fixture.handle(event).executeUpdate(skipUpdate, { args: [{}] });
      assert.ok(accepted);
    });
    assert.equal((await fixture.handle(event).result()).status, 'skipped');
    assert.equal(stream.countOf('undoFollow'), 1);
  });

  it('close a parked one at once when its retry and a later one come together', async () => {
    const edge = randomUUID();
    const follow = followEvent({ edge, at: 10 });
    const unfollow = followEvent({ edge, kind: 'Unfollow', at: 20 });
    const first = await startEventWorker(stream.activities);
    stream.next('follow', streamFailure(FAILURE_TYPES.notAllowed));
    await first.starter().start(follow, noAbort);
    await isParked(follow);
    await first.stop();
    // With no worker running, both signals wait for one workflow task.
    await fixture.handle(follow).signal(retrySignal, { by: 'eve' });
    await fixture.handle(follow).signal(edgeEventSignal, unfollow);
    const second = await startEventWorker(stream.activities, first.taskQueue);
    assert.equal((await second.handle(follow).result()).status, 'superseded');
    assert.deepEqual(
      stream.names(),
      ['follow', 'unfollow'],
      'what was refused was not written: there is nothing to undo',
    );
    await second.stop();
  });

  it('go on after a run that was terminated, from what its history tells', async () => {
    const edge = randomUUID();
    const follow = followEvent({ edge, at: 10 });
    stream.next('follow', streamFailure(FAILURE_TYPES.notAllowed));
    await fixture.starter().start(follow, noAbort);
    await isParked(follow);
    await fixture.handle(follow).terminate();
    assert.equal(await fixture.starter(resuming).start(followEvent({ edge, at: 20 }), noAbort), 'started');
    assert.equal((await fixture.handle(follow).result()).register?.eventTimeMicros, 20);
  });
});
