import assert from 'node:assert/strict';
import fc from 'fast-check';
import { gzipSync } from 'node:zlib';
import { decodeBody } from '../../bridge/decode-body.ts';
import { postMessage, snsEnvelope } from './support/messages.ts';

const SENT_MICROS = 1_700_000_000_000_000;
const message = postMessage();
const good = JSON.stringify(message);
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** Every way in which a message may come that means this message and nothing else. */
const wrapping: readonly (readonly [name: string, wrap: (json: string) => string])[] = [
  ['a byte order mark', (json) => `\uFEFF${json}`],
  ['JSON encoded twice', (json) => JSON.stringify(json)],
  ['an SNS envelope', (json) => snsEnvelope(json)],
  [
    'an SNS envelope with a subject and attributes',
    (json) => snsEnvelope(json, { Subject: 'x', MessageAttributes: {} }),
  ],
  ['an SNS envelope of a FIFO topic', (json) => snsEnvelope(json, { SequenceNumber: '10000000000000003000' })],
  ['an SNS envelope without its topic', (json) => snsEnvelope(json, { TopicArn: undefined })],
  ['an SNS envelope without topic, id and time', (json) => JSON.stringify({ Type: 'Notification', Message: json })],
];

function judge(body: string): string {
  const decoded = decodeBody('activity', body, SENT_MICROS);
  if ('rejection' in decoded) return `${decoded.rejection.code}: ${decoded.rejection.sentence}`;
  return decoded.event.kind === 'activity' && decoded.event.foreignId === message.ForeignID ? 'taken' : 'another';
}

describe('bodies of other makers', () => {
  for (const [name, wrap] of wrapping) {
    it(`are taken in ${name}`, () => assert.equal(judge(wrap(good)), 'taken'));
  }

  it('are taken in up to three wrappers, of whatever kinds, and no more', () => {
    const [mark, ...wrappers] = wrapping.map(([, wrap]) => wrap);
    const chosen = fc.array(fc.tuple(fc.constantFrom(...wrappers), fc.boolean()), { maxLength: 6 });
    fc.assert(
      fc.property(chosen, (layers) => {
        const body = layers.reduce((json, [wrap, marked]) => wrap(marked && mark ? mark(json) : json), good);
        if (layers.length <= 3) assert.equal(judge(body), 'taken');
        else assert.match(judge(body), /^UnknownEnvelope: .* is yet another wrapper; more than 3 are not opened/);
      }),
    );
  });

  it('stay raw messages when fields of theirs are named as those of an SNS envelope', () => {
    assert.equal(judge(JSON.stringify({ ...message, Type: 'Notification', Message: 'hello' })), 'taken');
  });

  it('may end in a line break', () => assert.equal(judge(`${good}\r\n`), 'taken'));

  const pointer = '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"b","s3Key":"k"}]';
  const named: readonly (readonly [name: string, body: string, reason: RegExp])[] = [
    ['an S3 pointer', pointer, /^UnknownEnvelope: the body is a pointer of .*extended client/],
    [
      'an older S3 pointer',
      pointer.replace('software.amazon.payloadoffloading.Payload', 'com.amazon.sqs.javamessaging.Message'),
      /extended client/,
    ],
    ['an S3 pointer as an object', '{"s3BucketName":"b","s3Key":"k"}', /extended client/],
    [
      'an S3 pointer within SNS',
      snsEnvelope(pointer),
      /^UnknownEnvelope: the Message of the SNS envelope .*extended client/,
    ],
    ['a list of messages', JSON.stringify([message]), /a list; send each message by itself/],
    [
      'Records of S3, Kinesis or Lambda',
      JSON.stringify({ Records: [{ eventSource: 'aws:kinesis' }] }),
      /a list of Records/,
    ],
    [
      'the test event of S3',
      JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'b' }),
      /S3's test event/,
    ],
    [
      'an EventBridge event',
      JSON.stringify({ source: 'a', 'detail-type': 'b', detail: message }),
      /an EventBridge event; .*\$\.detail/,
    ],
    [
      'a CloudEvents event',
      JSON.stringify({ specversion: '1.0', type: 'post', source: 'a', id: '1', data: message }),
      /CloudEvents .*data/,
    ],
    ['an envelope of MassTransit', JSON.stringify({ messageType: ['urn:message:Post'], message }), /MassTransit/],
    ['a record of Kafka', JSON.stringify({ topic: 't', partition: 0, offset: 1, value: good }), /Kafka/],
    [
      'an unknown envelope',
      JSON.stringify({ payload: message }),
      /^UnknownEnvelope: .*holds the message under "payload"/,
    ],
    ['an unknown envelope of text', JSON.stringify({ body: good, headers: {} }), /holds the message under "body"/],
    [
      'an SNS Message that is no text',
      JSON.stringify({ Type: 'Notification', TopicArn: 'arn', Message: message }),
      /without the text of a Message/,
    ],
    [
      'a message for several protocols',
      snsEnvelope(JSON.stringify({ default: good, sqs: good })),
      /MessageStructure "json"/,
    ],
    [
      'a confirmation to subscribe',
      snsEnvelope('confirm', { Type: 'SubscriptionConfirmation', SubscribeURL: 'u' }),
      /SubscriptionConfirmation; open its SubscribeURL/,
    ],
    [
      'a confirmation to unsubscribe',
      snsEnvelope('bye', { Type: 'UnsubscribeConfirmation' }),
      /UnsubscribeConfirmation: the topic no longer feeds/,
    ],
    ['base64', base64(good), /^InvalidJson: the body is not JSON, but JSON in base64/],
    ['base64 in a JSON text', JSON.stringify(base64(good)), /^UnknownEnvelope: the body is JSON in base64/],
    ['base64 with a byte order mark', base64(`\uFEFF${good}`), /JSON in base64/],
    ['gzip', gzipSync(good).toString('base64'), /gzip data in base64/],
    ['XML', `<?xml version="1.0"?><Post/>`, /XML or HTML/],
    ['JSON escaped as in XML', good.replaceAll('"', '&quot;'), /escaped as in XML/],
    ['JSON with escaped quotes', good.replaceAll('"', String.raw`\"`), /quotes are escaped/],
    ['percent-encoded JSON', encodeURIComponent(good), /percent-encoded/],
    ['a form', `Actor=alice&Verb=Post`, /form-encoded/],
    ['a form of one field', `Message=${encodeURIComponent(good)}`, /form-encoded/],
    ["Python's str()", `{'Actor': 'alice'}`, /single quotes/],
    ['a token', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.x', /JWT/],
    ['UTF-16', Array.from(good, (character) => `${character}\u0000`).join(''), /UTF-16/],
    ['UTF-8 read as Latin-1', Buffer.from(`\uFEFF${good}`).toString('latin1'), /read as Latin-1/],
    ['NaN', good.replace('}', ',"Score":NaN}'), /^InvalidJson: the body is not JSON: /],
    [
      'names of fields in small letters',
      good.replaceAll(/"([A-Z])(\w+)":/g, (_, first: string, rest: string) => `"${first.toLowerCase()}${rest}":`),
      /^InvalidMessage: Actor: .*there is "actor"/,
    ],
  ];
  for (const [name, body, reason] of named) {
    it(`are named in the reason: ${name}`, () => assert.match(judge(body), reason));
  }
});
