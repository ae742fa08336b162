import assert from 'node:assert/strict';
import fc from 'fast-check';
import { deadLetterQueueName } from '../../contracts/shared/names.ts';
import { reactionIdOf } from '../../contracts/events/reaction-id.ts';
import { boundedSummary } from '../../contracts/shared/summary.ts';
import { explainError, normaliseTag, utf8Length } from '../../contracts/shared/text.ts';

/** Graphemes, and what normalisation has to do with. */
const tagPart = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
  fc.constantFrom('#', '＃', '﹟', ' ', 'I', 'İ', 'i', '\u0307', '\u0301', '\u0323', 'Σ', '\u0000'),
);

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
    const tags: readonly (readonly [tag: string, normal: string])[] = [
      [' ##JAZZ\u0000 ', 'jazz'],
      ['＃猫', '猫'],
      ['﹟猫', '猫'],
      ['# ＃ jazz', 'jazz'],
      ['#', ''],
      ['＃ ', ''],
      ['İstanbul', 'istanbul'],
      ['I\u0307stanbul', 'istanbul'],
      ['i\u0307stanbul', 'istanbul'],
      ['IĞDIR', 'iğdir'],
      ['C#', 'c#'],
      ['🎉', '🎉'],
      ['E\u0301te\u0301', 'été'],
    ];
    for (const [tag, normal] of tags) assert.equal(normaliseTag(tag), normal, tag);
    fc.assert(
      fc.property(fc.string({ unit: tagPart }), (tag) => {
        assert.equal(normaliseTag(normaliseTag(tag)), normaliseTag(tag));
      }),
    );
  });
});
