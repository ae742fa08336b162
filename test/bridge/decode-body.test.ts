import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { decodeBody } from '../../bridge/decode-body.ts';
import type { RejectCode } from '../../bridge/rejection.ts';
import { followMessage, postMessage, snsEnvelope } from './support/messages.ts';

const SENT_MICROS = 1_700_000_000_000_000;

function decode(body: string) {
  return decodeBody('activity', body, SENT_MICROS);
}

function codeOf(body: string): RejectCode | undefined {
  const decoded = decode(body);
  return 'rejection' in decoded ? decoded.rejection.code : undefined;
}

function sentenceOf(body: string): string {
  const decoded = decode(body);
  assert.ok('rejection' in decoded);
  return decoded.rejection.sentence;
}

function timeOf(body: string): number {
  const decoded = decode(body);
  assert.ok('event' in decoded, JSON.stringify(decoded));
  return decoded.event.eventTimeMicros;
}

const good = JSON.stringify(postMessage());
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const withExtra = (json: string) => `${good.slice(0, -1)},${json}}`;

describe('decodeBody', () => {
  it('takes the raw message and the SNS envelope of it as the same event', () => {
    const raw = decode(good);
    const wrapped = decode(snsEnvelope(good, { Timestamp: undefined }));
    assert.ok('event' in raw);
    assert.deepEqual(raw, wrapped);
    assert.equal(raw.event.kind, 'activity');
  });

  it('keeps unknown fields from rejecting a complete message, whatever they are named', () => {
    for (const extra of ['"Type":"Notification"', '"Records":[]', '"detail-type":"x"', '"Message":"x"']) {
      assert.equal(codeOf(withExtra(extra)), undefined, extra);
    }
  });

  it('orders by EventTime, else by the SNS Timestamp, else by the SQS SentTimestamp', () => {
    const eventTime = JSON.stringify({ ...postMessage(), EventTime: '2026-01-31T12:00:00.000001Z' });
    const acted = Date.UTC(2026, 0, 31, 12) * 1000 + 1;
    const published = Date.UTC(2026, 1, 1) * 1000;
    assert.equal(timeOf(snsEnvelope(eventTime)), acted);
    assert.equal(timeOf(snsEnvelope(good, { Timestamp: '2026-02-01T00:00:00.000Z' })), published);
    assert.equal(timeOf(snsEnvelope(good, { Timestamp: 'yesterday' })), SENT_MICROS);
    assert.equal(timeOf(good), SENT_MICROS);
  });

  const rejected: readonly (readonly [RejectCode, string, string])[] = [
    ['EmptyBody', 'white space', ' \n\t '],
    ['BodyTooLarge', '300 KB', withExtra(`"Blob":"${'x'.repeat(300_000)}"`)],
    ['BodyTooLarge', 'more bytes than characters', withExtra(`"Blob":"${'ß'.repeat(140_000)}"`)],
    ['InvalidJson', 'cut off', good.slice(0, -5)],
    ['InvalidJson', 'not JSON', 'hello'],
    ['InvalidJson', 'a byte order mark', `\uFEFF${good}`],
    ['TooDeep', '33 levels', `{"a":${nested(32)}}`],
    ['TooDeep', 'brackets without end', '['.repeat(200_000)],
    ['ForbiddenKey', '__proto__', withExtra('"__proto__":{"polluted":true}')],
    ['ForbiddenKey', 'constructor', withExtra('"a":[{"constructor":1}]')],
    ['ForbiddenKey', 'prototype', withExtra('"a":{"prototype":1}')],
    ['ForbiddenKey', 'an escaped __proto__', withExtra(String.raw`"\u005f_proto__":1`)],
    ['IllFormedText', 'a lone surrogate in a value', withExtra(String.raw`"a":"\ud800"`)],
    ['IllFormedText', 'a lone surrogate in a key', withExtra(String.raw`"\udc00":1`)],
    ['UnknownEnvelope', 'an array', '[1]'],
    ['UnknownEnvelope', 'a string', '"text"'],
    ['UnknownEnvelope', 'null', 'null'],
    ['UnknownEnvelope', 'an S3 event', JSON.stringify({ Records: [{ eventSource: 'aws:s3' }] })],
    [
      'UnknownEnvelope',
      'an EventBridge event',
      JSON.stringify({ source: 'a', 'detail-type': 'b', detail: postMessage() }),
    ],
    ['UnknownEnvelope', 'an SNS confirmation', snsEnvelope('Please confirm', { Type: 'SubscriptionConfirmation' })],
    ['UnknownEnvelope', 'a notification without Message', JSON.stringify({ Type: 'Notification', TopicArn: 'arn' })],
    ['UnknownEnvelope', 'an envelope within an envelope', snsEnvelope(snsEnvelope(good))],
    ['InvalidMessage', 'an unknown verb', JSON.stringify({ ...postMessage(), Verb: 'Shout' })],
    ['InvalidMessage', 'a ForeignID of another post', JSON.stringify({ ...postMessage(), ForeignID: 'Post:bob-2' })],
    ['InvalidMessage', 'wrong types', JSON.stringify({ ...postMessage(), Actor: 7, To: 'bob' })],
    ['InvalidMessage', 'a message of another queue', JSON.stringify(followMessage())],
  ];
  for (const [code, name, body] of rejected) {
    it(`rejects ${name} as ${code}`, () => assert.equal(codeOf(body), code));
  }

  const alsoInside: readonly (readonly [RejectCode, string])[] = [
    ['EmptyBody', ' '],
    ['InvalidJson', '{'],
    ['TooDeep', nested(33)],
    ['ForbiddenKey', '{"__proto__":1}'],
    ['IllFormedText', String.raw`{"a":"\ud800"}`],
    ['UnknownEnvelope', '7'],
    ['InvalidMessage', '{}'],
  ];
  for (const [code, message] of alsoInside) {
    it(`rejects the Message of an SNS envelope as ${code} as well`, () => {
      assert.equal(codeOf(snsEnvelope(message)), code);
    });
  }

  it('counts brackets inside strings as text, and accepts 32 levels', () => {
    assert.equal(codeOf(withExtra(`"a":${JSON.stringify(`\\"${nested(500)}`)}`)), undefined);
    assert.equal(codeOf(withExtra(`"a":${nested(31)}`)), undefined);
  });

  it('keeps what the schema says about every field at fault', () => {
    assert.match(sentenceOf(JSON.stringify({ ...postMessage(), Actor: 7, Verb: 'Shout' })), /Actor: .*; .*Verb: /s);
  });

  it('never throws and never lets ill-formed text through, whatever JSON comes', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'binary' }), (json) => {
        assert.ok('rejection' in decode(json));
        assert.ok('rejection' in decode(snsEnvelope(json)));
      }),
    );
  });

  it('judges hostile bodies of 256 KiB without taking ages', () => {
    const manyKeys = `{${Array.from({ length: 25_000 }, (_, index) => `"k${index}":1`).join(',')}}`;
    const escapes = `"${'\\"'.repeat(120_000)}"`;
    const bodies = [
      '['.repeat(262_144),
      manyKeys,
      escapes,
      '{"a":'.repeat(50_000),
      ' '.repeat(262_144),
      '"'.repeat(262_144),
    ];
    for (const body of bodies) {
      const begin = performance.now();
      decode(body);
      // Linear work takes milliseconds, quadratic work minutes.
      assert.ok(performance.now() - begin < 5_000, `${body.slice(0, 10)} took ${performance.now() - begin} ms`);
    }
  });
});
