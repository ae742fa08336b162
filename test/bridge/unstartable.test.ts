import assert from 'node:assert/strict';
import type { EventKind } from '../../contracts/shared/names.ts';
import { deadLetterQueueName } from '../../contracts/shared/names.ts';
import { StartRefusedError } from '../../bridge/event-starter.ts';
import { eventually } from '../support/eventually.ts';
import { FULL } from '../support/extent.ts';
import { grpcFailure } from './support/fake-starter.ts';
import { assertConserved, Harness } from './support/harness.ts';
import { nextSerial, postMessage } from './support/messages.ts';

const SLOW = { timeoutMs: 60_000 };
/** Less than the default, which takes minutes. */
const startPatience = { refusals: 3, failingMs: 4_000 };

describe('messages that can never start', () => {
  let harness: Harness;
  before(async () => {
    harness = await Harness.start();
  });
  beforeEach(() => {
    harness.starter.refuses = (event) => event.kind === 'activity' && event.objectId.startsWith('bad');
    harness.starter.failure = () => new StartRefusedError('its history is gone');
  });
  afterEach(() => harness.reset());
  after(() => harness[Symbol.asyncDispose]());

  function sendGood(queue: string, count: number): void {
    for (let sent = 0; sent < count; sent += 1) harness.server.sendMessage(queue, JSON.stringify(postMessage()));
  }

  function sendBad(queue: string, count = 1): readonly string[] {
    return Array.from({ length: count }, () => {
      const body = JSON.stringify(postMessage(`bad${nextSerial()}`));
      harness.server.sendMessage(queue, body, {
        messageAttributes: { trace: { DataType: 'String', StringValue: 'abc' } },
      });
      return body;
    });
  }

  const attemptsOf = (body: string) =>
    harness.starter.attemptsOf.get(`activity/${String(Reflect.get(Object(JSON.parse(body)), 'ForeignID'))}`) ?? 0;
  const failures = (queue: string, scope: string) =>
    harness.metrics.value('bridge_start_failures_total', { queue, scope });

  it('end in the dead-letter queue with their bytes, attributes and Temporal’s words, counted as rejected', async () => {
    const queue = harness.createQueue({ maxReceiveCount: 1 });
    const bodies = sendBad(queue, 3);
    harness.starter.failure = () => grpcFailure(3, 'WorkflowId length exceeds limit.');
    const bridge = await harness.bridge(queue, 'activity', { startPatience });
    await eventually(() => {
      assert.equal(bridge.ready(), true);
      assert.equal(bridge.counts().rejected, 3);
    }, SLOW);
    harness.assertEmpty(queue);
    assertConserved(bridge.counts());
    assert.deepEqual([bridge.counts().received, bridge.counts().inFlight], [3, 0]);
    const letters = harness.deadLetters(queue);
    assert.deepEqual(letters.map(({ body }) => body).toSorted(), [...bodies].toSorted());
    for (const { messageAttributes } of letters) {
      assert.equal(messageAttributes.trace?.StringValue, 'abc');
      assert.match(messageAttributes.FirstSentTimestamp?.StringValue ?? '', /^\d{13}$/);
      assert.match(
        messageAttributes.RejectReason?.StringValue ?? '',
        /^StartFailed: 3 attempts to start it failed within \d+ s, .*: INVALID_ARGUMENT: WorkflowId length exceeds limit\.$/,
      );
    }
    assert.equal(harness.metrics.value('bridge_messages_rejected_total', { queue, reason: 'StartFailed' }), 3);
    assert.deepEqual([failures(queue, 'message'), failures(queue, 'everybody')], [9, 0]);
  }).timeout(90_000);

  it('end there also when nothing tells whose failure it is, and nothing else is there to start', async () => {
    const queue = harness.createQueue({ maxReceiveCount: 1 });
    harness.starter.failure = () => new Error('workflow is busy');
    sendBad(queue, 2);
    const bridge = await harness.bridge(queue, 'activity', { startPatience });
    await eventually(() => {
      assert.equal(bridge.ready(), true);
      assert.equal(bridge.counts().rejected, 2);
    }, SLOW);
    harness.assertEmpty(queue);
    for (const { messageAttributes } of harness.deadLetters(queue))
      assert.match(messageAttributes.RejectReason?.StringValue ?? '', /^StartFailed: .*: workflow is busy$/);
  }).timeout(90_000);

  it('end there beside neighbours, though they are many', async () => {
    const queue = harness.createQueue({ maxReceiveCount: 1 });
    let failed = 0;
    harness.starter.failure = () => (++failed % 2 === 0 ? new Error('no code') : new StartRefusedError('refused'));
    sendBad(queue, 30);
    const bridge = await harness.bridge(queue, 'activity', { startPatience });
    await eventually(() => {
      sendGood(queue, 1);
      assert.equal(bridge.ready(), true);
      assert.equal(bridge.counts().rejected, 30);
    }, SLOW);
    assert.equal(harness.deadLetters(queue).length, 30);
  }).timeout(90_000);

  const CAUSES: readonly (readonly [name: string, failure: () => Error])[] = [
    ['a refusal of the starter', () => new StartRefusedError('no history')],
    ['INVALID_ARGUMENT', () => grpcFailure(3, 'x')],
    ['DEADLINE_EXCEEDED', () => grpcFailure(4, 'x')],
    ['an error without a code', () => new Error('x')],
  ];
  for (const [name, failure] of CAUSES) {
    it(`let all their neighbours start while they have failed twice and are not settled: ${name}`, async () => {
      const queue = harness.createQueue({ maxReceiveCount: 1 });
      harness.starter.failure = failure;
      harness.starter.delayMs = 5;
      const bad = sendBad(queue, 5);
      const bridge = await harness.bridge(queue, 'activity', { maxInHand: 5 });
      await eventually(() => assert.ok(bad.every((body) => attemptsOf(body) >= 2)));
      sendGood(queue, 300);
      await eventually(() => {
        assert.equal(bridge.ready(), true);
        assert.equal(bridge.counts().started, 300);
      });
      assert.deepEqual([bridge.counts().inFlight, bridge.counts().rejected], [5, 0]);
    });
  }

  it('take no slots, though more than there are come in a row before all others', async () => {
    const queue = harness.createQueue({ maxReceiveCount: 1 });
    harness.starter.failure = () => new Error('no code');
    sendBad(queue, 60);
    sendGood(queue, 200);
    const bridge = await harness.bridge(queue, 'activity', { maxInHand: 20 });
    await eventually(() => {
      assert.equal(bridge.ready(), true);
      assert.equal(bridge.counts().started, 200);
    }, SLOW);
    assert.deepEqual([bridge.counts().inFlight, bridge.counts().rejected, harness.deadLetters(queue)], [60, 0, []]);
    assert.ok(harness.messages(queue).inflight.every(({ message }) => message.approximateReceiveCount === 1));
  }).timeout(90_000);

  it('do not hold up a quiet queue, nor the other queues', async () => {
    const [queue, other] = [harness.createQueue(), harness.createQueue()];
    const kind: EventKind = 'activity';
    harness.starter.failure = () => new Error('no code');
    const [bad] = sendBad(queue);
    const bridge = await harness.bridge(queue, kind, {
      maxInHand: 1,
      queues: [
        { queue, kind },
        { queue: other, kind },
      ],
    });
    for (let round = 1; round <= 3; round += 1) {
      await eventually(() => assert.ok(attemptsOf(bad ?? '') > round));
      for (const each of [queue, other]) sendGood(each, 1);
      await eventually(() => assert.equal(bridge.counts().started, 2 * round), { timeoutMs: 2_000 });
      assert.equal(bridge.ready(), true);
    }
  });

  it('pause a quiet queue no more than once by claiming to be everybody’s trouble', async () => {
    const queue = harness.createQueue();
    harness.starter.failure = () => grpcFailure(14, 'shard is not available');
    sendBad(queue);
    const bridge = await harness.bridge(queue, 'activity', { probeAfterMs: 1_000 });
    await eventually(() => assert.equal(bridge.ready(), false));
    sendGood(queue, 1);
    await eventually(() => assert.equal(bridge.counts().started, 1));
    for (let round = 2; round <= 4; round += 1) {
      const { attempts } = harness.starter;
      await eventually(() => assert.ok(harness.starter.attempts > attempts));
      assert.equal(bridge.ready(), true);
      sendGood(queue, 1);
      await eventually(() => assert.equal(bridge.counts().started, round), { timeoutMs: 2_000 });
    }
    assert.deepEqual(harness.deadLetters(queue), []);
  });

  it('are handed back at once by a bridge that stops', async () => {
    const queue = harness.createQueue();
    const [bad] = sendBad(queue);
    const bridge = await harness.bridge(queue, 'activity', { shutdownGraceMs: 60_000 });
    await eventually(() => assert.ok(attemptsOf(bad ?? '') >= 3));
    const begun = performance.now();
    const counts = await bridge.stop();
    assert.ok(performance.now() - begun < 20_000, 'far sooner than its grace');
    assert.deepEqual([counts.returned, counts.inFlight, counts.rejected], [1, 0, 0]);
    assert.equal(harness.messages(queue).ready.length, 1);
  });

  it('are dropped when somebody deletes them meanwhile, or SQS takes them back', async () => {
    const queue = harness.createQueue();
    harness.proxy.fault = ({ action }) =>
      action === 'ChangeMessageVisibilityBatch'
        ? { kind: 'failEntries', ids: ['0'], code: 'InvalidParameterValue', senderFault: true }
        : undefined;
    sendBad(queue);
    const bridge = await harness.bridge(queue, 'activity', { visibilityTimeoutSeconds: 9 });
    await eventually(() => assert.equal(bridge.counts().returned, 1), SLOW);
    assert.deepEqual(harness.deadLetters(queue), []);
    assertConserved(bridge.counts());
  }).timeout(90_000);

  it('are left to the redrive policy where the dead-letter queue never takes them', async () => {
    const queue = harness.createQueue({ deadLetterAttributes: { MaximumMessageSize: '1024' }, maxReceiveCount: 1 });
    const body = JSON.stringify({ ...postMessage(`bad${nextSerial()}`), Note: 'x'.repeat(1_100) });
    harness.server.sendMessage(queue, body);
    const bridge = await harness.bridge(queue, 'activity', { visibilityTimeoutSeconds: 6, startPatience });
    await eventually(() => assert.equal(harness.deadLetters(queue).length, 1), SLOW);
    harness.assertEmpty(queue);
    assert.deepEqual([bridge.counts().returned, bridge.counts().rejected], [1, 0]);
  }).timeout(90_000);

  it('wait in hand, their neighbours starting, while SQS does not take them into the dead-letter queue', async () => {
    const queue = harness.createQueue({ maxReceiveCount: 1 });
    let sends = 0;
    harness.proxy.fault = ({ action }) =>
      action === 'SendMessage' && ++sends <= 2
        ? { kind: 'status', status: 503, type: 'ServiceUnavailable' }
        : undefined;
    sendBad(queue);
    const bridge = await harness.bridge(queue, 'activity', { maxInHand: 1, startPatience });
    await eventually(() => assert.ok(sends >= 1), SLOW);
    sendGood(queue, 20);
    await eventually(() => assert.equal(bridge.counts().started, 20));
    await eventually(() => assert.equal(bridge.counts().rejected, 1), SLOW);
    assert.deepEqual([harness.deadLetters(queue).length, bridge.counts().received], [1, 21]);
    harness.assertEmpty(queue);
  }).timeout(120_000);

  it('are bounded by each bridge that gets them, be it after a crash or beside another one', async () => {
    const queue = harness.createQueue();
    const [bad] = sendBad(queue);
    // Never extended, as by a bridge that died: the message comes to the second one as well.
    harness.proxy.fault = ({ action }) =>
      action === 'ChangeMessageVisibilityBatch' ? { kind: 'status', status: 500, type: 'InternalFailure' } : undefined;
    const options = {
      visibilityTimeoutSeconds: 3,
      longPollSeconds: 1,
      startPatience: { refusals: 6, failingMs: 4_000 },
    };
    const bridges = [
      await harness.bridge(queue, 'activity', options),
      await harness.bridge(queue, 'activity', options),
    ];
    await eventually(() => assert.ok(bridges.reduce((sum, each) => sum + each.counts().received, 0) >= 2), SLOW);
    harness.proxy.fault = () => undefined;
    await eventually(() => {
      harness.assertEmpty(queue);
      assert.ok(bridges.every((bridge) => bridge.counts().inFlight === 0));
    }, SLOW);
    const letters = harness.messages(deadLetterQueueName(queue)).ready;
    assert.ok(letters.length >= 1 && letters.every(({ body }) => body === bad));
    for (const bridge of bridges) assertConserved(bridge.counts());
  }).timeout(120_000);

  // Twenty seconds of waiting.
  if (FULL)
    it('do not keep a start that never answers from ending either', async () => {
      const queue = harness.createQueue();
      harness.starter.deaf = (event) => event.kind === 'activity' && event.objectId.startsWith('bad');
      sendBad(queue);
      const bridge = await harness.bridge(queue, 'activity', { maxInHand: 1 });
      await eventually(() => assert.equal(harness.starter.attempts, 1));
      sendGood(queue, 5);
      await eventually(() => assert.equal(bridge.counts().started, 5), SLOW);
      assert.equal(bridge.ready(), true);
      await bridge.stop();
    }).timeout(90_000);
});
