import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Payload } from '@temporalio/common';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { followEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';
import { byHand, type ByHand } from './support/by-hand.ts';
import { SENT_ARGUMENTS } from './support/payloads.ts';

type BatchOperation = Parameters<EventWorkerFixture['client']['workflowService']['startBatchOperation']>[0];

/** What the Web UI and `temporal workflow ... --query` do: one job of the server's for all workflows of a query. */
describe('a batch operation on parked events', function () {
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

  const statusOf = async (event: SocialEvent): Promise<string | undefined> =>
    (await fixture.handle(event).describe()).typedSearchAttributes.get(eventStatusKey);
  const have = (events: readonly SocialEvent[], status: string): Promise<void> =>
    eventually(
      async () => {
        for (const event of events) assert.equal(await statusOf(event), status);
      },
      { timeoutMs: 60_000, intervalMs: 300 },
    );
  /** Parked events of one actor, and the query that finds them. */
  const parked = async (): Promise<{ events: readonly SocialEvent[]; query: string }> => {
    const edge = randomUUID();
    stream.always('follow', streamFailure(FAILURE_TYPES.notAllowed));
    const events = ['bob', 'carol', 'dave'].map((target) => followEvent({ edge, target, copyLimit: 0 }));
    for (const event of events) await fixture.starter({ lateCommitMs: 500 }).start(event, noAbort);
    await have(events, 'parked');
    stream.reset();
    return { events, query: `EventActor = "alice-${edge}" AND ExecutionStatus = "Running"` };
  };
  const run = async (
    query: string,
    operation: Omit<BatchOperation, 'namespace' | 'jobId' | 'toJSON'>,
  ): Promise<void> => {
    // Visibility is a moment behind.
    await eventually(async () => assert.equal((await fixture.client.workflow.count(query)).count, 3));
    const { namespace } = fixture.client.options;
    const job = { namespace, jobId: randomUUID(), reason: 'a batch', visibilityQuery: query };
    await fixture.client.workflowService.startBatchOperation({ ...job, ...operation });
  };
  const signal = (name: string, payloads?: readonly Payload[]) => ({
    signalOperation: { signal: name, identity: 'kim', ...(payloads ? { input: { payloads: [...payloads] } } : {}) },
  });
  const noTaskFailed = async (events: readonly SocialEvent[]): Promise<void> => {
    for (const event of events) await hand.noTaskFailed(eventWorkflowId(event));
  };

  for (const argument of [
    'none',
    'an object',
    'JSON of the Web UI',
    'JSON of the Web UI that is none',
    'protocol buffers',
  ]) {
    const payloads = SENT_ARGUMENTS.find(({ name }) => name === argument)?.payloads;
    it(`retries them, with ${argument} for an argument`, async () => {
      const { events, query } = await parked();
      await run(query, signal('retry', payloads));
      await have(events, 'applied');
      assert.equal(stream.countOf('follow'), 3);
      await noTaskFailed(events);
    });
  }

  it('skips them', async () => {
    const { events, query } = await parked();
    await run(query, signal('skip'));
    await have(events, 'skipped');
    assert.deepEqual(stream.calls, []);
    await noTaskFailed(events);
  });

  it('resets them: each is tried again', async () => {
    const { events, query } = await parked();
    await run(query, { resetOperation: { identity: 'kim', options: { firstWorkflowTask: {} } } });
    await have(events, 'applied');
    assert.equal(stream.countOf('follow'), 3);
    await noTaskFailed(events);
  });

  it('cancels them: each is given up', async () => {
    const { events, query } = await parked();
    await run(query, { cancellationOperation: { identity: 'kim' } });
    await have(events, 'compensated');
    assert.deepEqual(stream.calls, []);
    await noTaskFailed(events);
  });

  it('terminates them: the next event of each edge is taken', async () => {
    const { events, query } = await parked();
    await run(query, { terminationOperation: { identity: 'kim' } });
    await eventually(
      async () => {
        for (const event of events) assert.equal((await fixture.handle(event).describe()).status.name, 'TERMINATED');
      },
      { timeoutMs: 60_000, intervalMs: 300 },
    );
    for (const event of events) {
      const next = { ...event, eventTimeMicros: 20, sentMicros: 20 };
      assert.equal(await fixture.starter({ resumedLingerMs: 8_000 }).start(next, noAbort), 'started');
    }
    await have(events, 'applied');
  });
});
