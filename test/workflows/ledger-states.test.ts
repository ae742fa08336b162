import assert from 'node:assert/strict';
import { edgePosition, NOTHING_APPLIED, positionKey, type EdgeRegister } from '../../contracts/events/edge-order.ts';
import type { EventFailureView, EventLedgerState, LateWrites } from '../../contracts/events/event-workflow.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { EventLedger } from '../../workflows/events/event-ledger.ts';
import { followEvent, postEvent, reactionEvent } from '../support/events.ts';

const FAILURE: EventFailureView = { type: 'NotAllowed', message: 'no', step: 'follow', undone: [] };
const OTHER_FAILURE: EventFailureView = { ...FAILURE, message: 'another' };
const AT = '2026-01-31T12:00:00.000Z';
const edge = 'one';
const follow = (at: number) => followEvent({ edge, at, copyLimit: 0 });
const unfollow = (at: number) => followEvent({ edge, at, kind: 'Unfollow' });
const like = (at: number) => reactionEvent({ edge, at });
const post = postEvent();

const ledgerOf = (event: SocialEvent, more: { register?: EdgeRegister; late?: LateWrites } = {}, nowMs = 100) =>
  new EventLedger({ event, ...more }, nowMs);
const fresh = { status: 'pending', rounds: 0, audit: [], overtaken: false, beganMs: 100 };
/** One that is parked since 200. */
const parked = (event: SocialEvent = follow(10), more: { register?: EdgeRegister } = {}): EventLedger => {
  const ledger = ledgerOf(event, more);
  ledger.park(FAILURE, 200);
  return ledger;
};
/** The parked event of before, overtaken by a later one that was applied at 300. */
const overtaken = (ledger = parked()): EventLedger => {
  ledger.offer(unfollow(20));
  ledger.takeNewer(250);
  ledger.beginRound();
  ledger.close('applied', 300);
  return ledger;
};

describe('the state of an event', () => {
  it('is pending at first, with what earlier runs of its edge left', () => {
    assert.deepEqual(ledgerOf(post).state, { ...fresh, event: post });
    const register = edgePosition(follow(5));
    assert.deepEqual(ledgerOf(follow(10), { register }).state, { ...fresh, event: follow(10), register });
    for (const [late, kept] of [
      [{ untilMs: 101, sinceMs: 7, of: 'key' }, true],
      [{ untilMs: 100, sinceMs: 7 }, false],
    ] as const) {
      assert.deepEqual(ledgerOf(follow(10), { late }).state, {
        ...fresh,
        event: follow(10),
        beganMs: 7,
        mayBeWritten: true,
        ...(kept ? { late } : {}),
      });
    }
    const identified = followEvent({ edge, at: 10, eventId: 'e1' });
    assert.deepEqual(ledgerOf(identified).state.register, { ...NOTHING_APPLIED, eventIds: ['e1'] });
    const identifiedPost = { ...post, eventId: 'e1' };
    assert.equal(ledgerOf(identifiedPost).state.register, undefined);
  });

  it('is taken over as it was by a run that continues', () => {
    const { state } = overtaken();
    const ledger = new EventLedger({ event: state.event, register: edgePosition(follow(99)), carried: state }, 999);
    assert.deepEqual(ledger.state, state);
    const { beganMs: _unknown, ...early } = state;
    assert.equal(
      new EventLedger({ event: state.event, carried: early }, 999).beganMs,
      999,
      'a state of an earlier version',
    );
  });

  it('counts its rounds, and takes up no decision twice', () => {
    const ledger = parked();
    ledger.request('retry', {}, AT);
    ledger.beginRound();
    assert.deepEqual([ledger.state.rounds, ledger.state.status, ledger.state.decision], [1, 'pending', undefined]);
    ledger.beginRound();
    assert.equal(ledger.state.rounds, 2);
  });

  it('is parked with its failure until somebody decides, and says what comes next', () => {
    const ledger = ledgerOf(follow(10));
    assert.equal(ledger.nextMove(), 'write');
    ledger.noteSpent(7);
    ledger.park(FAILURE, 200);
    assert.deepEqual(ledger.state, { ...fresh, event: follow(10), status: 'parked', failure: FAILURE, parkedMs: 200 });
    assert.equal(ledger.nextMove(), 'wait');
    for (const [action, move] of [
      ['retry', 'write'],
      ['skip', 'withdraw'],
    ] as const) {
      const asked = parked();
      asked.request(action, {}, AT);
      assert.equal(asked.nextMove(), move);
      const late = overtaken();
      late.request(action, {}, AT);
      assert.equal(late.nextMove(), 'close');
    }
    const again = overtaken();
    again.park(OTHER_FAILURE, 400);
    assert.deepEqual([again.state.overtaken, again.state.failure, again.state.parkedMs], [false, OTHER_FAILURE, 400]);
  });

  it('stays given up where that could not be taken back, until an operator has it written again or a later event comes', () => {
    const givenUp = (): EventLedger => {
      const ledger = parked();
      ledger.request('skip', {}, AT);
      ledger.beginWithdrawal();
      ledger.parkGivenUp(OTHER_FAILURE, 300);
      return ledger;
    };
    const { state, dueAction } = givenUp();
    assert.deepEqual([state.status, state.givenUp, state.decision], ['parked', true, undefined]);
    assert.equal(dueAction, 'skip');
    assert.equal(parked().dueAction, 'retry');
    const looked = givenUp();
    looked.park(FAILURE, 400, true);
    assert.equal(looked.dueAction, 'skip');
    const written = givenUp();
    written.request('retry', {}, AT);
    written.beginRound();
    assert.equal(written.state.givenUp, undefined);
    const closed = givenUp();
    closed.close('skipped', 400);
    assert.equal(closed.state.givenUp, undefined);
    const left = overtaken(givenUp());
    assert.deepEqual([left.state.status, left.state.event], ['skipped', follow(10)]);
    assert.equal(left.state.givenUp, undefined);
  });

  it('adds up how long it was tried, and how often it was retried by itself', () => {
    const ledger = ledgerOf(follow(10));
    for (const ms of [5, -3, 0, 7]) ledger.noteSpent(ms);
    assert.equal(ledger.state.spentMs, 12);
    ledger.countAutoRetry();
    ledger.countAutoRetry();
    assert.equal(ledger.state.autoRetries, 2);
    ledger.close('skipped', 0);
    assert.deepEqual([ledger.state.spentMs, ledger.state.autoRetries], [undefined, 0]);
  });

  it('is closed with its failure, unless it was applied', () => {
    for (const status of ['applied', 'superseded', 'skipped', 'compensated'] as const) {
      const ledger = parked();
      ledger.noteWritten(true);
      ledger.close(status, 300);
      const { failure, mayBeWritten } = ledger.state;
      assert.deepEqual(
        [ledger.state.status, failure, mayBeWritten, ledger.nextMove()],
        [status, status === 'applied' ? undefined : FAILURE, false, 'settle'],
      );
      const register = edgePosition(follow(10));
      assert.deepEqual(ledger.state.register, status === 'applied' ? register : { ...register, stands: null });
      assert.deepEqual(ledger.result(), { status, register: ledger.state.register });
    }
    const ofPost = parked(post);
    ofPost.close('skipped', 300);
    assert.equal('register' in ofPost.state, false);
    assert.deepEqual(ofPost.result(), { status: 'skipped' });
  });

  it('is shown with all that an operator asks for, and nothing that is not there', () => {
    assert.deepEqual(ledgerOf(post).view(), { event: post, status: 'pending', rounds: 0, audit: [] });
    const register = edgePosition(follow(5));
    const ledger = parked(follow(10), { register });
    ledger.request('skip', { by: 'eve' }, AT);
    assert.deepEqual(ledger.view(), {
      event: follow(10),
      status: 'parked',
      rounds: 0,
      audit: [{ by: 'eve', action: 'skip', accepted: true, at: AT }],
      register,
      failure: FAILURE,
    });
  });
});

describe('an operator’s request', () => {
  const closed = (): EventLedger => {
    const ledger = parked();
    ledger.close('skipped', 300);
    return ledger;
  };
  const asked = (): EventLedger => {
    const ledger = parked();
    ledger.request('retry', {}, AT);
    return ledger;
  };
  const beingGivenUp = (): EventLedger => {
    const ledger = parked();
    ledger.beginWithdrawal();
    return ledger;
  };
  const late = 'a later event overtook this one: it closes without being written';
  const replies: readonly (readonly [string, () => EventLedger, accepted: boolean, status: string, message: string])[] =
    [
      ['to retry is accepted for a parked event', parked, true, 'pending', 'the event is written again'],
      ['to skip is accepted for a parked event', parked, true, 'pending', 'the event is given up'],
      ['to retry is accepted for an overtaken one', overtaken, true, 'pending', late],
      ['to skip is accepted for an overtaken one', overtaken, true, 'pending', late],
      [
        'to retry is too early',
        () => ledgerOf(post),
        false,
        'pending',
        'nothing to retry: the event is pending, not parked',
      ],
      ['to skip is too late', closed, false, 'skipped', 'nothing to skip: the event is skipped, not parked'],
      ['to skip is too late after another', asked, false, 'parked', 'a retry is already under way'],
      ['to retry is too late while it is given up', beingGivenUp, false, 'parked', 'a skip is already under way'],
    ];
  for (const [name, make, accepted, status, message] of replies) {
    it(name, () => {
      const ledger = make();
      const action = name.startsWith('to retry') ? 'retry' : 'skip';
      const { decision } = ledger.state;
      const { event } = ledger.state;
      const reply = { accepted, status, message, ...(accepted ? { event } : {}) };
      assert.deepEqual(ledger.request(action, { reason: 'x' }, AT), reply);
      assert.deepEqual(ledger.state.audit.at(-1), { reason: 'x', action, accepted, at: AT });
      assert.equal(ledger.state.decision, accepted ? action : decision);
    });
  }

  it('is not kept from an event that is not parked by its being given up', () => {
    const ledger = ledgerOf(post);
    ledger.beginWithdrawal();
    assert.equal(ledger.state.decision, undefined);
  });
});

describe('a later event of the edge', () => {
  it('takes the place of the one that is open', () => {
    const ledger = ledgerOf(follow(10));
    ledger.noteSpent(5);
    ledger.offer(unfollow(20));
    assert.deepEqual([ledger.hasNewer, ledger.nextMove()], [true, 'write']);
    ledger.takeNewer(250);
    assert.deepEqual(ledger.state, { ...fresh, event: unfollow(20), beganMs: 250 });
    ledger.takeNewer(999);
    assert.equal(ledger.beganMs, 250);
  });

  it('is not one that is no later than what is known, by the register, the event or another that waits', () => {
    for (const [ledger, stale] of [
      [ledgerOf(follow(10), { register: edgePosition(unfollow(30)) }), follow(20)],
      [ledgerOf(follow(10), { register: edgePosition(unfollow(30)) }), unfollow(30)],
      [ledgerOf(follow(10)), follow(10)],
      [ledgerOf(follow(10)), unfollow(5)],
    ] as const) {
      ledger.offer(stale);
      assert.equal(ledger.hasNewer, false);
    }
    const identified = followEvent({ edge, at: 20, eventId: 'e1' });
    for (const register of [undefined, edgePosition(follow(5))]) {
      const ledger = ledgerOf(follow(10), register ? { register } : {});
      ledger.offer(identified);
      assert.equal(ledger.state.newer, identified);
    }
    const waiting = ledgerOf(follow(10));
    waiting.offer(unfollow(30));
    waiting.offer(follow(20));
    assert.deepEqual(waiting.state.newer, unfollow(30));
  });

  it('lets the parked one wait to be acknowledged, with its failure, and comes back to it', () => {
    const ledger = parked();
    ledger.offer(unfollow(20));
    ledger.takeNewer(250);
    assert.deepEqual(ledger.state, {
      ...fresh,
      event: unfollow(20),
      status: 'parked',
      failure: FAILURE,
      parkedMs: 200,
      beganMs: 250,
      waiting: { event: follow(10), failure: FAILURE },
    });
    ledger.beginRound();
    ledger.close('applied', 300);
    assert.deepEqual(ledger.state, {
      ...fresh,
      event: follow(10),
      status: 'parked',
      overtaken: true,
      failure: FAILURE,
      parkedMs: 300,
      rounds: 1,
      beganMs: 250,
      mayBeWritten: false,
      autoRetries: 0,
      register: edgePosition(unfollow(20)),
    });
    assert.equal(ledger.nextMove(), 'wait');
    const { failure: _none, ...state } = ledger.state;
    const carried: EventLedgerState = {
      ...state,
      status: 'pending',
      event: unfollow(30),
      waiting: { event: follow(10) },
    };
    const bare = new EventLedger({ event: carried.event, carried }, 0);
    bare.close('applied', 400);
    assert.deepEqual([bare.state.status, 'failure' in bare.state], ['parked', false]);
  });

  it('closes the parked one as it was decided on meanwhile', () => {
    for (const [action, status] of [
      ['retry', 'superseded'],
      ['skip', 'skipped'],
    ] as const) {
      const ledger = parked();
      ledger.request(action, {}, AT);
      const { state } = overtaken(ledger);
      assert.deepEqual([state.event, state.status, state.overtaken], [follow(10), status, false]);
      assert.equal(state.waiting, undefined);
    }
  });

  it('is given up together with the parked one when it is cancelled', () => {
    const ledger = parked();
    ledger.offer(unfollow(20));
    ledger.takeNewer(250);
    ledger.close('compensated', 300);
    assert.deepEqual([ledger.state.event, ledger.state.status], [unfollow(20), 'compensated']);
  });

  it('leaves one waiting that waits already, or one that was overtaken before to be forgotten', () => {
    const ledger = parked();
    ledger.offer(unfollow(20));
    ledger.takeNewer(250);
    ledger.beginRound();
    ledger.offer(follow(30));
    ledger.takeNewer(260);
    assert.deepEqual(ledger.state.waiting, { event: follow(10), failure: FAILURE });
    const before = overtaken();
    before.offer(follow(40));
    before.takeNewer(350);
    assert.equal('waiting' in before.state, false);
  });

  it('counts from when the one before began, as long as that may be written', () => {
    const ledger = ledgerOf(follow(10));
    ledger.noteWritten(true);
    ledger.offer(unfollow(20));
    ledger.takeNewer(250);
    assert.equal(ledger.beganMs, 100);
    const carried: EventLedgerState = { ...parked().state, mayBeWritten: true, newer: unfollow(20) };
    const { beganMs: _unknown, ...early } = carried;
    const { failure: _none, ...bare } = early;
    const continued = new EventLedger({ event: bare.event, carried: bare }, 0);
    continued.takeNewer(250);
    assert.equal(continued.beganMs, 0, 'since the run that took it over began');
    assert.deepEqual(continued.state.waiting, { event: follow(10) });
  });
});

describe('what other runs know', () => {
  it('joins what this one knows: the later register, the ids of both, and who is undecided', () => {
    const ledger = ledgerOf(follow(10), { register: { ...edgePosition(follow(5)), eventIds: ['own'] } });
    ledger.adopt({}, 50);
    assert.deepEqual(ledger.state.register, { ...edgePosition(follow(5)), eventIds: ['own'] });
    ledger.adopt({ register: { ...edgePosition(unfollow(7)), eventIds: ['theirs'] }, unsettled: unfollow(20) }, 50);
    assert.deepEqual(ledger.state.register, { ...edgePosition(unfollow(7)), eventIds: ['theirs', 'own'] });
    assert.deepEqual([ledger.state.newer, ledger.beganMs], [unfollow(20), 100]);
    ledger.adopt({ register: { ...edgePosition(follow(6)), eventIds: ['older'] } }, 50);
    assert.deepEqual(ledger.state.register, { ...edgePosition(unfollow(7)), eventIds: ['theirs', 'own', 'older'] });
    const blank = ledgerOf(follow(10));
    blank.adopt({}, 50);
    assert.deepEqual(blank.state, { ...fresh, event: follow(10) });
  });

  it('takes an event that was applied in another run for this one’s own, from when this one began', () => {
    const ledger = ledgerOf(like(10));
    ledger.adopt({ register: edgePosition(like(10)) }, 50);
    assert.deepEqual([ledger.isStanding, ledger.beganMs], [true, 50]);
    ledger.adopt({}, 70);
    assert.equal(ledger.beganMs, 50);
    const open = ledgerOf(like(10));
    open.adopt({ register: edgePosition(like(5)) }, 50);
    assert.deepEqual([open.isStanding, open.beganMs], [false, 100]);
  });

  it('counts late writes from their beginning, where that is known', () => {
    const ledger = ledgerOf(follow(10));
    ledger.adopt({ late: { untilMs: 500 } }, 50);
    assert.deepEqual([ledger.beganMs, ledger.state.late], [100, { untilMs: 500 }]);
  });
});

describe('the event that stands', () => {
  it('is the current one of an edge only where it is the latest and was not given up', () => {
    const current = edgePosition(like(10));
    const standing: readonly (readonly [event: SocialEvent, register: EdgeRegister | undefined, stands: boolean])[] = [
      [like(10), current, true],
      [like(10), { ...current, stands: null }, false],
      [like(10), { ...current, stands: edgePosition(like(5)) }, false],
      [like(10), edgePosition(like(11)), false],
      [like(10), { ...edgePosition(like(11)), stands: current }, false],
      [like(10), edgePosition(like(9)), false],
      [like(10), undefined, false],
      [post, undefined, false],
    ];
    for (const [event, register, stands] of standing) {
      const ledger = ledgerOf(event, register ? { register } : {});
      assert.equal(ledger.isStanding, stands, JSON.stringify(register));
    }
  });

  it('may be replaced by a reaction that adds, where another may be there', () => {
    const unlike = (at: number) => reactionEvent({ edge, at, kind: 'Unlike' });
    const register = edgePosition(like(5));
    assert.equal(ledgerOf(unlike(10), { register }).mayReplace, false);
    assert.equal(ledgerOf(like(10), { register }).mayReplace, true);
    assert.equal(ledgerOf(like(10), { register: edgePosition(like(10)) }).mayReplace, false);
    const written = ledgerOf(unlike(10));
    written.noteWritten(true);
    assert.equal(written.mayReplace, false);
  });

  it('is no later than an event that is stale', () => {
    assert.equal(ledgerOf(like(10), { register: edgePosition(like(11)) }).isCurrentStale(), true);
    assert.equal(ledgerOf(like(10), { register: edgePosition(like(10)) }).isCurrentStale(), false);
    const carried = { ...ledgerOf(post).state, register: edgePosition(like(11)) };
    assert.equal(new EventLedger({ event: post, carried }, 0).isCurrentStale(), false);
  });
});

describe('late writes', () => {
  const key = positionKey(edgePosition(follow(10)));

  it('are noted with the event that made them, until the latest time, from the earliest', () => {
    const ledger = ledgerOf(follow(10));
    ledger.dropLate(0);
    assert.equal(ledger.lateUntilMs(), undefined);
    ledger.noteUnanswered(500);
    assert.deepEqual(ledger.state.late, { untilMs: 500, sinceMs: 100, of: key });
    ledger.noteUnanswered(400);
    assert.deepEqual(ledger.state.late, { untilMs: 500, sinceMs: 100, of: key });
    ledger.noteUnanswered(600, true);
    assert.deepEqual(ledger.state.late, { untilMs: 600, sinceMs: 100 });
    assert.equal(ledger.state.mayBeWritten, true);
    const other = ledgerOf(follow(10), { late: { untilMs: 700, sinceMs: 30, of: 'another' } });
    other.noteUnanswered(500);
    assert.deepEqual(other.state.late, { untilMs: 700, sinceMs: 30 });
    const undated = ledgerOf(follow(10), { late: { untilMs: 700, of: key } });
    undated.noteUnanswered(500);
    assert.deepEqual(undated.state.late, { untilMs: 700, sinceMs: 100, of: key });
    const dated = ledgerOf(follow(10));
    dated.noteUnanswered(500, true);
    for (const late of [{ untilMs: 600, sinceMs: 300 }, { untilMs: 650 }]) {
      dated.adopt({ late }, 0);
      assert.deepEqual(dated.state.late, { untilMs: late.untilMs, sinceMs: 100 });
    }
    const both = ledgerOf(follow(10), { late: { untilMs: 700 } });
    both.adopt({ late: { untilMs: 650 } }, 0);
    assert.deepEqual(both.state.late, { untilMs: 700 });
  });

  it('of an edge are waited for unless they are those of the event that stands', () => {
    const register = edgePosition(follow(5));
    const pending = ledgerOf(follow(10), { register, late: { untilMs: 500, of: positionKey(register) } });
    assert.equal(pending.lateUntilMs(), undefined);
    const applied = ledgerOf(follow(10), { register, late: { untilMs: 500, of: 'another' } });
    applied.close('applied', 300);
    assert.equal(applied.lateUntilMs(), 500);
  });

  it('of a post are waited for unless they are its own and it was applied', () => {
    const ledger = ledgerOf(post);
    ledger.noteUnanswered(500);
    assert.deepEqual(ledger.state.late, { untilMs: 500, sinceMs: 100, of: 'this event' });
    assert.equal(ledger.lateUntilMs(), 500);
    ledger.close('applied', 300);
    assert.equal(ledger.lateUntilMs(), undefined);
    ledger.noteUnanswered(600, true);
    assert.equal(ledger.lateUntilMs(), 600);
    const givenUp = ledgerOf(post);
    givenUp.noteUnanswered(500);
    givenUp.close('compensated', 300);
    assert.equal(givenUp.lateUntilMs(), 500);
    assert.deepEqual(givenUp.result(), { status: 'compensated' });
  });

  it('are told to the next run, by the memo and by the result', () => {
    const ledger = ledgerOf(follow(10));
    ledger.noteUnanswered(500);
    const late = { untilMs: 500, sinceMs: 100, of: key };
    assert.deepEqual(ledger.edgeState(), { unsettled: follow(10), late });
    ledger.close('skipped', 300);
    const register = { ...edgePosition(follow(10)), stands: null };
    assert.deepEqual(ledger.edgeState(), { register, late });
    assert.deepEqual(ledger.result(), { status: 'skipped', register, late });
    const { beganMs: _unknown, late: _past, ...early } = { ...ledger.state, mayBeWritten: true };
    const continued = new EventLedger({ event: early.event, carried: early }, 0);
    assert.deepEqual(continued.edgeState()?.late, { untilMs: 0, sinceMs: 0 });
    assert.deepEqual(parked().edgeState(), { unsettled: follow(10) });
    assert.deepEqual(ledgerOf(follow(10)).result(), { status: 'pending' });
  });
});
