import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  EventClosedError,
  EventNotFoundError,
  EventUnansweredError,
  InvalidEventQueryError,
} from '../../client/event-errors.ts';
import { createEventsClient, type EventsClient } from '../../client/events.ts';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../contracts/shared/names.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { postEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';

describe('the client of events', function () {
  this.timeout(60_000);
  const noAbort = new AbortController().signal;
  const stream = new FakeStream();
  let fixture: EventWorkerFixture;
  let events: EventsClient;

  before(async function () {
    // The first run on a machine may have to build the Temporal server.
    this.timeout(900_000);
    fixture = await startEventWorker(stream.activities);
    events = createEventsClient({ client: fixture.client, answerTimeoutMs: 5_000 });
  });
  beforeEach(() => stream.reset());
  after(() => fixture.stop());

  const park = async (count: number, actor = `actor-${randomUUID()}`): Promise<{ actor: string; ids: string[] }> => {
    stream.always('addActivity', streamFailure(FAILURE_TYPES.notAllowed));
    const started: SocialEvent[] = Array.from({ length: count }, () => ({ ...postEvent(), actor }));
    await Promise.all(started.map((event) => fixture.starter().start(event, noAbort)));
    const query = `EventActor="${actor}"`;
    await eventually(async () => assert.equal(await events.count({ query, status: 'parked' }), count));
    stream.always('addActivity', undefined);
    return { actor, ids: started.map((event) => eventWorkflowId(event)) };
  };

  it('inspects an event that is parked, and again when it is closed', async () => {
    const { ids, actor } = await park(1);
    const [id = ''] = ids;
    const parked = await events.inspect(id);
    assert.equal(parked.status, 'parked');
    assert.equal(parked.execution, 'RUNNING');
    assert.equal(parked.failure, 'NotAllowed');
    assert.equal(parked.actor, actor);
    assert.equal(parked.view?.failure?.type, 'NotAllowed');
    assert.equal((await events.retry(id, { by: 'eve', reason: 'mended' })).accepted, true);
    await fixture.client.workflow.getHandle(id).result();
    const closed = await events.inspect(id);
    assert.equal(closed.execution, 'COMPLETED');
    assert.equal(closed.status, 'applied');
    assert.equal(closed.view?.audit[0]?.by, 'eve');
    assert.ok(closed.closedAt);
  });

  it('skips a parked event, and refuses the closed one afterwards', async () => {
    const { ids } = await park(1);
    const [id = ''] = ids;
    assert.equal((await events.skip(id, { by: 'eve' })).accepted, true);
    await fixture.client.workflow.getHandle(id).result();
    await assert.rejects(events.retry(id), (error) => error instanceof EventClosedError && error.status === 'skipped');
  });

  it('does not know ids of nothing, nor of workflows that are no events', async () => {
    await assert.rejects(events.inspect('activity/nothing'), EventNotFoundError);
    await assert.rejects(events.retry('activity/nothing'), EventNotFoundError);
    const workflowId = `other-${randomUUID()}`;
    const other = await fixture.client.workflow.start('other', { workflowId, taskQueue: randomUUID() });
    await assert.rejects(events.inspect(workflowId), EventNotFoundError);
    await other.terminate();
  });

  it('says so when no worker answers, and still tells what Temporal knows', async () => {
    const workflowId = `activity/${randomUUID()}`;
    const handle = await fixture.client.workflow.start(WORKFLOW_TYPES.socialEvent, {
      workflowId,
      taskQueue: `${TASK_QUEUES.socialEvents}-${randomUUID()}`,
      args: [{ event: postEvent() }],
      typedSearchAttributes: [{ key: eventStatusKey, value: 'pending' }],
    });
    const impatient = createEventsClient({ client: fixture.client, answerTimeoutMs: 300 });
    await assert.rejects(impatient.retry(workflowId), EventUnansweredError);
    const { status, view, unanswered } = await impatient.inspect(workflowId);
    assert.equal(status, 'pending');
    assert.equal(view, undefined);
    assert.ok(unanswered);
    await handle.terminate();
  });

  it('lists events by query, at most as many as asked for', async () => {
    const { actor, ids } = await park(3);
    const query = `EventActor="${actor}"`;
    const found = await events.list({ query });
    assert.deepEqual(found.map(({ workflowId }) => workflowId).toSorted(), ids.toSorted());
    assert.equal(found[0]?.kind, 'activity');
    assert.equal((await events.list({ query, status: 'parked' }, 2)).length, 2);
    assert.equal((await events.list({ query, status: 'applied' })).length, 0);
    await assert.rejects(events.list({ query: 'NoSuchAttribute="x"' }), InvalidEventQueryError);
    await events.release({ query, action: 'skip', ratePerSecond: 100 });
  });

  it('releases the parked events of a query at its pace and goes on after an interruption', async () => {
    const mine = await park(12);
    const others = await park(2);
    const query = `EventActor="${mine.actor}"`;
    const abort = new AbortController();
    const first = await events.release({
      query,
      action: 'retry',
      ratePerSecond: 5,
      by: 'eve',
      reason: 'policy mended',
      signal: abort.signal,
      onProgress: ({ accepted }) => accepted >= 4 && abort.abort(),
    });
    assert.equal(first.interrupted, true);
    assert.equal(first.found, 12);
    assert.ok(first.accepted >= 4 && first.accepted < 12, String(first.accepted));

    const begun = performance.now();
    const second = await events.release({ query, action: 'retry', ratePerSecond: 20, by: 'eve' });
    // Visibility is a moment behind: events of the first run may still be listed.
    assert.equal(first.accepted + second.accepted, 12);
    assert.equal(second.interrupted, false);
    assert.ok(performance.now() - begun >= (second.accepted - 1) * 50 - 10);
    await Promise.all(mine.ids.map((id) => fixture.client.workflow.getHandle(id).result()));
    assert.equal((await events.inspect(mine.ids[0] ?? '')).view?.audit.length, 1);
    for (const id of others.ids) assert.equal((await events.inspect(id)).status, 'parked');
    await events.release({ query: `EventActor="${others.actor}"`, action: 'skip', ratePerSecond: 100 });
  });
});
