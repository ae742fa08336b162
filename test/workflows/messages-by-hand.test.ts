import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { retryUpdate, eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { followEvent, postEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';
import { byHand, type ByHand } from './support/by-hand.ts';
import { SENT_ARGUMENTS } from './support/payloads.ts';

/** Names no workflow of ours has, and such as the SDK keeps for itself. */
const UNKNOWN_NAMES = ['Retry', 'edgeevent', 'ретрай', '__temporal_signal', '__temporal_', '__stack_trace'];
const IGNORED = /Ignored: /;

describe('whatever message is sent by hand', function () {
  this.timeout(120_000);
  const noAbort = new AbortController().signal;
  const stream = new FakeStream();
  let fixture: EventWorkerFixture;
  let hand: ByHand;

  before(async function () {
    // The first run on a machine may have to build the Temporal server.
    this.timeout(900_000);
    fixture = await startEventWorker(stream.activities);
    hand = byHand(fixture.client);
  });
  beforeEach(() => stream.reset());
  after(() => fixture.stop());

  const has = (event: SocialEvent, status: string): Promise<void> =>
    eventually(
      async () =>
        assert.equal((await fixture.handle(event).describe()).typedSearchAttributes.get(eventStatusKey), status),
      { timeoutMs: 30_000 },
    );
  const parked = async (): Promise<SocialEvent> => {
    const event = postEvent();
    await fixture.starter().start(event, noAbort);
    await has(event, 'parked');
    return event;
  };
  const refuse = (): void => stream.always('addActivity', streamFailure(FAILURE_TYPES.notAllowed));

  for (const { name, payloads, isRequest } of SENT_ARGUMENTS) {
    it(`${name}: a parked event takes no harm, notes what it ignored, and takes a retry`, async () => {
      refuse();
      const event = await parked();
      const id = eventWorkflowId(event);
      for (const signal of [...UNKNOWN_NAMES, 'edgeEvent']) await hand.signal(id, signal, payloads);
      assert.match(await hand.update(id, 'Retry', payloads), /Retry/);
      await hand.query(id, 'event', payloads);
      assert.match(await hand.details(id), /Ignored: a signal edgeEvent held no event of this edge/);
      // A retry is a retry, whatever it bears: an operator's only wish must not be lost.
      await hand.signal(id, 'retry', payloads);
      await eventually(() => assert.equal(stream.countOf('addActivity'), 2));
      await has(event, 'parked');
      await eventually(async () => assert.equal(await hand.update(id, 'retry', payloads), 'done'));
      await eventually(() => assert.equal(stream.countOf('addActivity'), 3));
      await has(event, 'parked');
      const ignored = /Ignored: the argument of a retry could not be read/.test(await hand.details(id));
      assert.equal(ignored, !isRequest);
      stream.reset();
      await eventually(async () => {
        const { accepted } = await fixture.handle(event).executeUpdate(retryUpdate, { args: [{ by: 'eve' }] });
        assert.ok(accepted);
      });
      assert.equal((await fixture.handle(event).result()).status, 'applied');
      await hand.noTaskFailed(id);
    });

    it(`${name}: a skip is a skip, by signal and by update`, async () => {
      refuse();
      const [signalled, updated] = await Promise.all([parked(), parked()]);
      await hand.signal(eventWorkflowId(signalled), 'skip', payloads);
      assert.equal(await hand.update(eventWorkflowId(updated), 'skip', payloads), 'done');
      for (const event of [signalled, updated]) {
        assert.equal((await fixture.handle(event).result()).status, 'skipped');
        await hand.noTaskFailed(eventWorkflowId(event));
        assert.equal(IGNORED.test(await hand.details(eventWorkflowId(event))), !isRequest);
      }
    });
  }

  const sendAll = async (id: string, withUpdates = true): Promise<void> => {
    for (const { payloads } of SENT_ARGUMENTS) {
      for (const signal of ['retry', 'skip', 'edgeEvent', 'Unknown', '__temporal_signal'])
        await hand.signal(id, signal, payloads);
      if (!withUpdates) continue;
      for (const update of ['retry', 'skip']) assert.equal(await hand.update(id, update, payloads), 'done');
      assert.match(await hand.update(id, 'Unknown', payloads), /Unknown/);
      await hand.query(id, 'event', payloads);
    }
  };

  it('an event that is being retried takes no harm, and is applied when GetStream is back', async () => {
    stream.always('addActivity', streamFailure(FAILURE_TYPES.unavailable));
    const event = postEvent();
    await fixture.starter({ retryMaximumMs: 1_000 }).start(event, noAbort);
    await eventually(() => assert.ok(stream.countOf('addActivity') >= 2));
    await sendAll(eventWorkflowId(event));
    assert.match(await hand.details(eventWorkflowId(event)), IGNORED);
    stream.reset();
    assert.equal((await fixture.handle(event).result()).status, 'applied');
    await hand.noTaskFailed(eventWorkflowId(event));
  });

  it('a run that lingers takes no harm, and takes the next event of its edge', async () => {
    const edge = randomUUID();
    const first = followEvent({ edge, at: 10 });
    await fixture.starter().start(first, noAbort);
    await fixture.handle(first).result();
    const lingering = fixture.starter({ resumedLingerMs: 10_000 });
    await lingering.start(followEvent({ edge, at: 20 }), noAbort);
    await eventually(() => assert.equal(stream.countOf('follow'), 2));
    await sendAll(eventWorkflowId(first));
    assert.match(await hand.details(eventWorkflowId(first)), IGNORED);
    assert.equal(await lingering.start(followEvent({ edge, at: 30, kind: 'Unfollow' }), noAbort), 'joined');
    await eventually(() => assert.equal(stream.countOf('unfollow'), 1));
    assert.equal((await fixture.handle(first).result()).register?.eventTimeMicros, 30);
    await hand.noTaskFailed(eventWorkflowId(first));
  });

  it('an event whose worker comes after all of it is applied', async () => {
    const first = await startEventWorker(stream.activities);
    await first.stop();
    const events = [postEvent(), followEvent()];
    for (const event of events) {
      await fixture.client.workflow.start('socialEvent', {
        taskQueue: first.taskQueue,
        workflowId: eventWorkflowId(event),
        args: [{ event }],
      });
      await sendAll(eventWorkflowId(event), false);
    }
    const second = await startEventWorker(stream.activities, first.taskQueue);
    for (const event of events) {
      assert.equal((await fixture.handle(event).result()).status, 'applied');
      await hand.noTaskFailed(eventWorkflowId(event));
    }
    await second.stop();
  });

  it('an event takes no event of another edge, and none of another kind', async () => {
    const edge = randomUUID();
    stream.always('follow', streamFailure(FAILURE_TYPES.notAllowed));
    const event = followEvent({ edge, at: 10 });
    await fixture.starter().start(event, noAbort);
    await has(event, 'parked');
    const id = eventWorkflowId(event);
    for (const other of [followEvent({ at: 20 }), { ...event, target: 'user:eve', eventTimeMicros: 20 }, postEvent()]) {
      await fixture.client.workflow.getHandle(id).signal('edgeEvent', other);
    }
    assert.match(await hand.details(id), /Ignored: a signal edgeEvent held no event of this edge/);
    assert.equal(stream.countOf('follow'), 1);
    await has(event, 'parked');
    await fixture.handle(event).terminate();
  });
});
