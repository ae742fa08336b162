import assert from 'node:assert/strict';
import fc from 'fast-check';
import { deadLetterQueueName } from '../../contracts/names.ts';
import { reactionIdOf } from '../../contracts/reaction-id.ts';
import { boundedSummary } from '../../contracts/summary.ts';
import { explainError, normaliseTag, utf8Length } from '../../contracts/text.ts';
import { formatStreamTime, parseTimestampMicros } from '../../contracts/timestamps.ts';

describe('the contracts', () => {
  it('name the dead-letter queue of standard and FIFO queues', () => {
    assert.equal(deadLetterQueueName('social-graph-mentions'), 'social-graph-mentions-dlq');
    assert.equal(deadLetterQueueName('mentions.fifo'), 'mentions-dlq.fifo');
  });

  it('take a reaction id from Data3, itself when it is a UUID', () => {
    assert.equal(reactionIdOf('F01C0000-ACF5-11E5-8080-80006A8B5BC2'), 'f01c0000-acf5-11e5-8080-80006a8b5bc2');
    assert.equal(reactionIdOf('like-1'), reactionIdOf('like-1'));
    assert.notEqual(reactionIdOf('like-1'), reactionIdOf('like-2'));
  });

  it('explain an error with its causes, in one line and nothing twice', () => {
    const cause = new Error('connect failed:\n  no route', {
      cause: Object.assign(new Error(''), { code: 'EHOSTDOWN' }),
    });
    const cases: [error: unknown, text: string][] = [
      [new Error('broken'), 'broken'],
      [new Error('SQS does not answer', { cause }), 'SQS does not answer (connect failed: no route: EHOSTDOWN)'],
      [new Error('it said: broken', { cause: new Error('broken') }), 'it said: broken'],
      [new AggregateError([]), 'AggregateError'],
      ['text', 'text'],
      [{ code: 5 }, '{"code":5}'],
      [undefined, ''],
    ];
    for (const [error, text] of cases) assert.equal(explainError(error), text);
  });

  it('bound a summary to what Temporal accepts without breaking a character', () => {
    assert.equal(boundedSummary('alice posts'), 'alice posts');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        const summary = boundedSummary(text);
        assert.ok(utf8Length(JSON.stringify(summary)) <= 400);
        assert.equal(summary.isWellFormed(), text.isWellFormed());
      }),
    );
  });

  it('normalise tags so that doing it again changes nothing', () => {
    assert.equal(normaliseTag(' ##JAZZ\u0000 '), 'jazz');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (tag) => {
        assert.equal(normaliseTag(normaliseTag(tag)), normaliseTag(tag));
      }),
    );
  });

  it('read RFC 3339 to the microsecond and write it as GetStream does', () => {
    assert.equal(
      formatStreamTime(parseTimestampMicros('2018-12-21T09:45:42.455925Z') ?? 0),
      '2018-12-21T09:45:42.455925',
    );
    assert.equal(
      formatStreamTime(parseTimestampMicros('2018-12-21t10:45:42+01:00') ?? 0),
      '2018-12-21T09:45:42.000000',
    );
    for (const text of [
      'yesterday',
      '2026-13-01T00:00:00Z',
      '2026-02-29T00:00:00Z',
      '2026-01-01',
      '1969-12-31T23:59:59Z',
    ]) {
      assert.equal(parseTimestampMicros(text), undefined, text);
    }
    fc.assert(
      fc.property(fc.nat(4_000_000_000), fc.nat(999_999), (seconds, micros) => {
        const total = seconds * 1_000_000 + micros;
        assert.equal(parseTimestampMicros(formatStreamTime(total)), total);
      }),
    );
  });
});
