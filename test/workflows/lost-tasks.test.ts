import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { edgePosition } from '../../contracts/events/edge-order.ts';
import { skipUpdate } from '../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { resetRun } from '../convergence/operations.ts';
import { followEvent, postEvent, reactionEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { streamFailure } from '../support/fake-stream.ts';
import { eventStage } from './support/event-stage.ts';

describe('an event whose workflow task is done twice', function () {
  this.timeout(60_000);
  const noAbort = new AbortController().signal;
  const stage = eventStage();
  const { stream } = stage;
  const refusal = streamFailure(FAILURE_TYPES.notAllowed);

  /** While the first task writes, a message comes: the task cannot close the run, and all it did is forgotten. */
  const lostWith =
    (event: SocialEvent, signal: string, argument?: unknown): (() => Promise<void>) =>
    () =>
      stage.fixture.client.workflow.getHandle(stage.fixture.handle(event).workflowId).signal(signal, argument);
  const skip = (event: SocialEvent) => stage.fixture.handle(event).executeUpdate(skipUpdate, { args: [{}] });

  it('and is refused the second time is taken back when it is skipped', async () => {
    const event = postEvent();
    stream.next('addActivity', lostWith(event, 'unknown'), refusal);
    await stage.fixture.starter().start(event, noAbort);
    await stage.probe.isParked(event);
    await skip(event);
    assert.deepEqual(await stage.fixture.handle(event).result(), { status: 'skipped' });
    assert.deepEqual(stream.names(), ['addActivity', 'addActivity', 'removeActivity']);
  });

  it('and is refused, without having been lost, has nothing to take back', async () => {
    const event = postEvent();
    stream.next('addActivity', refusal);
    await stage.fixture.starter().start(event, noAbort);
    await stage.probe.isParked(event);
    await skip(event);
    await stage.fixture.handle(event).result();
    assert.deepEqual(stream.names(), ['addActivity']);
  });

  it('for a later event that is given up leaves nothing of either', async () => {
    const edge = randomUUID();
    const like = reactionEvent({ edge, at: 1 });
    const unlike = reactionEvent({ edge, at: 2, kind: 'Unlike' });
    let lostMs = 0;
    stream.next('addReaction', () => {
      lostMs = Date.now();
      return lostWith(like, 'edgeEvent', unlike)();
    });
    stream.next('removeReaction', refusal);
    await stage.fixture.starter().start(like, noAbort);
    await stage.probe.isParked(like);
    await skip(like);
    assert.equal((await stage.fixture.handle(like).result()).register?.stands, null);
    assert.deepEqual(stream.names().slice(-2), ['removeReaction', 'removeReaction']);
    const sinceMs = Number(Reflect.get(Object(stream.calls.at(-1)?.input), 'sinceMs'));
    assert.ok(sinceMs <= lostMs, 'also what the lost task wrote is taken back');
  });

  it('by a reset to a cancellation takes along what other runs of its edge took in since', async () => {
    const edge = randomUUID();
    const first = followEvent({ edge, at: 1, copyLimit: 0 });
    const second = followEvent({ edge, at: 2, copyLimit: 0 });
    stream.next('follow', refusal);
    const starter = stage.fixture.starter({ resumedLingerMs: 4_000, lateCommitMs: 500 });
    await starter.start(first, noAbort);
    await stage.probe.isParked(first);
    const runId = await stage.probe.runId(first);
    const cancelled = stage.fixture.client.workflow.getHandle(stage.fixture.handle(first).workflowId, runId);
    await cancelled.cancel();
    await assert.rejects(cancelled.result());
    stream.always('follow', streamFailure(FAILURE_TYPES.unavailable));
    await starter.start(second, noAbort);
    await eventually(() => assert.ok(stream.countOf('follow') >= 2));
    stream.always('follow', undefined);
    await resetRun(stage.fixture.client, { workflowId: cancelled.workflowId, runId }, { to: 'last', reapplies: true });
    const { status, register } = await stage.fixture.handle(first).result();
    assert.equal(status, 'applied');
    assert.deepEqual({ ...register, eventIds: undefined }, { ...edgePosition(second), eventIds: undefined });
  });

  it('is told of by the start, not by a patch, whose answer would depend on the task', async () => {
    const event = postEvent();
    stream.next('addActivity', refusal);
    await stage.fixture.starter().start(event, noAbort);
    await stage.probe.isParked(event);
    const { events } = await stage.fixture.handle(event).fetchHistory();
    const markers = events?.flatMap(({ markerRecordedEventAttributes: marker }) => marker?.markerName ?? []);
    assert.deepEqual([...new Set(markers)], ['core_local_activity']);
    await stage.fixture.handle(event).terminate();
  });
});
