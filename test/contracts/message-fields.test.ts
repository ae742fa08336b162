import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  activityMessageSchema,
  commentMessageSchema,
  followMessageSchema,
  reactionMessageSchema,
} from '../../contracts/events/messages.ts';
import type { EventKind } from '../../contracts/shared/names.ts';
import { parseMessage } from '../../contracts/events/parse-message.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { comment, follow, post, reaction } from './sample-messages.ts';

const SENT_MICROS = Date.UTC(2026, 1, 1) * 1000;
type Message = Readonly<Record<string, unknown>>;

interface Case {
  readonly name: string;
  readonly kind: EventKind;
  readonly message: Message;
  readonly fields: readonly string[];
  readonly optional: readonly string[];
}

const LISTS = ['To', 'HashTags', 'TargetFeed'];

/** Every schema with a message that holds all its fields, and those of them that may be left out. */
const CASES: readonly Case[] = [
  of('a post', 'activity', post, activityMessageSchema.shape, LISTS),
  of('a comment', 'comment', comment, commentMessageSchema.shape, LISTS),
  of('a reaction', 'reaction', reaction, reactionMessageSchema.shape, LISTS),
  of('a follow', 'follow', { ...follow, Kind: 'Follow', ActivityCopyLimit: 1 }, followMessageSchema.shape, ['Kind']),
  of('an unfollow', 'follow', { ...follow, Kind: 'Unfollow', ActivityCopyLimit: 1 }, followMessageSchema.shape, [
    'ActivityCopyLimit',
  ]),
];

function of(name: string, kind: EventKind, message: Message, shape: object, optional: readonly string[]): Case {
  const fields = Object.keys(shape);
  const leftOut = [...optional, 'EventID', 'EventTime'].filter((field) => fields.includes(field));
  return { name, kind, message, fields, optional: leftOut };
}

function without(message: Message, fields: readonly string[]): Message {
  return Object.fromEntries(Object.entries(message).filter(([field]) => !fields.includes(field)));
}

function refusal(kind: EventKind, message: Message): string {
  try {
    parseMessage(kind, message, SENT_MICROS);
  } catch (error) {
    if (error instanceof Error && error.name === 'InvalidMessageError') return error.message;
    throw error;
  }
  return 'taken';
}

describe('the fields of messages', () => {
  for (const { name, kind, message, fields, optional } of CASES) {
    describe(`of ${name}`, () => {
      const parse = (fieldsOf: Message): SocialEvent => parseMessage(kind, fieldsOf, SENT_MICROS);

      it('that may be left out may all be null or absent, in any mixture, with one meaning', () => {
        const state = fc.constantFrom('there', 'absent', 'null');
        fc.assert(
          fc.property(fc.tuple(...optional.map(() => state)), (states) => {
            const chosen = optional.filter((_, index) => states[index] !== 'there');
            const nulls = optional.filter((_, index) => states[index] === 'null');
            const bare = without(message, chosen);
            assert.deepEqual(
              parse({ ...bare, ...Object.fromEntries(nulls.map((field) => [field, null])) }),
              parse(bare),
            );
          }),
        );
      });

      for (const field of fields.filter((candidate) => !optional.includes(candidate) && candidate !== 'Kind')) {
        it(`refuse ${field} when it is null or missing`, () => {
          const missing = refusal(kind, without(message, [field]));
          assert.match(missing, new RegExp(`^${field}: must be .*(and is missing|given)`), missing);
          const sentence = refusal(kind, { ...message, [field]: null });
          assert.match(sentence, new RegExp(`^${field}: must be .*(not null|given)`), sentence);
        });
      }

      for (const field of fields) {
        it(`refuse other types in ${field}, and say which`, () => {
          for (const [value, type] of [
            [true, /not true/],
            [{ a: 1 }, /not an object/],
          ] as const) {
            const sentence = refusal(kind, { ...message, [field]: value });
            assert.ok(sentence.startsWith(`${field}: must be `), sentence);
            assert.match(sentence, type);
          }
        });
      }

      it('are told apart by capitals, and a missing one that is there in small letters is named', () => {
        const required = fields.find((field) => !optional.includes(field)) ?? '';
        const small = { ...without(message, [required]), [required.toLowerCase()]: message[required] };
        assert.ok(refusal(kind, small).includes(`there is "${required.toLowerCase()}"`));
      });
    });
  }

  it('take an empty text for no EventID and no EventTime', () => {
    const bare = without(post, ['EventID', 'EventTime']);
    const event = parseMessage('activity', { ...bare, EventID: '', EventTime: '' }, SENT_MICROS);
    assert.deepEqual(event, parseMessage('activity', bare, SENT_MICROS));
  });

  const sentences: readonly (readonly [name: string, kind: EventKind, message: Message, sentence: RegExp])[] = [
    [
      'an id that is a number',
      'activity',
      { ...post, ObjectID: 17 },
      /^ObjectID: must be text, not the number 17: write it in quotes/,
    ],
    [
      'a verb in small letters',
      'activity',
      { ...post, Verb: 'post' },
      /^Verb: must be "Post", "RePost", "Question" or "Achievement", not "post"/,
    ],
    ['white space around a verb', 'activity', { ...post, Verb: ' Post' }, /^Verb: must be "Post", .*, not " Post"/],
    [
      'a kind in small letters',
      'reaction',
      { ...reaction, Kind: 'like' },
      /^Kind: must be "Like", "Unlike", "Star" or "Share", not "like"/,
    ],
    ['an empty kind of follow', 'follow', { ...follow, Kind: '' }, /^Kind: must be "Follow" or "Unfollow", not ""/],
    [
      'a feed type in capitals',
      'activity',
      { ...post, FeedType: 'USER' },
      /^FeedType: must be "User", "Timeline" or "Notification", not "USER"/,
    ],
    ['a very long verb', 'activity', { ...post, Verb: '🎉'.repeat(9_999) }, /^Verb: must be .*, not "(🎉){40}"…$/u],
    [
      'an epoch number',
      'activity',
      { ...post, CreatedAt: 1_795_600_000 },
      /^CreatedAt: must be an RFC 3339 time such as ".*Z", not a number of seconds or milliseconds/,
    ],
    [
      'an epoch number as text',
      'comment',
      { ...comment, Time: '1795600000000' },
      /^Time: .*not a number of seconds or milliseconds/,
    ],
    ['a time in parts', 'activity', { ...post, EventTime: [2026, 1, 31] }, /^EventTime: must be text, not a list/],
    [
      'a time that was never set',
      'activity',
      { ...post, CreatedAt: '0001-01-01T00:00:00Z' },
      /^CreatedAt: must not lie before 1970; .*never set/,
    ],
    [
      'an EventTime that was never set',
      'activity',
      { ...post, EventTime: '0001-01-01T00:00:00' },
      /^EventTime: must not lie before 1970; .*never set/,
    ],
    [
      'a year past what GetStream takes',
      'activity',
      { ...post, CreatedAt: '9998-12-31T23:59:59Z' },
      /^CreatedAt: must not lie after June 2255/,
    ],
    ['no EventTime but garbage', 'follow', { ...follow, EventTime: 'soon' }, /EventTime: must be an RFC 3339 time/],
    [
      'a dotted user id',
      'activity',
      { ...post, Actor: 'a.b' },
      /^Actor: must hold only the letters .*GetStream user ids/,
    ],
    ['a mail address as user id', 'reaction', { ...reaction, UserID: 'a@b.c' }, /^UserID: must hold only the letters/],
    [
      'letters outside ASCII in a user id',
      'reaction',
      { ...reaction, UserID: 'jürgen' },
      /^UserID: must hold only the letters/,
    ],
    ['a recipient that is empty', 'activity', { ...post, To: [''] }, /^To\.0: must hold only/],
    ['a recipient that is null', 'activity', { ...post, To: [null] }, /^To\.0: must be text, not null/],
    ['one recipient without a list', 'activity', { ...post, To: 'bob' }, /^To: must be a list, not "bob"/],
    [
      '101 recipients',
      'activity',
      { ...post, To: Array.from({ length: 101 }, (_, i) => `u${i}`) },
      /^To: must be at most 100 items/,
    ],
    [
      '21 target feeds',
      'reaction',
      { ...reaction, TargetFeed: Array.from({ length: 21 }, (_, i) => `user:u${i}`) },
      /^TargetFeed: must be at most 20 items/,
    ],
    [
      'a copy limit as text',
      'follow',
      { ...follow, ActivityCopyLimit: '100' },
      /^ActivityCopyLimit: must be a number, not "100"/,
    ],
    [
      'a broken copy limit',
      'follow',
      { ...follow, ActivityCopyLimit: 1.5 },
      /^ActivityCopyLimit: must be a whole number, not the number 1.5/,
    ],
    [
      'a copy limit over 1000',
      'follow',
      { ...follow, ActivityCopyLimit: 1001 },
      /^ActivityCopyLimit: must be at most 1000/,
    ],
    ['a copy limit under 0', 'follow', { ...follow, ActivityCopyLimit: -1 }, /^ActivityCopyLimit: must be at least 0/],
    [
      'a feed that follows itself',
      'follow',
      { ...follow, TargetFeedID: 'timeline:bob', ActivityCopyLimit: 1 },
      /^TargetFeedID: must differ/,
    ],
    [
      'a dotted feed',
      'follow',
      { ...follow, TargetFeedID: 'user:a.b', ActivityCopyLimit: 1 },
      /^TargetFeedID: must be a feed id such as/,
    ],
    [
      '31 tags',
      'activity',
      { ...post, HashTags: Array.from({ length: 31 }, (_, i) => `t${i}`) },
      /^HashTags: must be at most 30 tags/,
    ],
    [
      'a tag of 65 characters',
      'activity',
      { ...post, HashTags: ['x'.repeat(65)] },
      /^HashTags: each must be at most 64/,
    ],
  ];
  for (const [name, kind, message, sentence] of sentences) {
    it(`refuse ${name}`, () => assert.match(refusal(kind, message), sentence));
  }

  const taken: readonly (readonly [name: string, kind: EventKind, message: Message])[] = [
    ['a mention of oneself', 'activity', { ...post, To: ['alice'] }],
    ['100 recipients', 'activity', { ...post, To: Array.from({ length: 100 }, (_, i) => `u${i}`) }],
    ['20 target feeds', 'reaction', { ...reaction, TargetFeed: Array.from({ length: 20 }, (_, i) => `user:u${i}`) }],
    ['a copy limit of 0', 'follow', { ...follow, ActivityCopyLimit: 0 }],
    // Capitals tell feeds apart on GetStream, so these are two.
    [
      'a follow of a feed in other capitals',
      'follow',
      { ...follow, TargetFeedID: 'timeline:Bob', ActivityCopyLimit: 1 },
    ],
    ['64 emoji in a tag', 'activity', { ...post, HashTags: ['🎉'.repeat(64)] }],
    ['an emoji in an id', 'activity', { ...post, ObjectID: '🎉', ForeignID: 'Post:alice-🎉' }],
  ];
  for (const [name, kind, message] of taken) {
    it(`take ${name}`, () => assert.equal(refusal(kind, message), 'taken'));
  }

  it('take a copy limit that is written with a fraction of zero or an exponent', () => {
    for (const limit of ['100.0', '1e2', '100']) {
      const message: unknown = JSON.parse(
        `{"SourceFeedID":"timeline:a","TargetFeedID":"user:b","ActivityCopyLimit":${limit}}`,
      );
      const event = parseMessage('follow', message, SENT_MICROS);
      assert.equal(event.kind === 'follow' && event.copyLimit, 100);
    }
  });
});
