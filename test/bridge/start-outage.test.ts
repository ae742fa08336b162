import assert from 'node:assert/strict';
import { NamespaceNotFoundError } from '@temporalio/common';
import { eventually } from '../support/eventually.ts';
import { FULL, someOf } from '../support/extent.ts';
import { grpcFailure } from './support/fake-starter.ts';
import { Harness } from './support/harness.ts';
import { postMessage } from './support/messages.ts';

describe('while starts fail, a bridge', () => {
  let harness: Harness;
  before(async () => {
    harness = await Harness.start();
  });
  afterEach(() => harness.reset());
  after(() => harness[Symbol.asyncDispose]());

  function send(queue: string, count: number): void {
    for (let sent = 0; sent < count; sent += 1) harness.server.sendMessage(queue, JSON.stringify(postMessage()));
  }

  function receiveCounts(queue: string): readonly number[] {
    return harness.messages(queue).inflight.map(({ message }) => message.approximateReceiveCount);
  }

  it('keeps what it holds past the visibility time-out, so that receive counts stay honest', async () => {
    const queue = harness.createQueue({ maxReceiveCount: 1 });
    harness.starter.down = true;
    send(queue, 15);
    // Seconds are left after each extension, so that a slow machine does not let a message lapse.
    const bridge = await harness.bridge(queue, 'activity', { visibilityTimeoutSeconds: 10 });
    await eventually(() => assert.equal(bridge.ready(), false));
    const heldSince = performance.now();
    await eventually(
      () => {
        assert.ok(performance.now() - heldSince > 10_100, 'longer than the visibility time-out');
        assert.equal(bridge.ready(), false);
      },
      { timeoutMs: 40_000 },
    );
    assert.ok(receiveCounts(queue).every((count) => count === 1));
    assert.equal(bridge.counts().received, harness.messages(queue).inflight.length);
    harness.starter.down = false;
    await eventually(() => assert.equal(bridge.counts().started, 15), { timeoutMs: 40_000 });
    assert.equal(bridge.counts().received, 15);
    assert.equal(bridge.ready(), true);
    harness.assertEmpty(queue);
    assert.deepEqual(harness.deadLetters(queue), []);
  }).timeout(120_000);

  it('stops receiving and resumes by itself', async () => {
    const queue = harness.createQueue();
    harness.starter.down = true;
    send(queue, 3);
    const bridge = await harness.bridge(queue, 'activity', { receivesInFlight: 1, probeAfterMs: 60_000 });
    await eventually(() => assert.ok(harness.starter.attempts >= 6));
    const receives = harness.proxy.of('ReceiveMessage').length;
    send(queue, 20);
    await eventually(() => assert.ok(harness.starter.attempts >= 12));
    assert.equal(harness.proxy.of('ReceiveMessage').length, receives);
    assert.equal(bridge.ready(), false);
    harness.starter.down = false;
    await eventually(() => assert.equal(bridge.counts().started, 23));
    assert.equal(bridge.ready(), true);
    assert.ok(harness.metrics.value('bridge_start_failures_total', { queue, scope: 'everybody' }) >= 6);
    assert.equal(harness.warnings().length, 1, 'one warning for the outage');
  });

  const OUTAGES: readonly (readonly [name: string, failure: () => Error, probeAnswers: boolean])[] = [
    ['unauthenticated', () => grpcFailure(16, 'x'), true],
    ['permission denied', () => grpcFailure(7, 'x'), true],
    ['a missing namespace', () => new NamespaceNotFoundError('x'), true],
    ['resources exhausted', () => grpcFailure(8, 'namespace rate limit exceeded'), true],
    ['unavailable', () => grpcFailure(14, 'x'), false],
    ['time-outs', () => grpcFailure(4, 'x'), false],
    ['no code', () => new Error('connection reset'), false],
  ];
  for (const [name, failure, probeAnswers] of someOf(OUTAGES, 3)) {
    it(`stops receiving, rejects nothing and recovers within seconds: ${name}`, async () => {
      const queue = harness.createQueue({ maxReceiveCount: 1 });
      Object.assign(harness.starter, { failure, probeAnswers, refuses: () => true });
      send(queue, 4);
      const startPatience = { refusals: 3, failingMs: 1_000 };
      const bridge = await harness.bridge(queue, 'activity', {
        receivesInFlight: 1,
        startPatience,
        probeAfterMs: 60_000,
      });
      await eventually(() => assert.equal(bridge.ready(), false), { timeoutMs: 20_000 });
      const receives = harness.proxy.of('ReceiveMessage').length;
      send(queue, 20);
      // What the receive under way brought as well, and turns of all.
      await eventually(() => assert.ok(harness.starter.attempts >= 20), { timeoutMs: 30_000 });
      assert.ok(harness.proxy.of('ReceiveMessage').length <= receives + 1, 'one may have been under way');
      assert.deepEqual([harness.deadLetters(queue), bridge.ready()], [[], false]);
      assert.ok(harness.metrics.value('bridge_start_failures_total', { queue, scope: 'everybody' }) >= 6);
      harness.starter.refuses = () => false;
      await eventually(() => assert.equal(bridge.counts().started, 24), { timeoutMs: 20_000 });
      assert.deepEqual([bridge.ready(), bridge.counts().received], [true, 24]);
      harness.assertEmpty(queue);
    });
  }

  for (const failure of [() => grpcFailure(3, 'no mapping for search attribute'), () => grpcFailure(4, 'x')]) {
    it(`rejects nothing when every start fails, although the probe is answered: ${failure().message}`, async () => {
      const queue = harness.createQueue({ maxReceiveCount: 1 });
      Object.assign(harness.starter, { failure, refuses: () => true });
      send(queue, 40);
      const startPatience = { refusals: 3, failingMs: 1_000 };
      const bridge = await harness.bridge(queue, 'activity', { maxInHand: 30, startPatience });
      // Some attempts of each that failed before there were many, and turns of all from then on.
      await eventually(() => assert.ok(harness.starter.attempts >= 60), { timeoutMs: 30_000 });
      assert.deepEqual([harness.deadLetters(queue), bridge.counts().rejected], [[], 0]);
      harness.starter.refuses = () => false;
      await eventually(() => assert.equal(bridge.counts().started, 40), { timeoutMs: 10_000 });
      assert.equal(bridge.counts().received, 40);
      harness.assertEmpty(queue);
    }).timeout(90_000);
  }

  it('holds no more than its slots while a probe hangs, and takes that for an outage', async () => {
    const queue = harness.createQueue({ maxReceiveCount: 1 });
    harness.starter.refuses = () => true;
    harness.starter.failure = () => grpcFailure(4, 'context deadline exceeded');
    harness.starter.probe = () => new Promise(() => {});
    send(queue, 60);
    const bridge = await harness.bridge(queue, 'activity', { maxInHand: 15 });
    await eventually(() => assert.equal(bridge.ready(), false), { timeoutMs: 20_000 });
    assert.equal(bridge.counts().received, 15);
    harness.starter.refuses = () => false;
    await eventually(() => assert.equal(bridge.counts().started, 60));
    assert.equal(bridge.counts().received, 60);
  }).timeout(60_000);

  // Half a minute of waiting.
  if (FULL)
    it('is not ready once a suspicion lasts', async () => {
      const queue = harness.createQueue({ maxReceiveCount: 1 });
      harness.starter.refuses = () => true;
      send(queue, 15);
      const bridge = await harness.bridge(queue);
      await eventually(() => assert.equal(bridge.ready(), false), { timeoutMs: 60_000 });
      harness.starter.refuses = () => false;
      await eventually(() => assert.deepEqual([bridge.ready(), bridge.counts().started], [true, 15]));
    }).timeout(90_000);

  it('extends the visibility of what takes longer than its time-out, and again what SQS did not extend', async () => {
    const queue = harness.createQueue({ maxReceiveCount: 1 });
    harness.starter.delayMs = 13_000;
    let refusals = 0;
    harness.proxy.fault = ({ action }) => {
      if (action !== 'ChangeMessageVisibilityBatch' || refusals === 1) return undefined;
      refusals += 1;
      return { kind: 'failEntries', ids: ['0'], code: 'InternalError', senderFault: false };
    };
    send(queue, 12);
    const bridge = await harness.bridge(queue, 'activity', { visibilityTimeoutSeconds: 10 });
    await eventually(() => assert.equal(bridge.counts().started, 12), { timeoutMs: 40_000 });
    assert.deepEqual([bridge.counts().received, harness.starter.attempts, refusals], [12, 12, 1]);
    assert.deepEqual(harness.deadLetters(queue), []);
    const batches = harness.proxy.of('ChangeMessageVisibilityBatch');
    assert.ok(batches.length >= 4, 'two batches, each every 3.3 to 5 s');
    assert.ok(batches.every(({ body }) => Array.isArray(body.Entries) && body.Entries.length <= 10));
    const warned = harness.warnings().map(({ code }) => code);
    assert.deepEqual(warned, ['InternalError']);
  }).timeout(60_000);

  it('gives up a message that SQS has taken back, and starts it when it comes again', async () => {
    const queue = harness.createQueue();
    harness.starter.down = true;
    let lost = false;
    harness.proxy.fault = ({ action }) => {
      if (action !== 'ChangeMessageVisibilityBatch' || lost) return undefined;
      lost = true;
      return { kind: 'failEntries', ids: ['0'], code: 'ReceiptHandleIsInvalid', senderFault: true };
    };
    send(queue, 1);
    const bridge = await harness.bridge(queue, 'activity', { visibilityTimeoutSeconds: 3 });
    // Starts fail until it is given up, or a retry could start it before the refusal arrives.
    await eventually(() => assert.equal(bridge.counts().returned, 1), { timeoutMs: 20_000 });
    harness.starter.down = false;
    await eventually(() => assert.equal(bridge.counts().started, 1), { timeoutMs: 20_000 });
    const { received, returned, inFlight } = bridge.counts();
    assert.deepEqual({ received, returned, inFlight }, { received: 2, returned: 1, inFlight: 0 });
    assert.equal(bridge.ready(), true);
  }).timeout(60_000);
});
