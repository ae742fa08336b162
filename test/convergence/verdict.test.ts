import assert from 'node:assert/strict';
import { advanceRegister, edgePosition, type EdgeRegister } from '../../contracts/events/edge-order.ts';
import type { EdgeEvent } from '../../contracts/events/social-event.ts';
import { followEvent, reactionEvent } from '../support/events.ts';
import type { EdgeStanding } from './standing.ts';
import { faultsOf, type Change, type EdgeFacts, type GivingUp, type Taken } from './verdict.ts';

const EDGE = 'e';
const follow = (at: number, copyLimit = 0) => followEvent({ edge: EDGE, at, copyLimit });
const unfollow = (at: number) => followEvent({ edge: EDGE, at, kind: 'Unfollow' });
const like = (at: number) => reactionEvent({ edge: EDGE, at });
const unlike = (at: number) => reactionEvent({ edge: EDGE, at, kind: 'Unlike' });

const relation = (createdAt = 't1', copies = 0): EdgeStanding => ({ is: 'follow', createdAt, copies });
const reaction = (userId = 'alice', createdAt = 't1'): EdgeStanding => {
  const { activityId } = like(1);
  return { is: 'reaction', kind: 'Like', activityId, userId, targetFeeds: [], createdAt };
};

/** The register of an edge that decided so. */
function registerOf(...decisions: readonly ['applied' | 'givenUp', EdgeEvent][]): { register?: EdgeRegister } {
  const register = decisions.reduce<EdgeRegister | undefined>(
    (known, [outcome, event]) => advanceRegister(known, edgePosition(event), outcome),
    undefined,
  );
  return register ? { register } : {};
}

function taken(...events: readonly EdgeEvent[]): Taken[] {
  return events.map((event) => ({ event, atMs: 0, epoch: 0 }));
}

function skip(event?: EdgeEvent): GivingUp {
  return { by: 'skip', beforeMs: 100, ...(event ? { event } : {}) };
}

function change(from: EdgeStanding | undefined, to: EdgeStanding | undefined, what: Partial<Change> = {}): Change {
  const base = { beganMs: 10, committedMs: 11, activity: 'unfollow', input: {} };
  return { ...base, found: from, before: from, after: to, ...what };
}

function judge(facts: Partial<EdgeFacts>): string {
  return faultsOf({
    taken: [],
    givingUps: [],
    belief: {},
    isCutShort: false,
    before: undefined,
    end: undefined,
    changes: [],
    answered: [],
    activityIds: new Map(),
    ...facts,
  }).join('; ');
}

describe('the verdict on an edge', () => {
  it('is content when the latest event decided and stands', () => {
    const [first, second] = [follow(1), unfollow(2)];
    const belief = registerOf(['applied', second]);
    assert.equal(judge({ taken: taken(first, second), belief }), '');
    assert.equal(judge({ taken: taken(second, first), belief, end: undefined }), '');
    assert.equal(judge({ taken: taken(first), belief: registerOf(['applied', first]), end: relation() }), '');
  });

  it('finds an event that was taken and is nowhere', () => {
    const [first, second] = [follow(1), unfollow(2)];
    const facts = { taken: taken(first, second), belief: registerOf(['applied', first]), end: relation() };
    assert.match(judge(facts), /is nowhere: Unfollow/);
  });

  it('finds an event that was left undecided, unless its run was cut short', () => {
    const [first, second] = [follow(1), unfollow(2)];
    const belief = { ...registerOf(['applied', first]), unsettled: second };
    const facts = { taken: taken(first, second), belief, end: relation() };
    assert.match(judge(facts), /left undecided: Unfollow/);
    assert.equal(judge({ ...facts, isCutShort: true }), '');
  });

  it('takes the state before, and the state after, for right where a run that was cut short left an event undecided', () => {
    const [first, second] = [follow(1), follow(2, 3)];
    const facts = { taken: taken(first, second), isCutShort: true, belief: { unsettled: second } };
    assert.equal(judge({ ...facts, end: undefined }), '');
    assert.equal(judge({ ...facts, end: relation() }), '');
    const removal = { taken: taken(unlike(1)), isCutShort: true, belief: { unsettled: unlike(1) } };
    assert.match(judge({ ...removal, end: reaction() }), /neither before nor after/);
  });

  it('finds a decision by an event that was never taken, such as a repetition under another time', () => {
    const [first, repeated] = [follow(1), follow(9)];
    const facts = { taken: taken(first), belief: registerOf(['applied', first], ['applied', repeated]) };
    assert.match(judge({ ...facts, end: relation() }), /decided by no event that was taken/);
  });

  it('finds a state that is not what the edge takes it for', () => {
    const [first, second] = [like(1), unlike(2)];
    const facts = { taken: taken(first, second), belief: registerOf(['applied', second]) };
    assert.match(judge({ ...facts, end: reaction() }), /instead of Unlike/);
    assert.match(
      judge({ taken: taken(first), belief: registerOf(['applied', first]) }),
      /ends with nothing instead of/,
    );
  });

  it('lets an event be given up by somebody only, and each by an operation of its own', () => {
    const [first, second, third] = [follow(1), unfollow(2), follow(3)];
    const belief = registerOf(['applied', first], ['givenUp', second]);
    const facts = { taken: taken(first, second), belief, end: relation() };
    assert.match(judge(facts), /nobody gave it up: Unfollow/);
    assert.equal(judge({ ...facts, givingUps: [skip()] }), '');
    assert.match(judge({ ...facts, givingUps: [skip(third)] }), /nobody gave it up/);
    const early = { by: 'skip', beforeMs: -1 } as const;
    assert.match(judge({ ...facts, givingUps: [early] }), /nobody gave it up/);
    const apart = [first, second, third].map((event, epoch) => ({ event, atMs: 0, epoch }));
    const both = { taken: apart, belief: registerOf(['applied', first], ['givenUp', second], ['givenUp', third]) };
    assert.match(judge({ ...both, end: relation(), givingUps: [skip()] }), /nobody gave it up: Follow.*Unfollow/);
    assert.equal(judge({ ...both, end: relation(), givingUps: [skip(), skip()] }), '');
    assert.equal(judge({ ...both, end: relation(), givingUps: [{ by: 'limit', beforeMs: Infinity }] }), '');
  });

  it('takes an event for superseded that was open when a later one came, also when that one was given up', () => {
    const [first, second, third] = [follow(1), unfollow(2), follow(3)];
    const belief = registerOf(['applied', first], ['givenUp', third]);
    const facts = { taken: taken(first, second, third), belief, end: relation(), givingUps: [skip(third)] };
    assert.equal(judge(facts), '');
    const settledBefore = [...taken(first, second), { event: third, atMs: 0, epoch: 1 }];
    assert.match(judge({ ...facts, taken: settledBefore }), /nobody gave it up: .*Unfollow/);
  });

  it('finds an event that stands though it was given up', () => {
    const first = follow(1);
    const facts = { taken: taken(first), belief: registerOf(['applied', first]), end: relation() };
    assert.match(judge({ ...facts, givingUps: [skip(first)] }), /stands, though it was given up/);
  });

  it('finds what is left of an event that was given up', () => {
    const first = follow(1);
    const facts = { taken: taken(first), belief: registerOf(['givenUp', first]), givingUps: [skip()] };
    assert.equal(judge(facts), '');
    assert.match(judge({ ...facts, end: relation() }), /while no event stands/);
  });

  it("finds that another user's reaction was touched", () => {
    const first = unlike(1);
    const belief = registerOf(['applied', first]);
    const theirs = reaction('stranger');
    const facts = { taken: taken(first), belief, before: theirs };
    assert.equal(judge({ ...facts, end: theirs }), '');
    assert.match(judge({ ...facts, end: undefined }), /of somebody else, and gone/);
    const removal = change(theirs, undefined, { activity: 'removeReaction', input: { userId: 'alice' } });
    assert.match(judge({ ...facts, end: theirs, changes: [removal] }), /removeReaction of alice took away/);
    const late = { ...removal, found: reaction('alice') };
    assert.equal(judge({ ...facts, end: theirs, changes: [late] }), '');
  });

  it('lets an unfollow remove a follow that was there before, and nothing else', () => {
    const old = relation('long ago');
    const [first, second] = [follow(1), unfollow(2)];
    const kept = { taken: taken(first), belief: registerOf(['givenUp', first]), givingUps: [skip()], before: old };
    assert.equal(judge({ ...kept, end: old }), '');
    const undone = change(old, undefined, { activity: 'undoFollow' });
    assert.match(judge({ ...kept, changes: [undone] }), /removed by undoFollow/);
    const removed = { taken: taken(second), belief: registerOf(['applied', second]), before: old };
    assert.equal(judge({ ...removed, changes: [change(old, undefined)] }), '');
  });

  it('finds that the final event was left again once it had been applied', () => {
    const [first, second] = [follow(1, 1), unfollow(2)];
    const facts = {
      taken: taken(first, second),
      belief: registerOf(['applied', second]),
      answered: [{ beganMs: 5, endedMs: 6, activity: 'unfollow', input: {} }],
    };
    const back = change(undefined, relation(), { activity: 'follow', input: { copyLimit: 1 } });
    assert.match(judge({ ...facts, changes: [back, change(relation(), undefined)] }), /after Unfollow.* was applied/);
    const late = { ...back, beganMs: 3 };
    assert.equal(judge({ ...facts, changes: [late, change(relation(), undefined)] }), '');
  });

  it('finds a copy that the standing event left incomplete, and no other', () => {
    const first = follow(1, 3);
    const facts = { taken: taken(first), belief: registerOf(['applied', first]), end: relation('t1', 1) };
    const made = change(undefined, relation('t1', 1), { activity: 'follow', input: { copyLimit: 3 } });
    assert.match(judge({ ...facts, changes: [made] }), /1 copies instead of 3/);
    const byOther = { ...made, input: { copyLimit: 2 } };
    assert.equal(judge({ ...facts, changes: [byOther] }), '');
  });
});
