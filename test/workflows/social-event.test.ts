import assert from 'node:assert/strict';
import { WorkflowFailedError } from '@temporalio/client';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { eventQuery, retrySignal, retryUpdate, skipUpdate } from '../../contracts/events/event-workflow.ts';
import { eventFailureKey, eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { postEvent, reactionEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';

describe('a social event', function () {
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

  const statusOf = async (event: SocialEvent): Promise<string | undefined> =>
    (await fixture.handle(event).describe()).typedSearchAttributes.get(eventStatusKey);
  const failureOf = async (event: SocialEvent): Promise<string | undefined> =>
    (await fixture.handle(event).describe()).typedSearchAttributes.get(eventFailureKey);
  const isParked = (event: SocialEvent): Promise<void> =>
    eventually(async () => assert.equal(await statusOf(event), 'parked'), { timeoutMs: 30_000 });

  it('is applied inside its first workflow task when nothing fails', async () => {
    const event = postEvent();
    assert.equal(await fixture.starter().start(event, noAbort), 'started');
    assert.deepEqual(await fixture.handle(event).result(), { status: 'applied' });
    assert.equal(await statusOf(event), 'applied');
    const { events } = await fixture.handle(event).fetchHistory();
    assert.equal(events?.filter((entry) => entry.activityTaskScheduledEventAttributes).length, 0);
    assert.equal(events?.filter((entry) => entry.workflowTaskScheduledEventAttributes).length, 1);
    assert.deepEqual(stream.names(), ['addActivity']);
  });

  it('counts a second start of a post as a duplicate', async () => {
    const event = postEvent();
    await fixture.starter().start(event, noAbort);
    await fixture.handle(event).result();
    assert.equal(await fixture.starter().start(event, noAbort), 'deduplicated');
    assert.equal(stream.countOf('addActivity'), 1);
  });

  it('goes on as an activity with retries when the first attempt fails transiently', async () => {
    const event = postEvent();
    stream.next('addActivity', ...Array.from({ length: 3 }, () => streamFailure(FAILURE_TYPES.unavailable)));
    await fixture.starter().start(event, noAbort);
    assert.deepEqual(await fixture.handle(event).result(), { status: 'applied' });
    assert.equal(stream.countOf('addActivity'), 4);
    assert.equal(await failureOf(event), undefined);
    const { events } = await fixture.handle(event).fetchHistory();
    assert.equal(events?.filter((entry) => entry.activityTaskScheduledEventAttributes).length, 1);
  });

  it('waits as long as a rate limit says before it tries again', async () => {
    const event = postEvent();
    const times: number[] = [];
    const noteTime = () => Promise.resolve(times.push(Date.now()));
    stream.next('addActivity', streamFailure(FAILURE_TYPES.rateLimited, 700), noteTime);
    const begun = Date.now();
    await fixture.starter().start(event, noAbort);
    await fixture.handle(event).result();
    assert.ok((times[0] ?? 0) - begun >= 690, 'the second attempt came before the quota was renewed');
  });

  it('parks on a final failure, says why, and is applied by a retry', async () => {
    const event = postEvent();
    stream.next('addActivity', streamFailure(FAILURE_TYPES.notAllowed));
    await fixture.starter().start(event, noAbort);
    await isParked(event);
    assert.equal(await failureOf(event), 'NotAllowed');
    const view = await fixture.handle(event).query(eventQuery);
    assert.equal(view.failure?.type, 'NotAllowed');
    assert.equal(stream.countOf('addActivity'), 1);

    const handle = fixture.handle(event);
    const reply = await handle.executeUpdate(retryUpdate, { args: [{ by: 'eve', reason: 'policy mended' }] });
    assert.equal(reply.accepted, true);
    assert.deepEqual(await handle.result(), { status: 'applied' });
    assert.equal(await failureOf(event), undefined);
    const [entry] = (await handle.query(eventQuery)).audit;
    assert.equal(entry?.by, 'eve');
    assert.equal(entry?.reason, 'policy mended');
  });

  it('takes a signal without an argument, as the Web UI sends it', async () => {
    const event = postEvent();
    stream.next('addActivity', streamFailure(FAILURE_TYPES.invalidRequest));
    await fixture.starter().start(event, noAbort);
    await isParked(event);
    await fixture.handle(event).signal(retrySignal);
    assert.deepEqual(await fixture.handle(event).result(), { status: 'applied' });
  });

  it('makes one retry of a double retry, and lets the first of retry and skip win', async () => {
    const event = postEvent();
    stream.next('addActivity', streamFailure(FAILURE_TYPES.notFound));
    await fixture.starter().start(event, noAbort);
    await isParked(event);
    const handle = fixture.handle(event);
    const replies = await Promise.all(
      [
        handle.executeUpdate(retryUpdate, { args: [{}] }),
        handle.executeUpdate(retryUpdate, { args: [{}] }),
        handle.executeUpdate(skipUpdate, { args: [{}] }),
      ].map((reply) => reply.catch(() => ({ accepted: false }))),
    );
    assert.equal(replies.filter(({ accepted }) => accepted).length, 1);
    const { status } = await handle.result();
    assert.ok(stream.countOf('addActivity') === (status === 'applied' ? 2 : 1));
  });

  it('closes as skipped when an operator gives it up', async () => {
    const event = reactionEvent();
    stream.next('addReaction', streamFailure(FAILURE_TYPES.notFound));
    await fixture.starter().start(event, noAbort);
    await isParked(event);
    await fixture.handle(event).executeUpdate(skipUpdate, { args: [{ by: 'eve' }] });
    assert.equal((await fixture.handle(event).result()).status, 'skipped');
    assert.equal(await statusOf(event), 'skipped');
    assert.equal(stream.countOf('addReaction'), 1);
  });

  it('counts as applied when a write without an answer turns out to be there', async () => {
    const event = postEvent();
    stream.always('addActivity', streamFailure(FAILURE_TYPES.ambiguous));
    stream.always('hasActivity', { value: true });
    await fixture.starter({ retryBudgetMs: 300 }).start(event, noAbort);
    assert.deepEqual(await fixture.handle(event).result(), { status: 'applied' });
    assert.equal(stream.countOf('removeActivity'), 0);
  });

  it('parks with the failure of the last attempt when its retry budget is used up', async () => {
    const event = postEvent();
    stream.always('addActivity', streamFailure(FAILURE_TYPES.unavailable));
    await fixture.starter({ retryBudgetMs: 5_000 }).start(event, noAbort);
    await isParked(event);
    assert.equal(await failureOf(event), 'Unavailable');
    await fixture.handle(event).terminate();
  });

  it('waits for the parent of a reaction to arrive', async () => {
    const event = reactionEvent();
    stream.next(
      'requireParent',
      streamFailure(FAILURE_TYPES.parentMissing),
      streamFailure(FAILURE_TYPES.parentMissing),
    );
    await fixture.starter({ parentWaitMs: 30_000 }).start(event, noAbort);
    assert.equal((await fixture.handle(event).result()).status, 'applied');
    assert.deepEqual(stream.names(), ['requireParent', 'requireParent', 'requireParent', 'addReaction']);
  });

  it('parks a reaction whose parent does not come in time, and writes nothing', async () => {
    const event = reactionEvent();
    stream.always('requireParent', streamFailure(FAILURE_TYPES.parentMissing));
    await fixture.starter().start(event, noAbort);
    await isParked(event);
    assert.equal(await failureOf(event), 'ParentMissing');
    assert.equal(stream.countOf('addReaction'), 0);
    stream.reset();
    await fixture.handle(event).executeUpdate(retryUpdate, { args: [{}] });
    assert.equal((await fixture.handle(event).result()).status, 'applied');
  });

  it('writes it all the same where that is configured', async () => {
    const event = reactionEvent();
    stream.always('requireParent', streamFailure(FAILURE_TYPES.parentMissing));
    await fixture.starter({ parentMissing: 'write' }).start(event, noAbort);
    assert.equal((await fixture.handle(event).result()).status, 'applied');
    assert.equal(stream.countOf('addReaction'), 1);
  });

  it('retries by itself on the configured schedule, then fails at the configured limit', async () => {
    const event = postEvent();
    stream.always('addActivity', streamFailure(FAILURE_TYPES.invalidRequest));
    await fixture.starter({ autoRetryDelaysMs: [50, 50], parkedLimitMs: 100 }).start(event, noAbort);
    await assert.rejects(fixture.handle(event).result(), WorkflowFailedError);
    assert.equal(stream.countOf('addActivity'), 3);
    assert.equal(await failureOf(event), 'InvalidRequest');
  });

  it('takes back what it may have written when it is cancelled', async () => {
    const event = postEvent();
    stream.always('addActivity', streamFailure(FAILURE_TYPES.ambiguous));
    await fixture.starter().start(event, noAbort);
    await eventually(() => assert.ok(stream.countOf('addActivity') >= 2));
    await fixture.handle(event).cancel();
    await assert.rejects(fixture.handle(event).result(), WorkflowFailedError);
    assert.equal(await statusOf(event), 'compensated');
    // At once, and again when GetStream can no longer carry out what had no answer.
    assert.equal(stream.countOf('removeActivity'), 2);
  });
});
