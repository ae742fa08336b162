import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createEventsClient, type EventsClient } from '../../client/events.ts';
import { EventClosedError } from '../../client/event-errors.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { WORKFLOW_TYPES } from '../../contracts/shared/names.ts';
import { eventActorKey, eventKindKey, eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { postEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';

describe('events that wait for an operator', function () {
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
  beforeEach(() => {
    stream.reset();
    stream.always('addActivity', streamFailure(FAILURE_TYPES.notAllowed));
  });
  after(() => fixture.stop());

  const ofActor = (actor: string): SocialEvent => ({ ...postEvent(), actor });
  const isParked = (workflowId: string) =>
    eventually(async () => assert.equal((await events.inspect(workflowId)).status, 'parked'));
  const park = async (actor: string): Promise<string> => {
    const event = ofActor(actor);
    await fixture.starter({ lateCommitMs: 500 }).start(event, noAbort);
    await isParked(eventWorkflowId(event));
    return eventWorkflowId(event);
  };
  const listedParked = async (actor: string): Promise<string[]> =>
    (await events.list({ query: `EventActor="${actor}"`, status: 'parked' })).map(({ runId }) => runId);

  /** Ways in which a run ends without running code of ours, so that it keeps the status it had. */
  const endings: Readonly<Record<string, (actor: string) => Promise<string>>> = {
    async terminated(actor) {
      const workflowId = await park(actor);
      await fixture.client.workflow.getHandle(workflowId).terminate('by a test');
      return workflowId;
    },
    async 'timed out'(actor) {
      const event = ofActor(actor);
      const workflowId = eventWorkflowId(event);
      await fixture.client.workflow.start(WORKFLOW_TYPES.socialEvent, {
        workflowId,
        taskQueue: fixture.taskQueue,
        args: [{ event }],
        workflowRunTimeout: 2_000,
        typedSearchAttributes: [
          { key: eventKindKey, value: event.kind },
          { key: eventStatusKey, value: 'pending' },
          { key: eventActorKey, value: actor },
        ],
      });
      await eventually(async () => assert.equal((await events.inspect(workflowId)).execution, 'TIMED_OUT'));
      assert.equal((await events.inspect(workflowId)).status, 'parked');
      return workflowId;
    },
    async reset(actor) {
      const workflowId = await park(actor);
      const { workflowService, options } = fixture.client;
      const { runId } = await fixture.client.workflow.getHandle(workflowId).describe();
      const history = await fixture.client.workflow.getHandle(workflowId, runId).fetchHistory();
      const firstTask = history.events?.find((each) => each.workflowTaskCompletedEventAttributes);
      // The new run is written at once, so that only the old one is left with its status.
      stream.always('addActivity', undefined);
      await workflowService.resetWorkflowExecution({
        namespace: options.namespace,
        workflowExecution: { workflowId, runId },
        reason: 'by a test',
        workflowTaskFinishEventId: firstTask?.eventId ?? null,
        requestId: randomUUID(),
      });
      await eventually(async () => assert.equal((await events.inspect(workflowId)).status, 'applied'));
      await fixture.client.workflow.getHandle(workflowId).result();
      return workflowId;
    },
  };

  for (const [ending, end] of Object.entries(endings)) {
    it(`are not found in a run that was ${ending}: not listed, not counted, not released`, async () => {
      const actor = `actor-${randomUUID()}`;
      const query = `EventActor="${actor}"`;
      const workflowId = await end(actor);
      // Visibility is a moment behind; that it knows the end shows in a query without a status.
      await eventually(async () => {
        assert.equal(
          await events.count({ query: `${query} AND EventStatus="parked" AND ExecutionStatus!="Running"` }),
          1,
        );
      });
      stream.always('addActivity', streamFailure(FAILURE_TYPES.notAllowed));
      const waiting = await park(actor);
      const { runId } = await events.inspect(waiting);
      await eventually(async () => assert.deepEqual(await listedParked(actor), [runId]));
      assert.equal(await events.count({ query, status: 'parked' }), 1);
      assert.equal(await events.count({ query, status: 'pending' }), 0);

      const result = await events.release({ query, action: 'skip', ratePerSecond: 100, by: 'a test' });
      assert.deepEqual([result.found, result.accepted, result.gone], [1, 1, 0]);
      await assert.rejects(events.retry(workflowId), (error) => error instanceof EventClosedError);
      await fixture.client.workflow.getHandle(waiting).result();
      await eventually(async () => assert.equal(await events.count({ query, status: 'skipped' }), 1));
    });
  }
});
