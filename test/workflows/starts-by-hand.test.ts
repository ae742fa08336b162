import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { WorkflowFailedError } from '@temporalio/client';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { eventKindKey, eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import { startEventWorker, TEST_POLICY, type EventWorkerFixture } from '../support/event-worker.ts';
import { followEvent, postEvent, reactionEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';
import { byHand, type ByHand } from './support/by-hand.ts';
import { payload, SENT_ARGUMENTS } from './support/payloads.ts';

describe('a run that is started by hand', function () {
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

  // Whoever goes on from a closed run must do so within half of this.
  const resuming = { resumedLingerMs: 8_000 };
  const isClosed = (workflowId: string, name: string): Promise<void> =>
    eventually(
      async () => assert.equal((await fixture.client.workflow.getHandle(workflowId).describe()).status.name, name),
      { timeoutMs: 20_000 },
    );
  const startLike = (event: SocialEvent, input: object) =>
    fixture.client.workflow.start('socialEvent', {
      taskQueue: fixture.taskQueue,
      workflowId: eventWorkflowId(event),
      args: [input],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    });

  it('with anything but an event says so and fails', async () => {
    const ids = await Promise.all(
      SENT_ARGUMENTS.map(async ({ payloads }) => {
        const id = `by-hand-${randomUUID()}`;
        await hand.start(id, fixture.taskQueue, payloads);
        return id;
      }),
    );
    for (const id of ids) {
      await assert.rejects(fixture.client.workflow.getHandle(id).result(), (error) => {
        assert.ok(error instanceof WorkflowFailedError);
        assert.match(error.cause?.message ?? '', /The argument is no social event/);
        return true;
      });
      await hand.noTaskFailed(id);
    }
    assert.deepEqual(stream.calls, []);
  });

  it('with an event is that event, whatever else it is given', async () => {
    const wrong = [7, 'x', null, [], {}, [[]], { event: 7 }, { newer: 7, waiting: {}, audit: [7] }];
    const policies = [{ fastAttemptTimeoutMs: 0, attemptTimeoutMs: 0, retryInitialMs: 0 }, { retryBudgetMs: 1e300 }];
    const inputs = [
      ...wrong.flatMap((value) => [{ carried: value }, { register: value }, { late: value }, { policy: value }]),
      ...policies.map((policy) => ({ policy })),
      { carried: { event: postEvent(), status: 'pending', rounds: 0, audit: [{}], failure: {}, newer: {} } },
    ];
    for (const given of inputs) {
      const event = postEvent();
      await startLike(event, { event, ...given });
      assert.equal((await fixture.handle(event).result()).status, 'applied', JSON.stringify(given));
      await hand.noTaskFailed(eventWorkflowId(event));
    }
  });

  it('with a policy that makes no sense tries again as by default', async () => {
    stream.next('addActivity', streamFailure(FAILURE_TYPES.unavailable));
    const event = postEvent();
    await startLike(event, { event, policy: { retryInitialMs: 1_000, retryMaximumMs: 500, retryBudgetMs: 1e300 } });
    assert.equal((await fixture.handle(event).result()).status, 'applied');
  });

  describe('under the id of an edge', () => {
    it('with anything but an event, leaves what was decided decided, and the next event is taken', async () => {
      const senseless = SENT_ARGUMENTS.filter(({ isRequest }) => !isRequest);
      const play = async ({ payloads }: (typeof senseless)[number]): Promise<void> => {
        const edge = randomUUID();
        const like = reactionEvent({ edge, at: 10 });
        await fixture.starter().start(like, noAbort);
        await fixture.handle(like).result();
        await fixture.starter(resuming).start(reactionEvent({ edge, at: 30, kind: 'Unlike' }), noAbort);
        await isClosed(eventWorkflowId(like), 'COMPLETED');
        await hand.start(eventWorkflowId(like), fixture.taskQueue, payloads);
        await isClosed(eventWorkflowId(like), 'FAILED');
        assert.equal(await fixture.starter(resuming).start(reactionEvent({ edge, at: 20 }), noAbort), 'deduplicated');
        assert.equal(await fixture.starter(resuming).start(reactionEvent({ edge, at: 40 }), noAbort), 'started');
        assert.equal((await fixture.handle(like).result()).register?.eventTimeMicros, 40);
      };
      await Promise.all(senseless.slice(0, 4).map(play));
      assert.equal(stream.countOf('addReaction'), 8);
    });

    it('keeps no event that it was given while no worker was there', async () => {
      const away = await startEventWorker(stream.activities);
      await away.stop();
      const edge = randomUUID();
      const follow = followEvent({ edge, at: 20, copyLimit: 0 });
      await hand.start(eventWorkflowId(follow), away.taskQueue, [payload('json/plain', '{"by":"kim"}')]);
      assert.equal(await fixture.starter().start(follow, noAbort), 'joined');
      assert.equal(await fixture.starter().start(followEvent({ edge, at: 10, kind: 'Unfollow' }), noAbort), 'joined');
      const back = await startEventWorker(stream.activities, away.taskQueue);
      await eventually(() => assert.equal(stream.countOf('follow'), 1), { timeoutMs: 20_000 });
      const result = await fixture.handle(follow).result();
      assert.deepEqual([result.status, result.register?.eventTimeMicros], ['applied', 20]);
      assert.equal(stream.countOf('unfollow'), 0);
      const { typedSearchAttributes } = await fixture.handle(follow).describe();
      assert.equal(typedSearchAttributes.get(eventKindKey), 'follow');
      assert.equal(typedSearchAttributes.get(eventStatusKey), 'applied');
      await back.stop();
    });

    it('with an older event of it, writes nothing over a later one', async () => {
      const edge = randomUUID();
      const like = reactionEvent({ edge, at: 10 });
      await fixture.starter().start(like, noAbort);
      await fixture.handle(like).result();
      await fixture.starter(resuming).start(reactionEvent({ edge, at: 20, kind: 'Unlike' }), noAbort);
      await isClosed(eventWorkflowId(like), 'COMPLETED');
      await startLike(like, { event: like, policy: { ...TEST_POLICY } });
      const result = await fixture.handle(like).result();
      assert.deepEqual([result.status, result.register?.eventTimeMicros], ['superseded', 20]);
      assert.equal(stream.countOf('addReaction'), 1);
    });

    it('of another workflow type is not given its events while it is open, and not in their way after', async () => {
      const event = reactionEvent({ edge: randomUUID() });
      const handle = await fixture.client.workflow.start('somethingElse', {
        taskQueue: `nobody-${randomUUID()}`,
        workflowId: eventWorkflowId(event),
      });
      await assert.rejects(fixture.starter().start(event, noAbort), {
        name: 'StartRefusedError',
        message: /is taken by a workflow of the type somethingElse/,
      });
      await handle.terminate();
      await eventually(async () => {
        assert.equal(await fixture.starter(resuming).start(event, noAbort), 'started');
      });
      assert.equal((await fixture.handle(event).result()).status, 'applied');
    });
  });
});
