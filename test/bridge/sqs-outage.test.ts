import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.ts';
import { Harness } from './support/harness.ts';
import { postMessage } from './support/messages.ts';

describe('while SQS fails, a bridge', () => {
  let harness: Harness;
  before(async () => {
    harness = await Harness.start();
  });
  afterEach(() => harness.reset());
  after(() => harness[Symbol.asyncDispose]());

  function send(queue: string, count: number): void {
    for (let sent = 0; sent < count; sent += 1) harness.server.sendMessage(queue, JSON.stringify(postMessage()));
  }

  it('backs off on 5xx and on throttling below two requests a second, is not ready, and recovers by itself', async () => {
    const broken = harness.createQueue();
    const throttled = harness.createQueue();
    harness.starter.delayMs = 100;
    send(broken, 20);
    send(throttled, 20);
    const bridge = await harness.bridge(broken, 'activity', {
      visibilityTimeoutSeconds: 2,
      queues: [
        { queue: broken, kind: 'activity' },
        { queue: throttled, kind: 'activity' },
      ],
    });
    const isFor = (queue: string, url: unknown) => String(url).endsWith(`/${queue}`);
    harness.proxy.fault = ({ body }) =>
      isFor(throttled, body.QueueUrl)
        ? { kind: 'status', status: 400, type: 'ThrottlingException' }
        : { kind: 'status', status: 500, type: 'InternalFailure' };
    const failuresOf = (queue: string) => harness.metrics.value('bridge_sqs_failures_total', { queue });
    await eventually(() => assert.ok([broken, throttled].every((queue) => failuresOf(queue) >= 1)));
    // What was under way when the outage began fails within a second of that; what counts is the rate after it.
    const since = performance.now() + 1_000;
    const later = (queue: string) =>
      harness.proxy.seen.filter(({ atMs, body }) => atMs > since && isFor(queue, body.QueueUrl)).length;
    const seconds = () => (performance.now() - since) / 1_000;
    // Long enough for a rate, and for a pause to be over at each queue, after which its requests go on.
    const isLongEnough = () =>
      seconds() > 1.9 && [broken, throttled].every((queue) => failuresOf(queue) >= 2 && later(queue) >= 1);
    await eventually(() => assert.ok(isLongEnough()), { timeoutMs: 20_000 });
    for (const queue of [broken, throttled])
      assert.ok(later(queue) < 2 * seconds(), `${later(queue)} requests to ${queue} in ${seconds()} s`);
    assert.equal(bridge.ready(), false);
    harness.proxy.fault = () => undefined;
    await eventually(() => assert.equal(bridge.ready(), true), { timeoutMs: 20_000 });
    await eventually(() => [broken, throttled].forEach((queue) => harness.assertEmpty(queue)), { timeoutMs: 20_000 });
    assert.equal(harness.starter.started.length, 40);
  }).timeout(60_000);

  it('outlives a socket that hangs by the time-out of the SDK', async () => {
    const queue = harness.createQueue();
    let hung = 0;
    harness.proxy.fault = ({ action }) => {
      if (action !== 'ReceiveMessage' || hung === 2) return undefined;
      hung += 1;
      return { kind: 'hang' };
    };
    // What a receive brought too late comes again soon.
    const options = { sqs: harness.sqsWithin(2_500), receivesInFlight: 2, visibilityTimeoutSeconds: 5 };
    const bridge = await harness.bridge(queue, 'activity', options);
    send(queue, 3);
    await eventually(() => assert.equal(bridge.counts().started, 3), { timeoutMs: 25_000 });
    await eventually(() => assert.equal(bridge.ready(), true));
  }).timeout(60_000);

  it('deletes again the entries of a batch that were not deleted, and only these', async () => {
    const queue = harness.createQueue({ maxReceiveCount: 1 });
    let faults = 0;
    harness.proxy.fault = ({ action }) => {
      if (action !== 'DeleteMessageBatch' || faults === 2) return undefined;
      faults += 1;
      return { kind: 'failEntries', ids: ['1', '3'], code: 'InternalError', senderFault: false };
    };
    send(queue, 10);
    const bridge = await harness.bridge(queue);
    await eventually(() => assert.equal(bridge.counts().started, 10));
    harness.assertEmpty(queue);
    assert.equal(bridge.counts().received, 10);
    assert.equal(harness.starter.attempts, 10);
  });

  it('gives up deleting what SQS calls stale, with a warning, and deduplicates its next delivery', async () => {
    const queue = harness.createQueue();
    let faults = 0;
    harness.proxy.fault = ({ action }) => {
      if (action !== 'DeleteMessageBatch' || faults === 1) return undefined;
      faults += 1;
      return { kind: 'failEntries', ids: ['0'], code: 'ReceiptHandleIsInvalid', senderFault: true };
    };
    send(queue, 1);
    const bridge = await harness.bridge(queue, 'activity', { visibilityTimeoutSeconds: 1 });
    await eventually(() => assert.equal(bridge.counts().deduplicated, 1));
    assert.deepEqual([bridge.counts().received, bridge.counts().started], [2, 1]);
    assert.deepEqual(
      harness.warnings().map(({ code }) => code),
      ['ReceiptHandleIsInvalid'],
    );
    harness.assertEmpty(queue);
  });
});
