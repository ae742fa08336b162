import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { eventually } from '../support/eventually.ts';
import { assertConserved, Harness } from './support/harness.ts';
import { postMessage } from './support/messages.ts';

describe('a bridge that stops', () => {
  let harness: Harness;
  before(async () => {
    harness = await Harness.start();
  });
  afterEach(() => harness.reset());
  after(() => harness[Symbol.asyncDispose]());

  function send(queue: string, count: number): void {
    for (let sent = 0; sent < count; sent += 1) harness.server.sendMessage(queue, JSON.stringify(postMessage()));
  }

  async function timed<Value>(work: Promise<Value>): Promise<readonly [Value, number]> {
    const begin = performance.now();
    return [await work, performance.now() - begin];
  }

  it('leaves an idle long poll at once, without a warning, and only once', async () => {
    const queue = harness.createQueue();
    const bridge = await harness.bridge(queue, 'activity', { longPollSeconds: 20 });
    await eventually(() => assert.ok(harness.proxy.of('ReceiveMessage').length >= 2));
    assert.equal(bridge.ready(), true);
    const first = bridge.stop();
    assert.equal(bridge.ready(), false);
    assert.equal(bridge.stop(), first);
    const [counts, tookMs] = await timed(first);
    assert.ok(tookMs < 10_000, `${tookMs} ms`);
    assert.equal(counts.received, 0);
    assert.deepEqual(harness.warnings(), []);
  });

  it('does not wait, while SQS fails, for the pause before its next request', async () => {
    const queue = harness.createQueue();
    const bridge = await harness.bridge(queue, 'activity', { shutdownGraceMs: 20_000 });
    harness.proxy.fault = () => ({ kind: 'status', status: 500, type: 'InternalFailure' });
    // The third failure in a row has the first pause that is far longer than a hiccup of the machine.
    await eventually(() => assert.ok(harness.warnings().some(({ pauseMs }) => Number(pauseMs) >= 4_000)), {
      timeoutMs: 30_000,
    });
    assert.equal(bridge.ready(), false);
    const [, tookMs] = await timed(bridge.stop());
    assert.ok(tookMs < 3_500, `${tookMs} ms`);
  }).timeout(60_000);

  it('finishes under load what it holds: nothing is delivered twice, nothing is left in flight', async () => {
    const queue = harness.createQueue({ maxReceiveCount: 1 });
    harness.starter.delayMs = 50;
    send(queue, 300);
    const bridge = await harness.bridge(queue, 'activity', { maxInHand: 30 });
    await eventually(() => assert.ok(bridge.counts().started > 20), { intervalMs: 5 });
    const counts = await bridge.stop();
    assertConserved(counts);
    assert.deepEqual([counts.inFlight, counts.returned, counts.started], [0, 0, counts.received]);
    const { ready, inflight } = harness.messages(queue);
    assert.deepEqual([ready.length + counts.started, inflight.length], [300, 0]);
    assert.ok(ready.every(({ approximateReceiveCount }) => approximateReceiveCount === 0));
    assert.deepEqual(harness.deadLetters(queue), []);
    assert.deepEqual(harness.warnings(), []);
  });

  it('hands back at once what it could not finish within its grace, even from a starter that never answers', async () => {
    const queue = harness.createQueue();
    harness.starter.deaf = () => true;
    send(queue, 25);
    // A fifth of the grace is for handing back: 2 s. No extension falls in its time.
    const options = { shutdownGraceMs: 10_000, visibilityTimeoutSeconds: 60 };
    const bridge = await harness.bridge(queue, 'activity', options);
    await eventually(() => assert.equal(bridge.counts().received, 25));
    const [counts, tookMs] = await timed(bridge.stop());
    assert.ok(tookMs < 20_000, `${tookMs} ms`);
    assertConserved(counts);
    assert.deepEqual([counts.returned, counts.inFlight], [25, 0]);
    const { ready, inflight } = harness.messages(queue);
    assert.deepEqual([ready.length, inflight.length], [25, 0]);
    assert.ok(harness.proxy.of('ChangeMessageVisibilityBatch').length <= 4);
  }).timeout(60_000);

  it('ends in its grace when SQS is gone as well, and counts what it held as returned', async () => {
    const queue = harness.createQueue();
    harness.starter.down = true;
    send(queue, 5);
    const bridge = await harness.bridge(queue, 'activity', { shutdownGraceMs: 1_000 });
    await eventually(() => assert.equal(bridge.counts().received, 5));
    harness.proxy.fault = () => ({ kind: 'hang' });
    const [counts, tookMs] = await timed(bridge.stop());
    assert.ok(tookMs < 10_000, `${tookMs} ms`);
    assert.deepEqual([counts.returned, counts.inFlight], [5, 0]);
    assertConserved(counts);
  });

  it('counts what is durable by its outcome when the delete did not come through any more', async () => {
    const queue = harness.createQueue();
    harness.proxy.fault = ({ action }) => (action === 'DeleteMessageBatch' ? { kind: 'hang' } : undefined);
    send(queue, 5);
    const bridge = await harness.bridge(queue, 'activity', { shutdownGraceMs: 1_000 });
    await eventually(() => assert.equal(harness.starter.started.length, 5));
    const counts = await bridge.stop();
    assert.deepEqual([counts.started, counts.returned, counts.inFlight], [5, 0, 0]);
    assert.ok(harness.warnings().some(({ msg }) => /delivered again and deduplicated/.test(msg)));
  });

  it('has lost and doubled nothing, whatever mix of good, bad and failing messages it was stopped in', async () => {
    const message = fc.constantFrom('good', 'poison', 'unstartable', 'duplicate');
    const mix = fc.record({
      messages: fc.array(message, { minLength: 1, maxLength: 40 }),
      maxInHand: fc.integer({ min: 1, max: 20 }),
      delayMs: fc.integer({ min: 0, max: 20 }),
      stopAfter: fc.integer({ min: 0, max: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(mix, async ({ messages, maxInHand, delayMs, stopAfter }) => {
        const queue = harness.createQueue();
        const twin = JSON.stringify(postMessage());
        for (const kind of messages) harness.server.sendMessage(queue, bodyOf(kind, twin));
        harness.starter.delayMs = delayMs;
        harness.starter.refuses = (event) => event.kind === 'activity' && event.objectId.startsWith('unstartable');
        const bridge = await harness.bridge(queue, 'activity', { maxInHand, shutdownGraceMs: 5_000 });
        const settled = Math.min(stopAfter, messages.filter((kind) => kind !== 'unstartable').length);
        await eventually(() => assertConserved(bridge.counts()), { intervalMs: 1 });
        await eventually(() => assert.ok(bridge.counts().received >= Math.min(settled, maxInHand)), { intervalMs: 2 });
        const counts = await bridge.stop();
        assertConserved(counts);
        assert.equal(counts.inFlight, 0);
        const { ready, inflight } = harness.messages(queue);
        const { started, deduplicated, rejected } = counts;
        assert.equal(inflight.length, 0);
        assert.equal(ready.length + started + deduplicated + rejected, messages.length);
        assert.equal(harness.deadLetters(queue).length, rejected);
      }),
      { numRuns: 5, endOnFailure: true },
    );
  }).timeout(60_000);

  function bodyOf(kind: string, twin: string): string {
    if (kind === 'poison') return '{';
    if (kind === 'duplicate') return twin;
    return JSON.stringify(kind === 'good' ? postMessage() : postMessage(`unstartable${Math.random()}`));
  }
});
