import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describePosition, edgeFacts, formatMicros } from '../../cli/edge-text.ts';
import { meantId } from '../../cli/event-id.ts';
import { eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import { postEvent } from '../support/events.ts';

describe('what the memo of an edge tells', () => {
  it('is its last applied position and what is not settled', () => {
    const register = {
      eventTimeMicros: 1_769_860_800_123_456,
      sentMicros: 1_769_860_801_000_000,
      present: true,
      tieBreak: 'x',
    };
    assert.deepEqual(
      edgeFacts({ register, unsettled: { action: 'Like', userId: 'al', edgeId: 'e1', eventTimeMicros: 1 } }),
      [
        ['last applied', 'present since 2026-01-31 12:00:00.123456Z (sent 2026-01-31 12:00:01.000000Z)'],
        ['not settled', 'Like al e1 of 1970-01-01 00:00:00.000001Z'],
      ],
    );
    assert.deepEqual(edgeFacts({ late: { untilMs: 1_769_860_800_000, sinceMs: 0 } }), [
      ['late writes', 'GetStream may carry them out until 2026-01-31 12:00:00.000000Z'],
    ]);
    assert.equal(describePosition({ eventTimeMicros: -1, present: false, tieBreak: '' }), 'nothing yet');
  });

  it('is shown whatever its shape, in lines that are bounded', () => {
    const anyTime = fc.oneof(fc.double(), fc.integer(), fc.string(), fc.constant(undefined));
    const position = fc.record({ eventTimeMicros: anyTime, sentMicros: anyTime, present: fc.anything() });
    const edge = fc.oneof(
      fc.jsonValue(),
      fc.record({
        register: fc.oneof(position, fc.jsonValue()),
        late: fc.record({ untilMs: anyTime }),
        unsettled: fc.oneof(fc.array(position), fc.jsonValue()),
      }),
    );
    fc.assert(
      fc.property(edge, (value) => {
        for (const [name, text] of edgeFacts(value)) {
          assert.equal(typeof name, 'string');
          assert.ok(text.length < 1_000);
        }
      }),
    );
    fc.assert(fc.property(fc.double(), (micros) => assert.equal(typeof formatMicros(micros), 'string')));
  });
});

describe('an id that was written in another way', () => {
  it('is recognised for every event, and a right one is left alone', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ minLength: 1, unit: 'grapheme' }), fc.constantFrom('%2F', 'a b', '%')),
        (object) => {
          const foreignId = `Post:alice-${object}`;
          const id = eventWorkflowId({ ...postEvent(), foreignId });
          assert.equal(meantId(id), undefined);
          assert.equal(meantId(foreignId), id);
          assert.equal(meantId(encodeURIComponent(id)), id);
        },
      ),
    );
  });

  it('of something else is not guessed at', () => {
    for (const id of ['', '%', 'nothing', 'stream-sessions/a b', '%2F%ZZ']) assert.equal(meantId(id), undefined, id);
  });
});
