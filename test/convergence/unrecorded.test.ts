import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { createTemporalStarter } from '../../bridge/start-event.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import type { SocialEventWorkflow } from '../../contracts/events/event-workflow.ts';
import { eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import type { EdgeEvent } from '../../contracts/events/social-event.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { followEvent, reactionEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';
import { resetRun } from './operations.ts';

const POLICY = { lateCommitMs: 1_000, resumedLingerMs: 3_000, parentWaitMs: 60_000 };
const noAbort = new AbortController().signal;

describe('what a run of an edge did not write down', function () {
  this.timeout(60_000);
  const stream = new FakeStream();
  let fixture: EventWorkerFixture;

  before(async function () {
    this.timeout(900_000);
    fixture = await startEventWorker(stream.activities);
  });
  beforeEach(() => stream.reset());
  after(() => fixture.stop());

  const start = (event: EdgeEvent) => fixture.starter(POLICY).start(event, noAbort);
  const statusOf = async (event: EdgeEvent): Promise<unknown> =>
    (await fixture.handle(event).describe()).typedSearchAttributes.get(eventStatusKey);
  const closed = (handle: WorkflowHandle<SocialEventWorkflow>): Promise<unknown> =>
    handle.result().catch(() => 'failed');

  it('the EventID of a message that no workflow task took in is known to the next run all the same', async () => {
    const edge = randomUUID();
    const nobody = createTemporalStarter({ client: fixture.client, taskQueue: `nobody-${edge}` });
    const first = followEvent({ edge, at: 1 });
    const second = { ...followEvent({ edge, at: 2 }), eventId: 'second' };
    await nobody.start(first, noAbort);
    assert.equal(await nobody.start(second, noAbort), 'joined');
    await fixture.handle(first).terminate();
    const third = followEvent({ edge, at: 3, kind: 'Unfollow' });
    assert.equal(await start(third), 'started');
    assert.equal(await start({ ...second, eventTimeMicros: 9, sentMicros: 9 }), 'joined');
    const { register } = await fixture.handle(first).result();
    assert.equal(register?.eventTimeMicros, 3);
    assert.deepEqual(stream.names(), ['unfollow']);
  });

  it('an undecided event with an EventID goes on in a run that was reset to before it came', async () => {
    const edge = randomUUID();
    const first = reactionEvent({ edge, at: 1 });
    const second = { ...reactionEvent({ edge, at: 2, kind: 'Unlike' }), eventId: 'second' };
    stream.always('addReaction', streamFailure(FAILURE_TYPES.notAllowed));
    stream.always('removeReaction', streamFailure(FAILURE_TYPES.unavailable));
    await start(first);
    await eventually(async () => assert.equal(await statusOf(first), 'parked'));
    await start(second);
    await eventually(() => assert.ok(stream.countOf('removeReaction') > 0));
    const { workflowId, runId } = await fixture.handle(first).describe();
    await resetRun(fixture.client, { workflowId, runId }, { to: 'first', reapplies: false });
    stream.reset();
    const { register } = await fixture.handle(first).result();
    assert.equal(register?.eventTimeMicros, 2);
    assert.ok(stream.countOf('removeReaction') > 0);
  });

  it('an event known to another run only is not given up with the one that a reset run waits with', async () => {
    const edge = randomUUID();
    const first = reactionEvent({ edge, at: 1 });
    const second = reactionEvent({ edge, at: 2 });
    stream.always('requireParent', streamFailure(FAILURE_TYPES.parentMissing));
    await start(first);
    await eventually(() => assert.ok(stream.countOf('requireParent') > 0));
    await start(second);
    const { workflowId, runId } = await fixture.handle(first).describe();
    await resetRun(fixture.client, { workflowId, runId }, { to: 'first', reapplies: false });
    const looks = stream.countOf('requireParent');
    await eventually(() => assert.ok(stream.countOf('requireParent') > looks));
    await fixture.handle(first).cancel();
    stream.always('requireParent', undefined);
    const { register } = await fixture.handle(first).result();
    assert.equal(register?.eventTimeMicros, 2);
    assert.equal(register?.stands, undefined);
  });

  it('a write of a workflow task that failed is taken back when the event is cancelled in the next one', async () => {
    const event = reactionEvent();
    const handle = fixture.handle(event);
    // A message that comes before the task closes the run makes the task fail; in the end that is the cancellation.
    stream.next(
      'addReaction',
      async () => {
        await handle.signal('nobody knows');
      },
      async () => {
        await handle.cancel();
      },
    );
    await start(event);
    await closed(handle);
    assert.equal(await statusOf(event), 'compensated');
    assert.ok(stream.countOf('removeReaction') > 0, stream.names().join());
  });
});
