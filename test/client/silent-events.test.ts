import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { EventClosedError, EventUnansweredError } from '../../client/event-errors.ts';
import { ReleaseBrokenOffError } from '../../client/release.ts';
import { createEventsClient, type EventsClient } from '../../client/events.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { WORKFLOW_TYPES } from '../../contracts/shared/names.ts';
import { eventActorKey, eventKindKey, eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import { eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { followEvent, postEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';
import { startFailingWorker } from './support/failing-worker.ts';

describe('events that give no answer', function () {
  this.timeout(60_000);
  const noAbort = new AbortController().signal;
  const stream = new FakeStream();
  let fixture: EventWorkerFixture;
  let events: EventsClient;

  before(async function () {
    // The first run on a machine may have to build the Temporal server.
    this.timeout(900_000);
    fixture = await startEventWorker(stream.activities);
    events = createEventsClient({ client: fixture.client, answerTimeoutMs: 2_000 });
  });
  beforeEach(() => stream.reset());
  after(() => fixture.stop());

  /** Runs that visibility shows as parked, on a queue whose worker the test chooses. */
  const startSilent = async (count: number, taskQueue: string, actor: string): Promise<string[]> => {
    const ids = Array.from({ length: count }, () => `activity/Post:${actor}-${randomUUID()}`);
    await Promise.all(
      ids.map((workflowId) =>
        fixture.client.workflow.start(WORKFLOW_TYPES.socialEvent, {
          workflowId,
          taskQueue,
          args: [{ event: postEvent() }],
          memo: { edge: { register: { eventTimeMicros: 1, present: true, tieBreak: '' } } },
          staticSummary: 'what the user did',
          typedSearchAttributes: [
            { key: eventKindKey, value: 'activity' },
            { key: eventStatusKey, value: 'parked' },
            { key: eventActorKey, value: actor },
          ],
        }),
      ),
    );
    return ids;
  };
  const terminate = (ids: readonly string[]) =>
    Promise.all(ids.map((id) => fixture.client.workflow.getHandle(id).terminate()));
  const fails = (workflowId: string) =>
    eventually(async () => assert.ok(((await events.inspect(workflowId)).taskFailure?.attempt ?? 0) >= 3), {
      timeoutMs: 30_000,
    });

  it('are passed over by a release, which takes all others and names them with the reason', async () => {
    const actor = `actor-${randomUUID()}`;
    const query = `EventActor="${actor}"`;
    const broken = `broken-${randomUUID()}`;
    const worker = await startFailingWorker(broken, 'Unknown encoding: binary/protobuf');
    stream.always('addActivity', streamFailure(FAILURE_TYPES.notAllowed));
    const others = Array.from({ length: 5 }, () => ({ ...postEvent(), actor }));
    await Promise.all(others.map((event) => fixture.starter().start(event, noAbort)));
    // Later than the others, so that the listing begins with them.
    const failing = await startSilent(25, broken, actor);
    const alone = await startSilent(3, `nobody-${randomUUID()}`, actor);
    await eventually(async () => assert.equal(await events.count({ query, status: 'parked' }), 33));
    await Promise.all(failing.map((id) => fails(id)));
    stream.always('addActivity', undefined);

    const result = await events.release({ query, action: 'retry', ratePerSecond: 100, by: 'eve' });
    assert.deepEqual([result.accepted, result.unanswered, result.interrupted], [5, 28, false]);
    const reasons = new Map(result.unansweredEvents.map(({ workflowId, reason }) => [workflowId, reason]));
    for (const id of failing) assert.match(reasons.get(id) ?? '', /attempt \d+\): Unknown encoding: binary\/protobuf$/);
    for (const id of alone) assert.equal(reasons.get(id), 'no worker answered');
    await Promise.all(others.map((event) => fixture.handle(event).result()));
    await worker.stop();
    await terminate([...failing, ...alone]);
  });

  it('end a release early when no worker polls for them', async () => {
    const actor = `actor-${randomUUID()}`;
    const query = `EventActor="${actor}"`;
    const ids = await startSilent(60, `nobody-${randomUUID()}`, actor);
    await eventually(async () => assert.equal(await events.count({ query, status: 'parked' }), 60));
    const impatient = createEventsClient({ client: fixture.client, answerTimeoutMs: 300 });
    await assert.rejects(impatient.release({ query, action: 'skip', ratePerSecond: 50 }), (error) => {
      assert.ok(error instanceof ReleaseBrokenOffError);
      assert.ok(error.progress.unanswered >= 20 && error.progress.unanswered < 60, String(error.progress.unanswered));
      return true;
    });
    await terminate(ids);
  });

  for (const cause of ['replay', 'other'] as const) {
    it(`say why their workflow task fails (${cause}), at once and without a worker`, async () => {
      const queue = `broken-${randomUUID()}`;
      const worker = await startFailingWorker(queue, 'the message', cause);
      const [id = ''] = await startSilent(1, queue, `actor-${randomUUID()}`);
      await fails(id);
      await worker.stop();
      const begun = performance.now();
      const inspection = await events.inspect(id);
      assert.ok(performance.now() - begun < 1_900, 'the query is not even asked');
      assert.equal(inspection.view, undefined);
      assert.equal(inspection.summary, 'what the user did');
      assert.deepEqual(inspection.edge, { register: { eventTimeMicros: 1, present: true, tieBreak: '' } });
      assert.deepEqual([inspection.taskFailure?.message, inspection.taskFailure?.cause], ['the message', cause]);
      await assert.rejects(
        events.retry(id),
        (error) => error instanceof EventUnansweredError && error.taskFailure?.message === 'the message',
      );
      await terminate([id]);
    });
  }

  it('tell how they were ended from outside', async () => {
    const [id = ''] = await startSilent(1, `nobody-${randomUUID()}`, `actor-${randomUUID()}`);
    await fixture.client.workflow.getHandle(id).terminate('a duplicate');
    const { ending, execution, unanswered, edge } = await events.inspect(id);
    assert.equal(execution, 'TERMINATED');
    assert.match(ending ?? '', /^terminated by .+: a duplicate$/);
    assert.ok(unanswered);
    assert.ok(edge);
    for (const action of ['retry', 'skip'] as const) {
      await assert.rejects(events[action](id), (error) => {
        assert.ok(error instanceof EventClosedError);
        assert.match(error.message, /closed already \(parked, workflow terminated\): nothing was changed/);
        return true;
      });
    }
  });

  it('are told from those that close while the request is under way', async () => {
    const event = followEvent();
    stream.always('follow', streamFailure(FAILURE_TYPES.notAllowed));
    await fixture.starter().start(event, noAbort);
    const id = eventWorkflowId(event);
    await eventually(async () => assert.equal((await events.inspect(id)).status, 'parked'));
    // Of requests at the same time one decides; the others are refused or find the event closed, and none is left waiting.
    const replies = await Promise.allSettled(Array.from({ length: 6 }, () => events.skip(id, { by: 'eve' })));
    const accepted = replies.filter((reply) => reply.status === 'fulfilled' && reply.value.accepted);
    assert.equal(accepted.length, 1);
    for (const reply of replies) {
      if (reply.status === 'rejected') assert.ok(reply.reason instanceof EventClosedError, String(reply.reason));
    }
  });
});
