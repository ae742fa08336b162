import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.ts';
import { Harness } from './support/harness.ts';
import { followMessage, postMessage, snsEnvelope } from './support/messages.ts';

const EARLY_MS = Date.UTC(2026, 0, 31);
const firstSent = { FirstSentTimestamp: { DataType: 'String', StringValue: String(EARLY_MS) } };
const follow = () => JSON.stringify(followMessage());
const enveloped = () => snsEnvelope(follow(), { Timestamp: new Date(EARLY_MS).toISOString() });

describe('the place in time of a message that came back from a dead-letter queue', () => {
  let harness: Harness;
  before(async () => {
    harness = await Harness.start();
  });
  afterEach(() => harness.reset());
  after(() => harness[Symbol.asyncDispose]());

  const warnings = () =>
    harness.warnings().filter(({ msg }) => /without EventTime and without an SNS envelope/.test(msg));

  it('is the old one when it came by SNS, whoever brought it back', async () => {
    const queue = harness.createQueue();
    harness.server.sendMessage(queue, enveloped());
    await harness.bridge(queue, 'follow');
    await eventually(() => assert.equal(harness.starter.events.length, 1));
    const [event] = harness.starter.events;
    assert.deepEqual([event?.eventTimeMicros, event?.sentMicros], [EARLY_MS * 1000, EARLY_MS * 1000]);
    assert.deepEqual(warnings(), []);
  });

  it('is the old one when our redrive brought it back', async () => {
    const queue = harness.createQueue();
    harness.server.sendMessage(queue, follow(), { messageAttributes: firstSent });
    await harness.bridge(queue, 'follow');
    await eventually(() => assert.equal(harness.starter.events[0]?.sentMicros, EARLY_MS * 1000));
    assert.deepEqual(warnings(), []);
  });

  it('is unknown without EventTime and envelope, which the bridge says once for a queue before it does harm', async () => {
    const queue = harness.createQueue();
    for (let count = 0; count < 3; count += 1) harness.server.sendMessage(queue, follow());
    const bridge = await harness.bridge(queue, 'follow');
    await eventually(() => assert.equal(bridge.counts().started, 3));
    assert.equal(warnings().length, 1);
  });

  it('does not matter to posts and comments', async () => {
    const queue = harness.createQueue();
    harness.server.sendMessage(queue, JSON.stringify(postMessage()));
    const bridge = await harness.bridge(queue);
    await eventually(() => assert.equal(bridge.counts().started, 1));
    assert.deepEqual(warnings(), []);
  });
});
