import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compareEdgePositions, edgePosition, isLater } from '../../contracts/events/edge-order.ts';
import type { EdgeEvent } from '../../contracts/events/social-event.ts';
import { EventLedger } from '../../workflows/events/event-ledger.ts';
import { followEvent } from '../support/events.ts';

describe('the order of an edge', () => {
  const event = fc
    .record({ kind: fc.constantFrom('Follow', 'Unfollow'), at: fc.nat(3), copyLimit: fc.nat(2) })
    .map((change) => followEvent({ ...change, edge: 'one' }));
  const greatest = (events: readonly EdgeEvent[]): unknown =>
    events.map(edgePosition).reduce((left, right) => (compareEdgePositions(left, right) >= 0 ? left : right));

  it('is total and consistent', () => {
    fc.assert(
      fc.property(event, event, event, (a, b, c) => {
        const [x, y, z] = [edgePosition(a), edgePosition(b), edgePosition(c)];
        assert.equal(Math.sign(compareEdgePositions(x, y)), -Math.sign(compareEdgePositions(y, x)) || 0);
        if (compareEdgePositions(x, y) <= 0 && compareEdgePositions(y, z) <= 0) {
          assert.ok(compareEdgePositions(x, z) <= 0);
        }
        assert.equal(compareEdgePositions(x, y) === 0, JSON.stringify(x) === JSON.stringify(y));
      }),
    );
  });

  it('lets a removal win over a follow of the same time', () => {
    const follow = edgePosition(followEvent({ at: 7 }));
    const unfollow = edgePosition(followEvent({ at: 7, kind: 'Unfollow' }));
    assert.ok(compareEdgePositions(unfollow, follow) > 0);
  });

  it('makes a ledger end at the latest event, in whatever order, number and interleaving they come', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 12 }), fc.infiniteStream(fc.nat(2)), (events, choices) => {
        const [first, ...others] = events;
        assert.ok(first);
        let ledger = new EventLedger({ event: first }, 0);
        const settle = (): void => {
          ledger.takeNewer(0);
          ledger.close(ledger.isCurrentStale() ? 'superseded' : 'applied', 0);
        };
        for (const next of others) {
          const choice = choices.next().value;
          if (choice !== 0) settle();
          const { register } = ledger.state;
          // A closed run: the bridge starts the next one, from the register, or drops what is not later.
          const start = { event: next, ...(register ? { register } : {}) };
          if (choice === 2 && isLater(edgePosition(next), register)) ledger = new EventLedger(start, 0);
          else if (choice !== 2) ledger.offer(next);
        }
        settle();
        assert.deepEqual(ledger.state.register, greatest(events));
      }),
    );
  });
});
