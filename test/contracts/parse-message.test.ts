import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isFieldOf, parseMessage } from '../../contracts/events/parse-message.ts';
import { reactionIdOf } from '../../contracts/events/reaction-id.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { formatStreamTime } from '../../contracts/shared/timestamps.ts';
import { eventWorkflowId } from '../../contracts/events/event-workflow.ts';

const post = {
  Actor: 'alice',
  Verb: 'Post',
  ObjectID: '1',
  FeedType: 'User',
  CreatedAt: '2026-01-31T12:00:00.123456+01:00',
  ForeignID: 'Post:alice-1',
};
const comment = {
  Actor: 'bob',
  Verb: 'Comment',
  ObjectID: 'c1',
  ParentID: 'Post:alice-1',
  FeedType: 'Timeline',
  Time: '2026-01-31T12:00:00Z',
  ForeignID: 'Comment:bob-c1',
};
const reaction = {
  ActivityID: 'f01c0000-acf5-11e5-8080-80006a8b5bc2',
  Kind: 'Like',
  TargetFeed: ['notification:alice'],
  Data3: 'like-1',
  UserID: 'bob',
};
const follow = { SourceFeedID: 'timeline:bob', TargetFeedID: 'user:alice', ActivityCopyLimit: 100 };

const KINDS = [
  ['activity', post],
  ['comment', comment],
  ['reaction', reaction],
  ['follow', follow],
] as const;

describe('parsing a message', () => {
  it('turns a post into the activity it becomes', () => {
    const message = { ...post, To: ['bob', 'carol', 'bob'], HashTags: ['#Jazz', 'jazz', ' ', 'Blues\u0007'] };
    assert.deepEqual(parseMessage('activity', message, 5), {
      kind: 'activity',
      verb: 'Post',
      actor: 'alice',
      objectId: '1',
      foreignId: 'Post:alice-1',
      feed: 'user:alice',
      time: '2026-01-31T11:00:00.123456',
      to: ['notification:bob', 'notification:carol'],
      hashTags: ['jazz', 'blues'],
      eventTimeMicros: 5,
      sentMicros: 5,
    });
  });

  it('turns a comment, a reaction and a follow into their events', () => {
    const times = { eventTimeMicros: 5, sentMicros: 5 };
    assert.deepEqual(parseMessage('comment', comment, 5), {
      kind: 'comment',
      verb: 'Comment',
      parentId: 'Post:alice-1',
      actor: 'bob',
      objectId: 'c1',
      foreignId: 'Comment:bob-c1',
      feed: 'timeline:bob',
      time: '2026-01-31T12:00:00.000000',
      to: [],
      hashTags: [],
      ...times,
    });
    assert.deepEqual(parseMessage('reaction', reaction, 5), {
      kind: 'reaction',
      action: 'Like',
      edgeId: 'like-1',
      reactionId: reactionIdOf('like-1'),
      activityId: 'f01c0000-acf5-11e5-8080-80006a8b5bc2',
      userId: 'bob',
      targetFeeds: ['notification:alice'],
      ...times,
    });
    const followed = { kind: 'follow', action: 'Follow', source: 'timeline:bob', target: 'user:alice', copyLimit: 100 };
    assert.deepEqual(parseMessage('follow', follow, 5), { ...followed, ...times });
    const unfollowed = { ...followed, action: 'Unfollow', copyLimit: 0, ...times };
    for (const ActivityCopyLimit of [undefined, 100]) {
      assert.deepEqual(parseMessage('follow', { ...follow, Kind: 'Unfollow', ActivityCopyLimit }, 5), unfollowed);
    }
  });

  it('knows the fields of each kind', () => {
    for (const [kind, message] of KINDS) {
      for (const field of Object.keys(message)) assert.equal(isFieldOf(kind, field), true, field);
      for (const field of ['Color', 'constructor', 'toString']) assert.equal(isFieldOf(kind, field), false, field);
    }
  });

  describe("an event's place in time", () => {
    const place = (EventTime: string | undefined, sentMicros: number, publishedMicros?: number) => {
      const event = parseMessage('follow', { ...follow, EventTime }, sentMicros, publishedMicros);
      return [event.eventTimeMicros, event.sentMicros];
    };
    const secondAndAHalf = '1970-01-01T00:00:01.5Z';

    it('is its EventTime, else the time SNS published it, else the time of sending', () => {
      assert.deepEqual(place(secondAndAHalf, 3_000_000, 2_000_000), [1_500_000, 2_000_000]);
      assert.deepEqual(place(undefined, 3_000_000, 2_000_000), [2_000_000, 2_000_000]);
      assert.deepEqual(place(undefined, 3_000_000), [3_000_000, 3_000_000]);
    });

    it('is never later than its sending, whatever clocks say', () => {
      assert.deepEqual(place('2099-01-01T00:00:00Z', 3_000_000, 4_000_000), [3_000_000, 3_000_000]);
      assert.deepEqual(place('9999-12-31T23:59:59Z', 3_000_000), [3_000_000, 3_000_000]);
      const time = fc.option(fc.nat(9_000_000), { nil: undefined });
      fc.assert(
        fc.property(time, fc.nat(9_000_000), time, (acted, sent, published) => {
          const EventTime = acted === undefined ? undefined : formatStreamTime(acted);
          const [eventTime = -1, first = -1] = place(EventTime, sent, published);
          assert.equal(first, Math.min(sent, published ?? sent));
          assert.equal(eventTime, Math.min(acted ?? first, first));
        }),
      );
    });
  });

  it('drops unknown fields and keeps the event id', () => {
    const event = parseMessage('follow', { ...follow, EventID: 'e1', Color: 'red' }, 5);
    assert.equal(event.eventId, 'e1');
    assert.equal('Color' in event, false);
  });

  it('makes one edge of a Data3 in capitals and in small letters when it is a UUID, and two when it is not', () => {
    const idOf = (Data3: string): string => eventWorkflowId(parseMessage('reaction', { ...reaction, Data3 }, 5));
    assert.equal(idOf('F01C0000-ACF5-11E5-8080-80006A8B5BC2'), idOf('f01c0000-acf5-11e5-8080-80006a8b5bc2'));
    assert.notEqual(idOf('LIKE'), idOf('like'));
    assert.equal(idOf('LIKE'), 'reaction/LIKE');
  });

  const refusals: [name: string, kind: SocialEvent['kind'], message: unknown, fault: RegExp][] = [
    ['a foreign id that does not match', 'activity', { ...post, ForeignID: 'Post:alice-2' }, /ForeignID: must equal/],
    ['an unknown verb', 'activity', { ...post, Verb: 'Poke' }, /Verb/],
    ['a comment among the activities', 'activity', { ...comment, CreatedAt: comment.Time }, /Verb/],
    ['an actor GetStream would refuse', 'activity', { ...post, Actor: 'a:b', ForeignID: 'Post:a:b-1' }, /Actor/],
    ['a control character in an id', 'reaction', { ...reaction, Data3: 'a\u0000b' }, /Data3: must not hold control/],
    ['a lone surrogate', 'reaction', { ...reaction, Data3: '\ud800' }, /Data3: must not hold a lone surrogate/],
    ['an id that is too long', 'reaction', { ...reaction, Data3: 'é'.repeat(128) }, /Data3: must be at most 255 bytes/],
    ['a date that does not exist', 'activity', { ...post, CreatedAt: '2026-02-30T12:00:00Z' }, /CreatedAt/],
    ['a follow without a copy limit', 'follow', { ...follow, ActivityCopyLimit: undefined }, /ActivityCopyLimit/],
    ['an activity over 10 KB', 'activity', { ...post, HashTags: tagsOf(30, '語'.repeat(63)), To: users(80) }, /10 KB/],
    ['no object at all', 'activity', 'hello', /message/],
  ];
  for (const [name, kind, message, fault] of refusals) {
    it(`refuses ${name}`, () => {
      assert.throws(() => parseMessage(kind, message, 5), { name: 'InvalidMessageError', message: fault });
    });
  }

  it('takes an activity of 9,728 bytes, and none of one more', () => {
    const sized = (length: number) => ({ ...post, To: [...users(91), 'x'.repeat(length)] });
    const bytesOf = (length: number): number =>
      Buffer.byteLength(JSON.stringify(parseMessage('activity', sized(length), 5)));
    const room = 10 * 1024 - 512 - bytesOf(1);
    assert.ok(room > 0 && room < 127, String(room));
    assert.equal(bytesOf(1 + room), 9_728);
    assert.throws(() => bytesOf(2 + room), { name: 'InvalidMessageError', message: /takes 9729 bytes/ });
  });

  it('refuses 100,000 wrong items without looking at each', () => {
    const HashTags = Array.from({ length: 100_000 }, () => 7);
    assert.throws(
      () => parseMessage('activity', { ...post, HashTags }, 5),
      (error: Error) => error.message.length < 200 && /HashTags/.test(error.message),
    );
  });

  it('gives different posts different ids, whatever their parts hold', () => {
    const actor = fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/);
    const object = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(actor, object, (Actor, ObjectID) => {
        const message = { ...post, Actor, ObjectID, ForeignID: `Post:${Actor}-${ObjectID}` };
        let event: SocialEvent;
        try {
          event = parseMessage('activity', message, 5);
        } catch {
          return;
        }
        assert.ok(eventWorkflowId(event).length <= 1000);
        assert.equal(event.kind === 'activity' && event.foreignId, message.ForeignID.normalize('NFC'));
      }),
    );
  });

  it('answers any JSON with an event or an InvalidMessageError', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('activity', 'comment', 'reaction', 'follow'),
        fc.jsonValue(),
        fc.constantFrom(post, comment, reaction, follow),
        fc.string(),
        (kind, value, base, key) => {
          const field = Object.keys(base)[key.length % Object.keys(base).length] ?? key;
          for (const message of [value, { ...base, [field]: value }]) {
            try {
              eventWorkflowId(parseMessage(kind, message, 5));
            } catch (error) {
              assert.equal(error instanceof Error && error.name, 'InvalidMessageError');
            }
          }
        },
      ),
    );
  });
});

function tagsOf(count: number, tag: string): string[] {
  return Array.from({ length: count }, (_, index) => tag.slice(1) + String.fromCodePoint(0x4e00 + index));
}

function users(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `user-${index}-${'x'.repeat(80)}`);
}
