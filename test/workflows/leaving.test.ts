import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { WorkflowFailedError } from '@temporalio/client';
import { edgeEventSignal, skipUpdate } from '../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { followEvent, postEvent, reactionEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';
import { EventProbe } from './support/event-probe.ts';

/** Whoever goes on from a closed run must do so within half of this. */
const RESUMING = { resumedLingerMs: 8_000 };

describe('an event that is left', function () {
  this.timeout(60_000);
  const noAbort = new AbortController().signal;
  const stream = new FakeStream();
  let fixture: EventWorkerFixture;
  let probe: EventProbe;

  before(async function () {
    this.timeout(900_000);
    fixture = await startEventWorker(stream.activities);
    probe = new EventProbe(fixture);
  });
  beforeEach(() => {
    stream.reset();
  });
  after(() => fixture.stop());

  it('by a cancellation is taken back first', async () => {
    const event = postEvent();
    stream.always('addActivity', streamFailure(FAILURE_TYPES.ambiguous));
    await fixture.starter({ lateCommitMs: 0 }).start(event, noAbort);
    await eventually(() => assert.ok(stream.countOf('addActivity') >= 2));
    await fixture.handle(event).cancel();
    await assert.rejects(fixture.handle(event).result(), WorkflowFailedError);
    assert.equal(await probe.status(event), 'compensated');
    assert.ok(stream.countOf('removeActivity') >= 1);
  });

  it('by a cancellation while it is being undone is undone to the end, and no failure of the undo is left', async () => {
    const event = followEvent({ copyLimit: 1 });
    stream.always('confirmCopy', streamFailure(FAILURE_TYPES.copyIncomplete));
    const away = streamFailure(FAILURE_TYPES.unavailable);
    stream.next('undoFollow', away, away, away);
    const policy = { copyConfirmAttempts: 1, copyRounds: 1, retryInitialMs: 700, retryMaximumMs: 700, lateCommitMs: 0 };
    await fixture.starter(policy).start(event, noAbort);
    await eventually(() => assert.ok(stream.countOf('undoFollow') >= 1));
    await fixture.handle(event).cancel();
    await assert.rejects(fixture.handle(event).result(), WorkflowFailedError);
    assert.equal(await probe.status(event), 'compensated');
    assert.equal(await probe.failure(event), 'CopyIncomplete');
    assert.ok(stream.countOf('undoFollow') >= 4);
  });

  it('by a cancellation leaves the edge to an event that came together with it', async () => {
    const edge = randomUUID();
    const like = reactionEvent({ edge, at: 10 });
    const first = await startEventWorker(stream.activities);
    stream.next('addReaction', streamFailure(FAILURE_TYPES.notAllowed));
    await first.starter({ lateCommitMs: 0 }).start(like, noAbort);
    await new EventProbe(first).isParked(like);
    await first.stop();
    // With no worker running, both wait for one workflow task.
    await fixture.handle(like).signal(edgeEventSignal, reactionEvent({ edge, kind: 'Unlike', at: 20 }));
    await fixture.handle(like).cancel();
    const second = await startEventWorker(stream.activities, first.taskQueue);
    await probe.isClosed(like);
    const { status, register } = await fixture.handle(like).result();
    assert.deepEqual([status, register?.eventTimeMicros, register?.present], ['applied', 20, false]);
    assert.deepEqual(stream.names().slice(-1), ['removeReaction']);
    await second.stop();
  });

  it('by the limit of its time parked is taken back first', async () => {
    const event = postEvent();
    stream.always('addActivity', streamFailure(FAILURE_TYPES.ambiguous));
    await fixture.starter({ retryBudgetMs: 0, parkedLimitMs: 300, lateCommitMs: 0 }).start(event, noAbort);
    await assert.rejects(fixture.handle(event).result(), WorkflowFailedError);
    assert.equal(await probe.status(event), 'compensated');
    assert.ok(stream.countOf('removeActivity') >= 1);
  });

  it('by a skip stands behind it: an older one of its edge is not written any more', async () => {
    const edge = randomUUID();
    const follow = followEvent({ edge, at: 20, copyLimit: 0 });
    stream.next('follow', streamFailure(FAILURE_TYPES.notAllowed));
    const starter = fixture.starter({ ...RESUMING, lateCommitMs: 0 });
    await starter.start(follow, noAbort);
    await probe.isParked(follow);
    await fixture.handle(follow).executeUpdate(skipUpdate, { args: [{}] });
    assert.equal((await fixture.handle(follow).result()).status, 'skipped');
    assert.equal(await starter.start(followEvent({ edge, at: 10, copyLimit: 0 }), noAbort), 'deduplicated');
    assert.equal(stream.countOf('follow'), 1);
  });

  it('by a termination is told by its memo: what was applied, and what was not', async () => {
    const edge = randomUUID();
    const like = reactionEvent({ edge, at: 10 });
    stream.next('addReaction', streamFailure(FAILURE_TYPES.notAllowed));
    const starter = fixture.starter({ ...RESUMING, lateCommitMs: 0 });
    await starter.start(like, noAbort);
    await probe.isParked(like);
    await starter.start(reactionEvent({ edge, kind: 'Unlike', at: 30 }), noAbort);
    // Applied; the one that was parked is to be acknowledged.
    await eventually(async () => assert.match(await probe.details(like), /overtaken by a later event/));
    await fixture.handle(like).terminate();
    assert.equal(await starter.start(reactionEvent({ edge, at: 20 }), noAbort), 'deduplicated');
    assert.equal(stream.countOf('addReaction'), 1);
  });

  it('by a termination goes on with the next event of its edge, though that is an older one', async () => {
    const edge = randomUUID();
    const like = reactionEvent({ edge, at: 20 });
    stream.next('addReaction', streamFailure(FAILURE_TYPES.notAllowed));
    const starter = fixture.starter({ ...RESUMING, lateCommitMs: 0 });
    await starter.start(like, noAbort);
    await probe.isParked(like);
    await fixture.handle(like).terminate();
    assert.equal(await starter.start(reactionEvent({ edge, kind: 'Unlike', at: 10 }), noAbort), 'started');
    const { status, register } = await fixture.handle(like).result();
    assert.deepEqual([status, register?.eventTimeMicros], ['applied', 20]);
    assert.equal(stream.countOf('removeReaction'), 0);
  });

  it('for a later one is waited for until its attempt has ended', async () => {
    const edge = randomUUID();
    const follow = followEvent({ edge, at: 10, copyLimit: 0 });
    const attempt = Promise.withResolvers<undefined>();
    stream.next('follow', streamFailure(FAILURE_TYPES.unavailable), () => attempt.promise);
    const starter = fixture.starter({ lateCommitMs: 0 });
    await starter.start(follow, noAbort);
    await eventually(() => assert.equal(stream.countOf('follow'), 2));
    assert.equal(await starter.start(followEvent({ edge, kind: 'Unfollow', at: 20 }), noAbort), 'joined');
    // The signal is handled when its task has ended; a write that does not wait comes with the same task.
    const isHandled = async (): Promise<void> => {
      const { events } = await fixture.handle(follow).fetchHistory();
      const signalled = events?.findIndex((entry) => entry.workflowExecutionSignaledEventAttributes) ?? -1;
      assert.ok(signalled >= 0);
      assert.ok(events?.slice(signalled).some((entry) => entry.workflowTaskCompletedEventAttributes));
    };
    await eventually(isHandled);
    await assert.rejects(
      eventually(() => assert.equal(stream.countOf('unfollow'), 1), { timeoutMs: 2_000 }),
      'the later one was written while the older one was on its way',
    );
    attempt.resolve(undefined);
    const { status, register } = await fixture.handle(follow).result();
    assert.deepEqual([status, register?.present], ['applied', false]);
    assert.equal(stream.names().at(-1), 'unfollow');
  });

  it('alone by what is not of its edge', async () => {
    const edge = randomUUID();
    const event = reactionEvent({ edge, at: 10 });
    stream.next('addReaction', streamFailure(FAILURE_TYPES.notAllowed));
    await fixture.starter({ lateCommitMs: 0 }).start(event, noAbort);
    await probe.isParked(event);
    for (const other of [reactionEvent({ at: 20 }), followEvent({ edge, at: 20 }), postEvent(), 'x']) {
      await fixture.client.workflow.getHandle(fixture.handle(event).workflowId).signal('edgeEvent', other);
    }
    await eventually(async () => {
      const ignored = (await probe.details(event)).match(/Ignored: a signal edgeEvent held no event of this edge/g);
      assert.equal(ignored?.length, 4);
    });
    assert.equal(await probe.status(event), 'parked');
    assert.equal(stream.countOf('addReaction'), 1);
    await fixture.handle(event).terminate();
  });
});
