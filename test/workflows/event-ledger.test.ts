import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  compareEdgePositions,
  edgePosition,
  NOTHING_APPLIED,
  positionKey,
  standingOf,
  type EdgePosition,
  type EdgeRegister,
} from '../../contracts/events/edge-order.ts';
import { readEventInput } from '../../contracts/events/event-guards.ts';
import type { EventFailureView, EventLedgerState } from '../../contracts/events/event-workflow.ts';
import { isEdgeEvent, type FollowEvent, type ReactionEvent } from '../../contracts/events/social-event.ts';
import { describeState } from '../../workflows/events/event-details.ts';
import { EventLedger } from '../../workflows/events/event-ledger.ts';
import { followEvent, postEvent, reactionEvent } from '../support/events.ts';

const FAILURE: EventFailureView = { type: 'NotAllowed', message: 'no', step: 'follow', undone: [] };
const EDGE = 'one';
const follow = (at: number, eventId?: string): FollowEvent =>
  followEvent({ edge: EDGE, at, copyLimit: 0, ...(eventId === undefined ? {} : { eventId }) });
const unfollow = (at: number): FollowEvent => followEvent({ edge: EDGE, at, kind: 'Unfollow' });
const like = (at: number): ReactionEvent => reactionEvent({ edge: EDGE, at });
const ledgerOf = (event: FollowEvent | ReactionEvent, register?: EdgeRegister): EventLedger =>
  new EventLedger({ event, ...(register ? { register } : {}) }, 0);
/** As the state arrives in the run that continues: through JSON. */
const continued = (ledger: EventLedger): EventLedger => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the form does not change
  const carried = JSON.parse(JSON.stringify(ledger.state)) as EventLedgerState;
  return new EventLedger({ event: carried.event, carried }, 1_000_000);
};

describe('the ledger of an event', () => {
  describe('of one edge, whatever is done to it', () => {
    /** One thing that may happen to a run. */
    type Step =
      | { readonly what: 'offer'; readonly event: FollowEvent }
      | { readonly what: 'adopt'; readonly decided: FollowEvent; readonly unsettled: FollowEvent }
      | { readonly what: 'attempt'; readonly outcome: 'applied' | 'refused' | 'unanswered' }
      | { readonly what: 'ask'; readonly action: 'retry' | 'skip' }
      | { readonly what: 'continue' };

    const event = fc
      .record({ kind: fc.constantFrom('Follow', 'Unfollow'), at: fc.nat(20), eventId: fc.nat(20) })
      .map(({ eventId, ...change }) =>
        followEvent({ ...change, edge: EDGE, eventId: `${change.kind}/${change.at}/${eventId}` }),
      );
    const step: fc.Arbitrary<Step> = fc.oneof(
      { weight: 3, arbitrary: event.map((offered) => ({ what: 'offer', event: offered }) as const) },
      fc.tuple(event, event).map(([decided, unsettled]) => ({ what: 'adopt', decided, unsettled }) as const),
      {
        weight: 3,
        arbitrary: fc
          .constantFrom('applied', 'refused', 'unanswered')
          .map((outcome) => ({ what: 'attempt', outcome }) as const),
      },
      fc.constantFrom('retry', 'skip').map((action) => ({ what: 'ask', action }) as const),
      fc.constant({ what: 'continue' } as const),
    );

    /** What a run does with its ledger until it has to wait. */
    const move = (ledger: EventLedger, outcome: 'applied' | 'refused' | 'unanswered'): void => {
      switch (ledger.nextMove()) {
        case 'write':
          ledger.takeNewer(0);
          if (ledger.isCurrentStale()) return ledger.close('superseded', 0);
          ledger.beginRound();
          if (outcome === 'unanswered') return ledger.noteUnanswered(0);
          ledger.noteWritten(outcome === 'applied');
          if (outcome === 'applied') ledger.close('applied', 0);
          else if (!ledger.hasNewer) ledger.park(FAILURE, 0);
          return;
        case 'withdraw':
          return ledger.close('skipped', 0);
        case 'close':
          return ledger.close(ledger.state.decision === 'retry' ? 'superseded' : 'skipped', 0);
        case 'wait':
        case 'settle':
      }
    };
    const settle = (ledger: EventLedger): void => {
      for (let moves = 0; ledger.nextMove() !== 'settle'; moves++) {
        assert.ok(moves < 10, 'it settles');
        if (ledger.nextMove() === 'wait') ledger.request('skip', {}, '');
        move(ledger, 'applied');
      }
    };
    const play = (ledger: EventLedger, given: Step): EventLedger => {
      switch (given.what) {
        case 'offer':
          ledger.offer(given.event);
          return ledger;
        case 'adopt':
          ledger.adopt({ register: edgePosition(given.decided), unsettled: given.unsettled }, 0);
          return ledger;
        case 'attempt':
          move(ledger, given.outcome);
          return ledger;
        case 'ask':
          ledger.request(given.action, {}, '');
          return ledger;
        case 'continue':
          return continued(ledger);
      }
    };
    const positionsOf = (played: Step): readonly EdgePosition[] => {
      if (played.what === 'offer') return [edgePosition(played.event)];
      return played.what === 'adopt' ? [played.decided, played.unsettled].map(edgePosition) : [];
    };
    const place = (register: EdgeRegister | undefined): EdgePosition => {
      const { stands: _stands, eventIds: _ids, ...position } = register ?? NOTHING_APPLIED;
      return position;
    };

    it('the register never goes back, and ends at the latest event that came', () => {
      fc.assert(
        fc.property(event, fc.array(step, { maxLength: 25 }), (first, steps) => {
          let ledger = ledgerOf(first);
          for (const each of steps) {
            const before = place(ledger.state.register);
            ledger = play(ledger, each);
            assert.ok(compareEdgePositions(place(ledger.state.register), before) >= 0, JSON.stringify(each));
          }
          settle(ledger);
          const all = [edgePosition(first), ...steps.flatMap(positionsOf)];
          const latest = all.reduce((left, right) => (compareEdgePositions(left, right) >= 0 ? left : right));
          assert.deepEqual(place(ledger.state.register), latest);
        }),
        { numRuns: 500 },
      );
    });

    it('a run that was continued at any point goes on as one that was not', () => {
      fc.assert(
        fc.property(event, fc.array(step, { maxLength: 25 }), (first, steps) => {
          let [whole, broken] = [ledgerOf(first), ledgerOf(first)];
          for (const each of steps) {
            if (each.what !== 'continue') whole = play(whole, each);
            broken = play(broken, each);
            assert.deepEqual(broken.state, continued(whole).state);
          }
        }),
        { numRuns: 300 },
      );
    });

    it('what stands is an event that was applied, here or in another run', () => {
      fc.assert(
        fc.property(event, fc.array(step, { maxLength: 25 }), (first, steps) => {
          let ledger = ledgerOf(first);
          const applied = new Set<string>();
          for (const each of steps) {
            // The event that the next attempt is of.
            const { newer, event: current } = ledger.state;
            const tried = edgePosition(newer ?? (isEdgeEvent(current) ? current : first));
            if (each.what === 'attempt' && each.outcome === 'applied') applied.add(positionKey(tried));
            if (each.what === 'adopt') applied.add(positionKey(edgePosition(each.decided)));
            ledger = play(ledger, each);
            const stands = standingOf(ledger.state.register);
            if (stands) assert.ok(applied.has(positionKey(stands)), JSON.stringify(each));
          }
        }),
      );
    });
  });

  it('goes on from what earlier versions carried: what may be left of the event is taken back with it', () => {
    const before = { event: follow(10), status: 'parked', rounds: 1, audit: [], overtaken: false } as const;
    const failures: readonly (readonly [EventFailureView, boolean | undefined])[] = [
      [FAILURE, undefined],
      [{ ...FAILURE, type: 'Ambiguous' }, true],
      [{ ...FAILURE, compensationFailure: 'Unavailable' }, true],
    ];
    for (const [failure, mayBeWritten] of failures) {
      const ledger = new EventLedger({ event: follow(10), carried: { ...before, failure } }, 7);
      assert.equal(ledger.state.mayBeWritten, mayBeWritten);
      assert.equal(ledger.beganMs, 7, 'what was there before the run is not its own');
      assert.equal(ledger.nextMove(), 'wait');
    }
    const register = { eventTimeMicros: 5, present: true, tieBreak: '["Follow",0]' };
    const ledger = new EventLedger({ event: follow(10), register }, 7);
    assert.deepEqual(ledger.stands, register);
    assert.equal(ledger.isCurrentStale(), false);
  });

  it('bears whatever a run was started with by hand', () => {
    const part = fc.oneof(
      fc.constantFrom<unknown>(follow(10), like(20), postEvent(), edgePosition(follow(5)), FAILURE, 'parked', 'retry'),
      fc.array(fc.constantFrom<unknown>(FAILURE, { action: 'retry', accepted: true, at: '' }, 'x'), { maxLength: 2 }),
      fc.nat(),
      fc.anything(),
    );
    const names = [
      'newer',
      'waiting',
      'failure',
      'register',
      'late',
      'audit',
      'ignored',
      'decision',
      'beganMs',
      'parkedMs',
    ];
    const carried = fc.dictionary(fc.constantFrom(...names), part).map((parts) => ({
      event: follow(10),
      status: 'parked',
      rounds: 0,
      audit: [],
      ...parts,
    }));
    fc.assert(
      fc.property(carried, fc.constantFrom('retry', 'skip'), (given, action) => {
        const input = readEventInput({ event: follow(10), carried: given });
        assert.ok(input);
        const ledger = new EventLedger(input, 0);
        describeState(ledger.state);
        ledger.request(action, {}, '2026-01-31T12:00:00Z');
        ledger.offer(unfollow(30));
        ledger.takeNewer(0);
        ledger.close('applied', 0);
        describeState(ledger.state);
        assert.equal(ledger.result().register?.eventTimeMicros, 30);
      }),
    );
  });

  it('takes an event once, by its id, whatever time its second message bears', () => {
    const ledger = ledgerOf(follow(10, 'e1'));
    ledger.close('applied', 0);
    ledger.offer(unfollow(20));
    ledger.takeNewer(0);
    ledger.close('applied', 0);
    ledger.offer(follow(30, 'e1'));
    assert.equal(ledger.hasNewer, false);
    assert.equal(ledger.state.register?.present, false);
  });

  it('takes over an event that another run left undecided, though its id is known', () => {
    const ledger = ledgerOf(follow(10));
    const unsettled = follow(20, 'e2');
    ledger.adopt({ register: { ...edgePosition(follow(15)), eventIds: ['e1', 'e2'] }, unsettled }, 0);
    assert.equal(ledger.state.newer, unsettled);
    assert.deepEqual(ledger.state.register?.eventIds, ['e1', 'e2']);
  });

  it('writes again what another run of the same event decided on, and nothing that a later one did', () => {
    const ledger = ledgerOf(like(10));
    ledger.adopt({ register: edgePosition(like(10)) }, 0);
    assert.equal(ledger.isCurrentStale(), false);
    ledger.adopt({ register: edgePosition(like(11)) }, 0);
    assert.equal(ledger.isCurrentStale(), true);
  });

  it('counts what another run may have written as its own, from when that began', () => {
    const ledger = new EventLedger({ event: follow(10) }, 50);
    ledger.adopt({ late: { untilMs: 70, sinceMs: 20 } }, 50);
    assert.equal(ledger.state.mayBeWritten, true);
    assert.equal(ledger.beganMs, 20);
    assert.equal(ledger.lateUntilMs(), 70);
  });

  it('knows what stood before an event that is given up, also after it was applied once', () => {
    const ledger = ledgerOf(like(20), edgePosition(like(10)));
    assert.deepEqual(ledger.stoodBefore, edgePosition(like(10)));
    ledger.close('applied', 0);
    // In another run, or by a look at late writes that failed, it is open again.
    ledger.park(FAILURE, 0);
    assert.equal(ledger.isStanding, true);
    assert.equal(ledger.stoodBefore, undefined);
    ledger.close('skipped', 0);
    assert.deepEqual(ledger.state.register, { ...edgePosition(like(20)), stands: null });
  });

  it('leaves what stands where an event is given up that a later one overtook', () => {
    const later: EdgeRegister = { ...edgePosition(like(30)), stands: edgePosition(like(10)) };
    const ledger = ledgerOf(like(10), later);
    assert.equal(ledger.isStanding, false);
    assert.deepEqual(ledger.stoodBefore, edgePosition(like(10)));
  });

  it('withdraws what events before the current one may have written together with it', () => {
    const ledger = new EventLedger({ event: follow(10) }, 100);
    ledger.noteUnanswered(150);
    ledger.park(FAILURE, 120);
    ledger.offer(unfollow(20));
    ledger.takeNewer(130);
    assert.equal(ledger.beganMs, 100);
    ledger.noteWritten(false);
    ledger.offer(follow(30));
    ledger.takeNewer(140);
    assert.equal(ledger.beganMs, 100, 'it may still come late');
    ledger.dropLate(150);
    ledger.offer(unfollow(40));
    ledger.takeNewer(160);
    assert.equal(ledger.beganMs, 160);
  });

  it('keeps a late write that was noted while an earlier one was looked after', () => {
    const ledger = ledgerOf(follow(10));
    ledger.noteUnanswered(50);
    ledger.noteUnanswered(80);
    ledger.dropLate(50);
    assert.equal(ledger.lateUntilMs(), 80);
    ledger.dropLate(80);
    assert.equal(ledger.lateUntilMs(), undefined);
  });

  it('waits for late writes of others, not for those of the event that stands', () => {
    const ledger = ledgerOf(follow(10));
    ledger.noteUnanswered(50);
    ledger.close('applied', 0);
    assert.equal(ledger.lateUntilMs(), undefined);
    ledger.noteUnanswered(60, true);
    assert.equal(ledger.lateUntilMs(), 60);
  });

  it('expects an attempt to remove something else only where that may stand', () => {
    assert.equal(ledgerOf(like(10)).mayReplace, false);
    assert.equal(ledgerOf(like(20), edgePosition(like(10))).mayReplace, true);
    assert.equal(
      ledgerOf(like(20), edgePosition(reactionEvent({ edge: EDGE, kind: 'Unlike', at: 10 }))).mayReplace,
      false,
    );
    assert.equal(ledgerOf(follow(20), edgePosition(follow(10))).mayReplace, false);
    const after = ledgerOf(like(10));
    after.noteUnanswered(50);
    assert.equal(after.mayReplace, true);
  });

  describe('tells the next run of the edge', () => {
    it('of the event that is open, or of the later one that waits', () => {
      const ledger = ledgerOf(follow(10));
      assert.deepEqual(ledger.edgeState(), { unsettled: follow(10) });
      ledger.park(FAILURE, 0);
      ledger.offer(unfollow(20));
      assert.deepEqual(ledger.edgeState(), { unsettled: unfollow(20) });
      ledger.takeNewer(0);
      ledger.close('applied', 0);
      assert.deepEqual(ledger.edgeState(), { register: edgePosition(unfollow(20)) }, 'the overtaken one is decided on');
    });

    it('what may have been written, however long ago', () => {
      const ledger = new EventLedger({ event: follow(10) }, 7);
      ledger.noteWritten(true);
      ledger.park(FAILURE, 20);
      assert.deepEqual(ledger.edgeState()?.late, { untilMs: 7, sinceMs: 7 });
    });

    it('nothing of a post', () => {
      const ledger = new EventLedger({ event: postEvent() }, 0);
      assert.equal(ledger.edgeState(), undefined);
      ledger.close('applied', 0);
      assert.deepEqual(ledger.result(), { status: 'applied' });
    });
  });

  it('begins a later event with the whole of its retries', () => {
    const ledger = ledgerOf(follow(10));
    ledger.noteSpent(500);
    ledger.countAutoRetry();
    ledger.park(FAILURE, 0);
    ledger.offer(unfollow(20));
    ledger.takeNewer(0);
    assert.equal(ledger.state.autoRetries, undefined);
    assert.equal(ledger.state.spentMs, undefined);
  });

  it('keeps what an operator asked for while something else failed that nobody had asked for', () => {
    const ledger = ledgerOf(follow(10));
    ledger.park(FAILURE, 200);
    ledger.request('skip', {}, '');
    ledger.park(FAILURE, 300, true);
    assert.equal(ledger.nextMove(), 'withdraw');
    ledger.park(FAILURE, 300);
    assert.equal(ledger.nextMove(), 'wait');
  });

  it('bounds what it keeps of requests and of messages that made no sense', () => {
    const ledger = ledgerOf(follow(10));
    for (let count = 0; count < 100; count++) {
      ledger.request('retry', { by: String(count) }, '');
      ledger.ignore(String(count));
    }
    assert.deepEqual(ledger.state.audit.map(({ by }) => by).at(-1), '99');
    assert.equal(ledger.state.audit.length, 20);
    assert.deepEqual(ledger.state.ignored, ['95', '96', '97', '98', '99']);
  });
});
