import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.ts';
import { assertConserved, Harness } from './support/harness.ts';
import { followMessage, postMessage, snsEnvelope } from './support/messages.ts';

describe('startBridge', () => {
  let harness: Harness;
  before(async () => {
    harness = await Harness.start();
  });
  afterEach(() => harness.reset());
  after(() => harness[Symbol.asyncDispose]());

  it('starts what SNS publishes and what is sent raw, then deletes it', async () => {
    const queue = harness.createQueue();
    const topic = `${queue}-topic`;
    harness.server.createTopic(topic);
    harness.server.subscribe({ topic, queue });
    harness.server.publish(topic, JSON.stringify(postMessage('wrapped')));
    harness.server.sendMessage(queue, JSON.stringify(postMessage('raw')));
    const bridge = await harness.bridge(queue);
    await eventually(() => assert.equal(bridge.counts().started, 2));
    assert.deepEqual(harness.starter.started.toSorted(), ['activity/Post:alice-raw', 'activity/Post:alice-wrapped']);
    harness.assertEmpty(queue);
    assert.deepEqual(harness.deadLetters(queue), []);
  });

  it('orders a raw message that was redriven by the moment it was first sent', async () => {
    const queue = harness.createQueue();
    const messageAttributes = { FirstSentTimestamp: { DataType: 'String', StringValue: '1700000000000' } };
    harness.server.sendMessage(queue, JSON.stringify(followMessage()), { messageAttributes });
    await harness.bridge(queue, 'follow');
    await eventually(() => assert.equal(harness.starter.events[0]?.eventTimeMicros, 1_700_000_000_000_000));
  });

  it('orders a raw message by the SentTimestamp of SQS', async () => {
    const queue = harness.createQueue();
    const before = Date.now();
    harness.server.sendMessage(queue, JSON.stringify(followMessage()));
    await harness.bridge(queue, 'follow');
    await eventually(() => assert.equal(harness.starter.events.length, 1));
    const sentMs = (harness.starter.events[0]?.eventTimeMicros ?? 0) / 1000;
    assert.ok(sentMs >= before && sentMs <= Date.now());
    assert.ok(Number.isInteger(sentMs));
  });

  it('counts started, joined and deduplicated messages apart, in total, by queue and as metrics', async () => {
    const posts = harness.createQueue();
    const follows = harness.createQueue();
    const post = JSON.stringify(postMessage());
    const follow = JSON.stringify(followMessage());
    for (const body of [post, post, snsEnvelope(post)]) harness.server.sendMessage(posts, body);
    for (const body of [follow, follow]) harness.server.sendMessage(follows, body);
    const bridge = await harness.bridge(posts, 'activity', {
      queues: [
        { queue: posts, kind: 'activity' },
        { queue: follows, kind: 'follow' },
      ],
    });
    await eventually(() => assert.equal(bridge.counts().inFlight + 5 - bridge.counts().received, 0));
    const { queues, ...total } = bridge.counts();
    const none = { started: 0, joined: 0, deduplicated: 0, rejected: 0, returned: 0, inFlight: 0 };
    assert.deepEqual(total, { ...none, received: 5, started: 2, joined: 1, deduplicated: 2 });
    assert.deepEqual(queues[posts], { ...none, received: 3, started: 1, deduplicated: 2 });
    assert.deepEqual(queues[follows], { ...none, received: 2, started: 1, joined: 1 });
    assert.equal(harness.metrics.value('bridge_messages_received_total', { queue: posts }), 3);
    assert.equal(harness.metrics.value('bridge_messages_deduplicated_total', { queue: posts }), 2);
    assert.equal(harness.metrics.value('bridge_messages_joined_total', { queue: follows }), 1);
    assert.equal(harness.metrics.value('bridge_messages_in_flight', { queue: follows }), 0);
  });

  it('drains a FIFO queue and puts its poison into the FIFO dead-letter queue, in its group', async () => {
    const queue = harness.createQueue({ fifo: true });
    const bodies = [JSON.stringify(postMessage()), 'poison', JSON.stringify(postMessage())];
    for (const [index, body] of bodies.entries()) {
      harness.server.sendMessage(queue, body, { messageGroupId: 'alice', messageDeduplicationId: String(index) });
    }
    const bridge = await harness.bridge(queue);
    await eventually(() => assert.equal(bridge.counts().started, 2));
    await eventually(() => harness.assertEmpty(queue));
    const [letter, ...others] = harness.deadLetters(queue);
    assert.deepEqual([letter?.body, letter?.messageGroupId, others.length], ['poison', 'alice', 0]);
  });

  it('keeps a busy queue flowing beside an empty one that is long-polled', async () => {
    const busy = harness.createQueue();
    const empty = harness.createQueue();
    const bridge = await harness.bridge(busy, 'activity', {
      longPollSeconds: 2,
      queues: [
        { queue: empty, kind: 'activity' },
        { queue: busy, kind: 'activity' },
      ],
    });
    for (let sent = 0; sent < 50; sent += 1) harness.server.sendMessage(busy, JSON.stringify(postMessage()));
    await eventually(() => assert.equal(bridge.counts().started, 50), { timeoutMs: 8_000 });
  });

  it('never receives more than it may hold, and goes on when slots are free', async () => {
    const queue = harness.createQueue();
    harness.starter.down = true;
    for (let sent = 0; sent < 12; sent += 1) harness.server.sendMessage(queue, JSON.stringify(postMessage()));
    const bridge = await harness.bridge(queue, 'activity', { maxInHand: 7, receivesInFlight: 3 });
    await eventually(() => assert.ok(harness.starter.attempts >= 14));
    assert.equal(bridge.counts().received, 7);
    assert.equal(harness.messages(queue).ready.length, 5);
    const asked = harness.proxy.of('ReceiveMessage').map(({ body }) => body.MaxNumberOfMessages);
    assert.deepEqual(asked, [7]);
    harness.starter.down = false;
    await eventually(() => assert.equal(bridge.counts().started, 12));
  });

  it('asks for every attribute and the visibility time-out with each receive', async () => {
    const queue = harness.createQueue();
    await harness.bridge(queue, 'activity', { visibilityTimeoutSeconds: 17 });
    await eventually(() => assert.ok(harness.proxy.of('ReceiveMessage').length >= 2));
    const { MessageSystemAttributeNames, MessageAttributeNames, VisibilityTimeout, WaitTimeSeconds } =
      harness.proxy.of('ReceiveMessage')[0]?.body ?? {};
    assert.deepEqual(
      [MessageSystemAttributeNames, MessageAttributeNames, VisibilityTimeout, WaitTimeSeconds],
      [['All'], ['All'], 17, 1],
    );
  });

  it('deletes in batches', async () => {
    const queue = harness.createQueue();
    for (let sent = 0; sent < 40; sent += 1) harness.server.sendMessage(queue, JSON.stringify(postMessage()));
    const bridge = await harness.bridge(queue);
    await eventually(() => assert.equal(bridge.counts().started, 40));
    assert.ok(harness.proxy.of('DeleteMessageBatch').length <= 8);
  });

  it('says which queue is missing and what to do, dead-letter queues included', async () => {
    const lone = `bridge-lone-${Date.now()}`;
    await assert.rejects(harness.bridge(lone), /SQS queue bridge-lone-\d+(-dlq)? does not exist; create it/);
    harness.server.createQueue(lone);
    await assert.rejects(
      harness.bridge(lone),
      /SQS queue bridge-lone-\d+-dlq does not exist; create it: the bridge puts/,
    );
  });

  it('refuses options out of range and queues named twice', async () => {
    const queue = harness.createQueue();
    await assert.rejects(
      harness.bridge(queue, 'activity', { longPollSeconds: 21 }),
      /longPollSeconds .* 1 to 20, not 21/,
    );
    await assert.rejects(harness.bridge(queue, 'activity', { visibilityTimeoutSeconds: 0 }), RangeError);
    const route = { queue, kind: 'activity' } as const;
    await assert.rejects(harness.bridge(queue, 'activity', { queues: [route, route] }), /twice/);
  });

  it('conserves messages at every moment', async () => {
    const queue = harness.createQueue();
    for (let sent = 0; sent < 60; sent += 1) {
      harness.server.sendMessage(queue, sent % 7 === 0 ? 'poison' : JSON.stringify(postMessage()));
    }
    harness.starter.delayMs = 20;
    const bridge = await harness.bridge(queue, 'activity', { maxInHand: 15 });
    await eventually(
      () => {
        assertConserved(bridge.counts());
        assert.equal(bridge.counts().started + bridge.counts().rejected, 60);
      },
      { intervalMs: 1 },
    );
    assert.equal(bridge.counts().rejected, 9);
    harness.assertEmpty(queue);
  });

  it('logs ids and queues, never bodies', async () => {
    const queue = harness.createQueue();
    harness.server.sendMessage(queue, JSON.stringify({ ...postMessage('secret-object'), Verb: 'secret-verb' }));
    const bridge = await harness.bridge(queue);
    await eventually(() => assert.equal(bridge.counts().rejected, 1));
    await bridge.stop();
    const text = JSON.stringify(harness.logs);
    assert.match(text, new RegExp(queue));
    assert.doesNotMatch(text, /secret/);
  });
});
