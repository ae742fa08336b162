import { DeleteMessageCommand, GetQueueUrlCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import assert from 'node:assert/strict';
import { deadLetterQueueName } from '../../contracts/shared/names.ts';
import { eventually } from '../support/eventually.ts';
import { Harness } from './support/harness.ts';
import { postMessage, snsEnvelope } from './support/messages.ts';

const good = () => JSON.stringify(postMessage());
const altered = (fields: Record<string, unknown>) => JSON.stringify({ ...postMessage(), ...fields });
const extended = (json: string) => `${good().slice(0, -1)},${json}}`;
const text = (StringValue: string) => ({ DataType: 'String', StringValue });

const POISON: readonly (readonly [name: string, reason: RegExp, body: string])[] = [
  ['bad JSON', /^InvalidJson: the body is not JSON: /, '{"Actor": "alice", '],
  ['wrong types', /^InvalidMessage: .*Actor: .*To: /s, altered({ Actor: 7, To: 'bob' })],
  ['an unknown verb', /^InvalidMessage: Verb: /, altered({ Verb: 'Shout' })],
  ['a ForeignID that does not match', /^InvalidMessage: ForeignID: must equal/, altered({ ForeignID: 'Post:bob-1' })],
  ['a body of 300 KB', /^BodyTooLarge: /, extended(`"Blob":"${'x'.repeat(300_000)}"`)],
  ['lone surrogates', /^IllFormedText: /, extended(String.raw`"Blob":"\ud800"`)],
  ['a __proto__ key', /^ForbiddenKey: .*__proto__/, extended('"a":{"__proto__":{"admin":true}}')],
  // Escaped in the body: the emulator by itself refuses raw ones there, which AWS takes.
  ['a raw emoji in the body', /^InvalidMessage: Verb: .*"🎉"/, good().replace('"Post"', '"🎉"')],
  ['an emoji in the reason', /^InvalidMessage: Verb: .*"🎉"/, good().replace('"Post"', String.raw`"\ud83c\udf89"`)],
  ['the edges of what XML takes', /^InvalidJson: /, '\t\n\r \uD7FF\uE000\uFFFD'],
  ['a form', /^InvalidJson: .*form-encoded/, 'Actor=alice&Verb=Post'],
  ['white space', /^EmptyBody: /, ' \n '],
  ['an unknown shape', /^UnknownEnvelope: .*Records/, JSON.stringify({ Records: [{ s3: { bucket: 'b' } }] })],
  ['deep nesting', /^TooDeep: /, '['.repeat(100_000)],
  ['an SNS confirmation', /^UnknownEnvelope: /, snsEnvelope('confirm', { Type: 'SubscriptionConfirmation' })],
  ['poison inside an SNS envelope', /^InvalidJson: the Message of the SNS envelope/, snsEnvelope('{')],
];

describe('poison', () => {
  let harness: Harness;
  before(async () => {
    harness = await Harness.start();
  });
  afterEach(() => harness.reset());
  after(() => harness[Symbol.asyncDispose]());

  it('stands in the dead-letter queue at once with its bytes and reason, while its neighbours pass', async () => {
    const queue = harness.createQueue({ maxReceiveCount: 1 });
    for (const [, , body] of POISON) {
      harness.server.sendMessage(queue, good());
      harness.server.sendMessage(queue, body);
    }
    const bridge = await harness.bridge(queue);
    await eventually(() => assert.equal(bridge.counts().started + bridge.counts().rejected, 2 * POISON.length));
    harness.assertEmpty(queue);
    assert.equal(harness.starter.started.length, POISON.length);
    assert.equal(bridge.counts().received, 2 * POISON.length);
    const letters = harness.deadLetters(queue);
    assert.equal(letters.length, POISON.length);
    for (const [name, reason, body] of POISON) {
      const letter = letters.find((candidate) => candidate.body === body);
      assert.match(letter?.messageAttributes.RejectReason?.StringValue ?? 'absent', reason, name);
    }
    assert.equal(harness.metrics.value('bridge_messages_rejected_total', { queue, reason: 'TooDeep' }), 1);
    assert.equal(harness.metrics.value('bridge_messages_rejected_total', { queue, reason: 'InvalidMessage' }), 5);
  });

  it('is told in logs by id and reason alone: what users wrote does not belong there', async () => {
    const queue = harness.createQueue({ deadLetterAttributes: { MaximumMessageSize: '4096' }, maxReceiveCount: 1 });
    const written = 'what-a-user-wrote';
    const bodies = [
      written,
      `{"Actor": "${written}`,
      JSON.stringify({ [written]: written }),
      altered({ Actor: written }),
      altered({ Verb: written }),
      altered({ ForeignID: written, ObjectID: written }),
      extended(`"${written}":{"__proto__":"${written}"}`),
      extended(String.raw`"Blob":"\ud800${written}"`),
      `Actor=${written}&Verb=Post`,
      snsEnvelope(`{"Actor": "${written}`),
      // Not even the dead-letter queue takes this one.
      `${written} ${'x'.repeat(5_000)}`,
    ];
    const messageAttributes = { note: text(written) };
    for (const body of bodies) harness.server.sendMessage(queue, body, { messageAttributes });
    const bridge = await harness.bridge(queue, 'activity', { visibilityTimeoutSeconds: 1 });
    await eventually(() => assert.equal(harness.deadLetters(queue).length, bodies.length));
    assert.equal(bridge.counts().rejected, bodies.length - 1);
    assert.ok(harness.logs.filter(({ msg }) => msg === 'rejected a message').length >= bodies.length - 1);
    assert.ok(!JSON.stringify(harness.logs).includes(written), JSON.stringify(harness.logs));
  });

  it('keeps the message attributes of the producer', async () => {
    const queue = harness.createQueue();
    const messageAttributes = { trace: text('abc'), attempt: { DataType: 'Number', StringValue: '1' } };
    harness.server.sendMessage(queue, 'poison', { messageAttributes });
    const bridge = await harness.bridge(queue);
    await eventually(() => assert.equal(bridge.counts().rejected, 1));
    const { RejectReason, FirstSentTimestamp, ...others } = harness.deadLetters(queue)[0]?.messageAttributes ?? {};
    assert.deepEqual(others, messageAttributes);
    assert.match(RejectReason?.StringValue ?? '', /^InvalidJson: /);
    assert.match(FirstSentTimestamp?.StringValue ?? '', /^\d{13}$/);
  });

  it('can be read from the dead-letter queue by any consumer', async () => {
    const queue = harness.createQueue();
    harness.server.sendMessage(queue, `\t"quoted" & <angled> ü\n`);
    const bridge = await harness.bridge(queue);
    await eventually(() => assert.equal(bridge.counts().rejected, 1));
    const { QueueUrl } = await harness.sqs.send(new GetQueueUrlCommand({ QueueName: deadLetterQueueName(queue) }));
    const { Messages = [] } = await harness.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ['All'] }),
    );
    assert.equal(Messages[0]?.Body, `\t"quoted" & <angled> ü\n`);
    await harness.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0]?.ReceiptHandle }));
  });

  it('is not deleted before it stands in the dead-letter queue, however often that fails', async () => {
    const queue = harness.createQueue({ maxReceiveCount: 1 });
    harness.server.sendMessage(queue, 'poison');
    const sends = () => harness.proxy.of('SendMessage').length;
    const extensions = () => harness.proxy.of('ChangeMessageVisibilityBatch').length;
    // Five failures take 3 to 6 s, which outlasts the first extension after 2 to 3 s, a slow one too.
    harness.proxy.fault = ({ action }) =>
      action === 'SendMessage' && (sends() <= 5 || extensions() === 0)
        ? { kind: 'status', status: 503, type: 'ServiceUnavailable' }
        : undefined;
    const bridge = await harness.bridge(queue, 'activity', { visibilityTimeoutSeconds: 6 });
    await eventually(() => assert.equal(bridge.ready(), false));
    assert.equal(harness.messages(queue).inflight.length, 1);
    await eventually(() => assert.equal(bridge.counts().rejected, 1), { timeoutMs: 40_000 });
    harness.assertEmpty(queue);
    assert.deepEqual([harness.deadLetters(queue).length, bridge.counts().received, bridge.ready()], [1, 1, true]);
    const order = harness.proxy.seen.map(({ action }) => action).filter((action) => /Send|Delete/.test(action));
    assert.ok(sends() >= 6);
    assert.deepEqual(order, [...Array<string>(sends()).fill('SendMessage'), 'DeleteMessageBatch']);
    assert.ok(extensions() > 0);
  }).timeout(60_000);

  it('loses its own attributes rather than its place in a dead-letter queue that takes less', async () => {
    const queue = harness.createQueue({ deadLetterAttributes: { MaximumMessageSize: '2048' } });
    harness.server.sendMessage(queue, 'poison', { messageAttributes: { bulk: text('x'.repeat(2_000)) } });
    const bridge = await harness.bridge(queue);
    await eventually(() => assert.equal(bridge.counts().rejected, 1));
    const [letter] = harness.deadLetters(queue);
    const names = Object.keys(letter?.messageAttributes ?? {}).toSorted();
    assert.deepEqual([letter?.body, names], ['poison', ['FirstSentTimestamp', 'RejectReason']]);
  });

  it('too large for the dead-letter queue is left to the redrive policy, loudly', async () => {
    const queue = harness.createQueue({ deadLetterAttributes: { MaximumMessageSize: '2048' }, maxReceiveCount: 1 });
    harness.server.sendMessage(queue, `poison ${'x'.repeat(2_100)}`);
    const bridge = await harness.bridge(queue, 'activity', { visibilityTimeoutSeconds: 1 });
    await eventually(() => assert.equal(harness.deadLetters(queue).length, 1));
    harness.assertEmpty(queue);
    const { rejected, returned, received, inFlight } = bridge.counts();
    assert.deepEqual(
      { rejected, returned, received, inFlight },
      { rejected: 0, returned: 1, received: 1, inFlight: 0 },
    );
    assert.ok(harness.logs.some(({ level, msg }) => level === 50 && /left to the redrive policy/.test(msg)));
  });
});
