import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { skipUpdate } from '../../contracts/events/event-workflow.ts';
import { followEvent, postEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { streamFailure } from '../support/fake-stream.ts';
import { eventStage } from './support/event-stage.ts';

describe('a write that GetStream may carry out late', function () {
  this.timeout(60_000);
  const noAbort = new AbortController().signal;
  const stage = eventStage();
  const { stream } = stage;

  /** One attempt inside the first task, and one after it. */
  const BRIEF = { retryBudgetMs: 0 };

  it('is taken back at once when its event is skipped', async () => {
    const event = postEvent();
    stream.always('addActivity', streamFailure(FAILURE_TYPES.ambiguous));
    await stage.fixture.starter({ ...BRIEF, lateCommitMs: 60_000 }).start(event, noAbort);
    await stage.probe.isParked(event);
    assert.equal(stream.countOf('removeActivity'), 0);
    await stage.fixture.handle(event).executeUpdate(skipUpdate, { args: [{}] });
    await eventually(() => assert.equal(stream.countOf('removeActivity'), 1));
    await stage.fixture.handle(event).terminate();
  });

  it('is taken back once more when its time is over, before its event closes as skipped', async () => {
    const event = postEvent();
    stream.always('addActivity', streamFailure(FAILURE_TYPES.ambiguous));
    await stage.fixture.starter({ ...BRIEF, lateCommitMs: 2_000 }).start(event, noAbort);
    await stage.probe.isParked(event);
    await stage.fixture.handle(event).executeUpdate(skipUpdate, { args: [{}] });
    assert.deepEqual(await stage.fixture.handle(event).result(), { status: 'skipped' });
    assert.equal(stream.countOf('removeActivity'), 2);
  });

  it('is looked for when its time is over where its event was taken back and parked', async () => {
    const event = postEvent();
    stream.next('addActivity', streamFailure(FAILURE_TYPES.ambiguous), streamFailure(FAILURE_TYPES.notAllowed));
    await stage.fixture.starter({ lateCommitMs: 2_000 }).start(event, noAbort);
    await stage.probe.isParked(event);
    const { failure } = await stage.probe.view(event);
    assert.equal(failure?.undone.length, 1);
    await eventually(() => assert.equal(stream.countOf('removeActivity'), 2));
    assert.equal(await stage.probe.status(event), 'parked');
    await stage.fixture.handle(event).terminate();
  });

  it('does not outlast a later event of the edge, which is made to stand again', async () => {
    const edge = randomUUID();
    const follow = followEvent({ edge, at: 10, copyLimit: 0 });
    stream.always('follow', streamFailure(FAILURE_TYPES.ambiguous));
    const starter = stage.fixture.starter({ lateCommitMs: 2_000 });
    await starter.start(follow, noAbort);
    await eventually(() => assert.ok(stream.countOf('follow') >= 2));
    assert.equal(await starter.start(followEvent({ edge, kind: 'Unfollow', at: 20 }), noAbort), 'joined');
    const result = await stage.fixture.handle(follow).result();
    assert.equal(result.status, 'applied');
    assert.equal(result.register?.present, false);
    assert.equal(stream.countOf('unfollow'), 2);
  });

  it('of an event that was applied after all is not waited for', async () => {
    const event = postEvent();
    stream.next('addActivity', streamFailure(FAILURE_TYPES.ambiguous));
    await stage.fixture.starter({ lateCommitMs: 600_000 }).start(event, noAbort);
    assert.deepEqual(await stage.fixture.handle(event).result(), { status: 'applied' });
    assert.deepEqual(stream.names(), ['addActivity', 'addActivity']);
  });
});
