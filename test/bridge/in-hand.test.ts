import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { InHand, type Held, type ReceivedMessage } from '../../bridge/in-hand.ts';

function message(id: number): ReceivedMessage {
  return { messageId: String(id), receiptHandle: `receipt ${id}`, body: '' };
}

describe('InHand', () => {
  it('reserves no more than is free, and frees what a receive did not bring', () => {
    const hand = new InHand(12);
    assert.deepEqual([hand.reserve(10), hand.reserve(10), hand.reserve(10)], [10, 2, 0]);
    hand.fill(10, [message(1)], 0);
    assert.equal(hand.size, 1);
    assert.equal(hand.reserve(10), 9);
  });

  it('names messages due for extension once, until their visibility was granted anew', () => {
    const hand = new InHand(10);
    const [old] = hand.fill(hand.reserve(1), [message(1)], 0);
    hand.fill(hand.reserve(1), [message(2)], 50);
    assert.ok(old);
    assert.deepEqual(hand.due(100, 100), [old]);
    old.extending = true;
    assert.deepEqual(hand.due(100, 100), []);
    Object.assign(old, { extending: false, visibleSinceMs: 100 });
    assert.deepEqual(hand.due(149, 100), []);
  });

  it('abandons everything it holds', () => {
    const hand = new InHand(2);
    const held = hand.fill(hand.reserve(2), [message(1), message(2)], 0);
    hand.abandonAll(new Error('shutting down'));
    assert.ok(held.every(({ abandoned }) => abandoned.signal.aborted));
  });

  it('gives the slot of what is set aside to another, up to ten times its slots, and extends it all the same', () => {
    const hand = new InHand(2);
    let id = 0;
    const fill = () => hand.fill(hand.reserve(2), [message((id += 1)), message((id += 1))], 0);
    const aside = Array.from({ length: 10 }, () => fill()).flatMap((filled) => {
      for (const held of filled) {
        assert.equal(hand.crowded, false);
        hand.setAside(held);
        hand.setAside(held);
      }
      return filled;
    });
    assert.deepEqual([hand.size, hand.crowded], [20, true]);
    for (const held of fill()) hand.setAside(held);
    assert.deepEqual([hand.size, hand.reserve(2), hand.due(100, 100).length], [22, 0, 22]);
    for (const held of aside.slice(0, 3)) hand.release(held);
    assert.deepEqual([hand.size, hand.crowded, hand.reserve(2)], [19, false, 0]);
    for (const held of aside) hand.release(held);
    assert.deepEqual([hand.size, hand.reserve(2)], [2, 0]);
  });

  it('never holds more than its capacity, in whatever order it is used', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('reserve' as const), count: fc.integer({ min: 0, max: 10 }) }),
      fc.record({ kind: fc.constant('fill' as const), count: fc.integer({ min: 0, max: 10 }) }),
      fc.record({ kind: fc.constant('release' as const), count: fc.constant(1) }),
      fc.record({ kind: fc.constant('setAside' as const), count: fc.nat(25) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 25 }), fc.array(step, { maxLength: 60 }), (capacity, steps) => {
        const hand = new InHand(capacity);
        const reservations: number[] = [];
        const held: Held<ReceivedMessage>[] = [];
        for (const { kind, count } of steps) {
          if (kind === 'reserve') reservations.push(hand.reserve(count));
          const slots = kind === 'fill' ? reservations.shift() : undefined;
          if (slots !== undefined) {
            held.push(
              ...hand.fill(
                slots,
                Array.from({ length: Math.min(count, slots) }, (_, id) => message(id)),
                0,
              ),
            );
          }
          const released = kind === 'release' ? held.shift() : undefined;
          if (released) hand.release(released);
          const waiting = kind === 'setAside' ? held[count] : undefined;
          if (waiting) hand.setAside(waiting);
          assert.equal(hand.size, held.length);
          const inSlots = held.filter(({ aside }) => !aside).length;
          assert.ok(inSlots + reservations.reduce((sum, reserved) => sum + reserved, 0) <= capacity);
        }
        for (const slots of reservations) hand.fill(slots, [], 0);
        for (const each of held) hand.release(each);
        assert.equal(hand.reserve(100), capacity);
      }),
    );
  });
});
