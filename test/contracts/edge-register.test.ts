import assert from 'node:assert/strict';
import {
  advanceRegister,
  compareEdgePositions,
  edgePosition,
  eventAt,
  isLater,
  latestOf,
  NOTHING_APPLIED,
  positionKey,
  rememberEventId,
  standingOf,
  type EdgePosition,
  type EdgeRegister,
} from '../../contracts/events/edge-order.ts';
import type { EdgeEvent, FollowEvent, ReactionEvent } from '../../contracts/events/social-event.ts';

const FOLLOW: FollowEvent = {
  kind: 'follow',
  action: 'Follow',
  source: 'timeline:alice',
  target: 'user:bob',
  copyLimit: 7,
  eventTimeMicros: 5,
  sentMicros: 9,
};
const LIKE: ReactionEvent = {
  kind: 'reaction',
  action: 'Like',
  edgeId: 'E-1',
  reactionId: 'e-1',
  activityId: 'a-1',
  userId: 'alice',
  targetFeeds: ['notification:bob', 'notification:eve'],
  eventTimeMicros: 5,
  eventId: 'id-1',
};

const position = (change: Partial<EdgePosition> = {}): EdgePosition => ({
  eventTimeMicros: 5,
  present: true,
  tieBreak: '[]',
  ...change,
});

describe('the position of an edge event', () => {
  it('holds all that its event writes, so that it can be written again', () => {
    const events: readonly EdgeEvent[] = [
      FOLLOW,
      { ...FOLLOW, action: 'Unfollow', copyLimit: 0 },
      ...(['Like', 'Unlike', 'Star', 'Share'] as const).map((action) => ({ ...LIKE, action })),
      { ...LIKE, targetFeeds: [], sentMicros: 6 },
    ];
    for (const event of events) {
      const { eventId: _id, ...written } = event;
      assert.deepEqual(eventAt(edgePosition(event), event), written);
    }
  });

  it('says whether the relation exists after the event', () => {
    const presence = (['Like', 'Unlike', 'Star', 'Share'] as const).map(
      (action) => edgePosition({ ...LIKE, action }).present,
    );
    assert.deepEqual(presence, [true, false, true, true]);
    assert.equal(edgePosition(FOLLOW).present, true);
    assert.equal(edgePosition({ ...FOLLOW, action: 'Unfollow' }).present, false);
  });

  it('tells events of one time apart by what they write and by their ids', () => {
    const others: readonly EdgeEvent[] = [
      { ...LIKE, action: 'Star' },
      { ...LIKE, activityId: 'a-2' },
      { ...LIKE, userId: 'eve' },
      { ...LIKE, targetFeeds: ['notification:bob'] },
      { ...LIKE, eventId: 'id-2' },
    ];
    const keys = [LIKE, ...others].map((event) => positionKey(edgePosition(event)));
    assert.equal(new Set(keys).size, keys.length);
    const { eventId: _id, ...bare } = LIKE;
    assert.equal(edgePosition(bare).tieBreak, edgePosition({ ...LIKE, eventId: '' }).tieBreak);
    assert.notEqual(edgePosition({ ...FOLLOW, copyLimit: 8 }).tieBreak, edgePosition(FOLLOW).tieBreak);
  });

  it('has a key with its time, its sending and its content; the time stands in for a sending that is not known', () => {
    assert.equal(positionKey(position({ sentMicros: 9 })), '5/9/[]');
    assert.equal(positionKey(position()), '5/5/[]');
    assert.equal(edgePosition(FOLLOW).sentMicros, 9);
    assert.equal('sentMicros' in edgePosition(LIKE), false);
  });

  it('gives no event where it holds something else than events of the edge write', () => {
    const unreadable: readonly (readonly [tieBreak: string, edge: EdgeEvent])[] = [
      ['no JSON', FOLLOW],
      ['{"0":"Follow","1":7}', FOLLOW],
      ['null', FOLLOW],
      ['["Like",7]', FOLLOW],
      ['["",7]', FOLLOW],
      ['["Follow","7"]', FOLLOW],
      ['["Follow",""]', FOLLOW],
      ['["Unfollow"]', FOLLOW],
      ['["Follow","a-1","alice",""]', LIKE],
      ['["","a-1","alice",""]', LIKE],
      ['["Like",1,"alice",""]', LIKE],
      ['["Like","a-1",null,""]', LIKE],
      ['[]', LIKE],
    ];
    for (const [tieBreak, edge] of unreadable) assert.equal(eventAt(position({ tieBreak }), edge), undefined, tieBreak);
  });
});

describe('the order of positions', () => {
  it('goes by the time, then the sending, then removals last, then the content', () => {
    const ascending = [
      position({ eventTimeMicros: 4, sentMicros: 90, present: false, tieBreak: '[9]' }),
      position({ tieBreak: '[9]' }),
      position({ sentMicros: 6, tieBreak: '[8]' }),
      position({ sentMicros: 7, tieBreak: '[1]' }),
      position({ sentMicros: 7, tieBreak: '[2]' }),
      position({ sentMicros: 7, present: false, tieBreak: '[0]' }),
      position({ eventTimeMicros: 6, sentMicros: 6 }),
    ];
    ascending.forEach((left, one) => {
      ascending.forEach((right, other) => {
        assert.equal(Math.sign(compareEdgePositions(left, right)), Math.sign(one - other), `${one} and ${other}`);
        assert.equal(isLater(left, right), one > other);
        assert.equal(latestOf(left, right), one >= other ? left : right);
      });
    });
  });

  it('takes the one that is there of two, and any position for later than none', () => {
    const one = position();
    assert.equal(latestOf(one, undefined), one);
    assert.equal(latestOf(undefined, one), one);
    assert.equal(latestOf(undefined, undefined), undefined);
    assert.equal(isLater(one, undefined), true);
  });

  it('keeps the first of two positions that are the same, with what it knows besides', () => {
    const first: EdgeRegister = { ...position(), eventIds: ['id-1'] };
    assert.equal(latestOf<EdgePosition>(first, position()), first);
  });

  it('puts every event after an edge of which nothing is known, though one of 1970 it is', () => {
    assert.deepEqual(NOTHING_APPLIED, { eventTimeMicros: -1, present: false, tieBreak: '', stands: null });
    assert.equal(isLater(position({ eventTimeMicros: 0 }), NOTHING_APPLIED), true);
  });
});

describe('the register of an edge', () => {
  const before: EdgeRegister = { ...position(), eventIds: ['id-1'] };
  const later = position({ eventTimeMicros: 6 });
  const last = position({ eventTimeMicros: 7 });

  it('stands at the latest event that was applied, and keeps the ids that were seen', () => {
    const register = advanceRegister(before, later, 'applied');
    assert.deepEqual(register, { ...later, eventIds: ['id-1'] });
    assert.deepEqual(standingOf(register), register);
    assert.deepEqual(advanceRegister(undefined, later, 'applied'), later);
    assert.deepEqual(advanceRegister({ ...before, eventIds: [] }, later, 'applied'), later);
  });

  it('keeps what stands when later events are given up, one after the other', () => {
    const once = advanceRegister(before, later, 'givenUp');
    assert.deepEqual(once, { ...later, stands: before, eventIds: ['id-1'] });
    assert.equal(standingOf(once), before);
    const twice = advanceRegister(once, last, 'givenUp');
    assert.equal(standingOf(twice), before);
    assert.deepEqual(advanceRegister(twice, position({ eventTimeMicros: 8 }), 'applied'), {
      ...position({ eventTimeMicros: 8 }),
      eventIds: ['id-1'],
    });
  });

  it('knows of nothing that stands where the first event was given up', () => {
    const register = advanceRegister(undefined, later, 'givenUp');
    assert.deepEqual(register, { ...later, stands: null });
    assert.equal(standingOf(register), undefined);
    assert.equal(standingOf(undefined), undefined);
    assert.equal(standingOf(NOTHING_APPLIED), undefined);
  });

  it('is left as it is by an event that is not later', () => {
    const earlier = position({ eventTimeMicros: 4 });
    for (const outcome of ['applied', 'givenUp'] as const)
      assert.equal(advanceRegister(before, earlier, outcome), before);
  });

  it('knows of nothing that stands where an event was given up after it was applied', () => {
    assert.deepEqual(advanceRegister(before, position(), 'givenUp'), { ...before, stands: null });
  });

  it('stands at an event that was given up once and written after all', () => {
    const givenUp = advanceRegister(before, later, 'givenUp');
    assert.deepEqual(advanceRegister(givenUp, later, 'applied'), { ...later, eventIds: ['id-1'] });
    assert.deepEqual(advanceRegister(before, position(), 'applied'), before);
    assert.deepEqual(advanceRegister(givenUp, later, 'givenUp'), givenUp);
    assert.equal(advanceRegister(givenUp, position(), 'applied'), givenUp);
  });

  it('remembers 64 ids of events, each once, the oldest forgotten first', () => {
    assert.deepEqual(rememberEventId(['a', 'b'], 'c'), ['a', 'b', 'c']);
    const known = ['a', 'b'];
    assert.equal(rememberEventId(known, 'a'), known);
    assert.equal(rememberEventId(known, undefined), known);
    const ids = Array.from({ length: 66 }, (_, index) => `id-${index}`);
    const remembered = ids.reduce<readonly string[]>((all, id) => rememberEventId(all, id), []);
    assert.deepEqual(remembered, ids.slice(2));
  });
});
