import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { decodeBody } from '../../bridge/decode-body.ts';
import { formatStreamTime } from '../../contracts/shared/timestamps.ts';
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

  const acted = Date.UTC(2023, 10, 14, 20) * 1000 + 1;
  const published = Date.UTC(2023, 10, 14, 22) * 1000;
  const eventTime = (EventTime: string) => JSON.stringify({ ...followMessage(), EventTime });
  const follow = JSON.stringify(followMessage());
  const placeOf = (body: string) => {
    const decoded = decodeBody('follow', body, SENT_MICROS);
    assert.ok('event' in decoded, JSON.stringify(decoded));
    const { event, ...notes } = decoded;
    return [event.eventTimeMicros, event.sentMicros, notes];
  };

  it('orders by EventTime, else by the SNS Timestamp, else by the SQS SentTimestamp', () => {
    const sns = { Timestamp: '2023-11-14T22:00:00.000Z' };
    assert.deepEqual(placeOf(snsEnvelope(eventTime('2023-11-14T20:00:00.000001Z'), sns)), [acted, published, {}]);
    assert.deepEqual(placeOf(eventTime('2023-11-14T20:00:00.000001Z')), [acted, SENT_MICROS, {}]);
    assert.deepEqual(placeOf(snsEnvelope(follow, sns)), [published, published, {}]);
  });

  it('takes the earliest SNS Timestamp for the sending, and one that is late or no time for nothing', () => {
    const sns = { Timestamp: '2023-11-14T22:00:00Z' };
    const forwarded = snsEnvelope(snsEnvelope(follow, { Timestamp: '2023-11-14T22:00:00Z' }), {
      Timestamp: '2023-11-14T22:05:00Z',
    });
    assert.deepEqual(placeOf(forwarded), [published, published, {}]);
    assert.deepEqual(placeOf(snsEnvelope(follow, { Timestamp: '2099-01-01T00:00:00Z' })), [
      SENT_MICROS,
      SENT_MICROS,
      {},
    ]);
    const untimed = snsEnvelope(follow, { Timestamp: undefined });
    for (const wrapped of [snsEnvelope(untimed, sns), snsEnvelope(JSON.stringify(follow), sns)]) {
      assert.deepEqual(placeOf(wrapped), [published, published, {}]);
    }
    const late = [1_700_000_000, null, '9999-12-31T23:59:59Z', ['2023-11-14T22:00:00Z']];
    for (const Timestamp of ['yesterday', '', ...late]) {
      const [eventTimeMicros, sentMicros] = placeOf(snsEnvelope(follow, { Timestamp }));
      assert.deepEqual([eventTimeMicros, sentMicros], [SENT_MICROS, SENT_MICROS], String(Timestamp));
    }
  });

  it('says of an EventTime after the sending that a clock is ahead, and sends count instead', () => {
    const ahead = [SENT_MICROS, SENT_MICROS, { clockAhead: true }];
    const sentMs = SENT_MICROS / 1000;
    assert.deepEqual(placeOf(eventTime('2099-01-01T00:00:00Z')), ahead);
    assert.deepEqual(placeOf(eventTime('9999-12-31T23:59:59Z')), ahead);
    assert.deepEqual(placeOf(eventTime(new Date(sentMs + 1_001).toISOString())), ahead);
    assert.deepEqual(placeOf(eventTime(formatStreamTime(SENT_MICROS + 1_000_001))), ahead);
    assert.deepEqual(placeOf(eventTime(new Date(sentMs + 1_000).toISOString())), [SENT_MICROS, SENT_MICROS, {}]);
    const sns = snsEnvelope(eventTime('2023-11-14T22:00:02Z'), { Timestamp: '2023-11-14T22:00:00Z' });
    assert.deepEqual(placeOf(sns), [published, published, { clockAhead: true }]);
  });

  it('says of a follow or reaction that bears no time of its own, and of nothing else', () => {
    const bare = [SENT_MICROS, SENT_MICROS, { placedByQueue: true }];
    assert.deepEqual(placeOf(follow), bare);
    assert.deepEqual(placeOf(JSON.stringify({ ...followMessage(), EventTime: null })), bare);
    assert.deepEqual(placeOf(eventTime('')), bare);
    assert.deepEqual(placeOf(snsEnvelope(follow, { Timestamp: undefined })), bare);
    const post = decode(good);
    assert.equal('event' in post && post.placedByQueue, undefined);
  });

  const rejected: readonly (readonly [RejectCode, string, string])[] = [
    ['EmptyBody', 'white space', ' \n\t '],
    ['BodyTooLarge', '300 KB', withExtra(`"Blob":"${'x'.repeat(300_000)}"`)],
    ['BodyTooLarge', 'more bytes than characters', withExtra(`"Blob":"${'ß'.repeat(140_000)}"`)],
    ['InvalidJson', 'cut off', good.slice(0, -5)],
    ['InvalidJson', 'not JSON', 'hello'],
    ['InvalidJson', 'two byte order marks', `\uFEFF\uFEFF${good}`],
    ['EmptyBody', 'a byte order mark alone', '\uFEFF '],
    ['TooDeep', '33 levels', `{"a":${nested(32)}}`],
    ['TooDeep', 'brackets without end', '['.repeat(200_000)],
    ['TooDeep', 'brackets with what would be taken for UTF-16', `${'['.repeat(33)}\u0000`],
    ['ForbiddenKey', '__proto__', withExtra('"__proto__":{"polluted":true}')],
    ['ForbiddenKey', 'constructor', withExtra('"a":[{"constructor":1}]')],
    ['ForbiddenKey', 'prototype', withExtra('"a":{"prototype":1}')],
    ['ForbiddenKey', 'an escaped __proto__', withExtra(String.raw`"\u005f_proto__":1`)],
    ['IllFormedText', 'a lone surrogate in a value', withExtra(String.raw`"a":"\ud800"`)],
    ['IllFormedText', 'a lone surrogate in a key', withExtra(String.raw`"\udc00":1`)],
    ['UnknownEnvelope', 'an array', '[1]'],
    ['UnknownEnvelope', 'a string', '"text"'],
    ['UnknownEnvelope', 'null', 'null'],
    ['InvalidMessage', 'an unknown verb', JSON.stringify({ ...postMessage(), Verb: 'Shout' })],
    ['InvalidMessage', 'a ForeignID of another post', JSON.stringify({ ...postMessage(), ForeignID: 'Post:bob-2' })],
    ['InvalidMessage', 'wrong types', JSON.stringify({ ...postMessage(), Actor: 7, To: 'bob' })],
    ['InvalidMessage', 'a field given twice, differently', good.replace('{', '{"Verb":"Nope",')],
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

  it('takes 256 KiB of UTF-8 and not a byte more, and says so', () => {
    const room = 256 * 1024 - Buffer.byteLength(withExtra('"Blob":""'));
    for (const [unit, size] of [
      ['x', 1],
      ['ß', 2],
    ] as const) {
      const ofSize = (bytes: number) => withExtra(`"Blob":"${unit.repeat(bytes / size)}"`);
      const even = room - (room % size);
      assert.equal(codeOf(`${ofSize(even)}${' '.repeat(room - even)}`), undefined);
      const sentence = sentenceOf(`${ofSize(even)}${' '.repeat(room - even + 1)}`);
      assert.equal(sentence, 'the body is larger than 262144 bytes of UTF-8');
    }
  });

  it('says which part of a body it speaks of', () => {
    assert.equal(sentenceOf(' '), 'the body is empty or white space');
    assert.equal(sentenceOf(snsEnvelope('')), 'the Message of the SNS envelope in the body is empty or white space');
    assert.match(sentenceOf(JSON.stringify('{')), /^the JSON text in the body is not JSON: /);
    for (const other of ['7', '"x {"', '"\\uFEFFx {"']) {
      assert.equal(sentenceOf(other), 'the body is JSON, but not an object');
    }
  });

  it('takes the message in an envelope with a topic, also where the envelope has the fields of one', () => {
    const inner = postMessage();
    const decoded = decode(snsEnvelope(JSON.stringify(inner), postMessage()));
    assert.equal('event' in decoded && decoded.event.kind === 'activity' && decoded.event.foreignId, inner.ForeignID);
  });

  it('takes JSON text with white space or a byte order mark before it', () => {
    for (const text of [`\n ${good}`, `\uFEFF${good}`]) assert.equal(codeOf(JSON.stringify(text)), undefined);
  });

  it('takes a defect of its own for no fault of the message', () => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the types forbid
    assert.throws(() => decode(undefined as unknown as string), TypeError);
  });

  it('counts brackets inside strings as text, and accepts 32 levels', () => {
    assert.equal(codeOf(withExtra(`"a":${JSON.stringify(`\\"${nested(500)}`)}`)), undefined);
    assert.equal(codeOf(withExtra(`"a":${nested(31)}`)), undefined);
  });

  it('takes a field given twice with one value, and twice in what it does not read', () => {
    assert.equal(codeOf(good.replace('{', '{"Verb": "Post" ,')), undefined);
    assert.equal(codeOf(withExtra('"Score":1,"Score":2')), undefined);
    assert.equal(codeOf(withExtra('"a":{"Verb":"Nope"},"b":["Verb",{"Verb":1}]')), undefined);
    const escaped = String.raw`{"\u0056erb":"Nope",`;
    assert.equal(sentenceOf(good.replace('{', escaped)), 'Verb: is given more than once, with different values');
  });

  it('keeps what the schema says about every field at fault', () => {
    assert.match(sentenceOf(JSON.stringify({ ...postMessage(), Actor: 7, Verb: 'Shout' })), /Actor: .*; .*Verb: /s);
  });

  it('never throws and never lets ill-formed text through, whatever JSON comes', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'binary' }), (json) => {
        assert.ok('rejection' in decode(json));
        assert.ok('rejection' in decode(snsEnvelope(json)));
        assert.ok('rejection' in decode(JSON.stringify(json)));
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
      `"${'{'.repeat(262_000)}"`,
      JSON.stringify('"'.repeat(120_000)),
      snsEnvelope(snsEnvelope(snsEnvelope('['.repeat(200_000)))),
      `{"Type":"Notification",${manyKeys.slice(1)}`,
      `\uFEFF${'='.repeat(262_000)}`,
      `a=${'&'.repeat(262_000)}`,
      JSON.stringify({ ...postMessage(), CreatedAt: `2026-01-31T12:00:00.${'1'.repeat(250_000)}!` }),
      JSON.stringify({ ...postMessage(), CreatedAt: `2026-01-31T12:00:00Z${'[a]'.repeat(80_000)}!` }),
      JSON.stringify({ ...postMessage(), HashTags: ['i\u0307'.repeat(60_000)] }),
      JSON.stringify({ ...postMessage(), HashTags: [`${'# '.repeat(120_000)}x`] }),
    ];
    for (const body of bodies) {
      const begin = performance.now();
      decode(body);
      // Linear work takes milliseconds, quadratic work minutes.
      assert.ok(performance.now() - begin < 5_000, `${body.slice(0, 10)} took ${performance.now() - begin} ms`);
    }
  });
});
