import { parseMessage } from '../../contracts/events/parse-message.ts';
import {
  isEdgeEvent,
  type ActivityEvent,
  type CommentEvent,
  type EdgeEvent,
  type FollowEvent,
  type ReactionEvent,
  type SocialEvent,
} from '../../contracts/events/social-event.ts';
import type { Random } from '../../local/random.ts';
import { activityIdOf } from './standing.ts';

export interface ScheduledEvents {
  /** Events of one edge. */
  readonly edge: readonly EdgeEvent[];
  /** Posts and comments, some of which the edge's events refer to. */
  readonly posts: readonly (ActivityEvent | CommentEvent)[];
  /** What stood before all of them, made by somebody else. */
  readonly before: 'nothing' | 'a follow of old' | "a stranger's reaction";
}

/** The feed that all follow, and what is in it before anything begins. */
export const TARGET = 'user:target';
export const TARGET_POSTS = 5;
/** Posts that are there before anything begins. */
export const SEEDED_POSTS = [1, 2].map((number) => ({
  actor: 'seeded',
  verb: 'Post',
  object: String(number),
  foreign_id: `Post:seeded-${number}`,
  time: '2026-01-01T00:00:00',
}));
const SEEDED_ACTIVITIES = SEEDED_POSTS.map(({ foreign_id, time }) => activityIdOf({ foreignId: foreign_id, time }));
export const STRANGER = 'stranger';

const BASE_MS = Date.parse('2026-01-31T12:00:00Z');
const TIMES = 8;

/** @param name tells this schedule's users and ids from all others */
export function makeEvents(random: Random, name: string): ScheduledEvents {
  const count = random.between(2, 6);
  if (random.chance(0.5)) {
    const edge = Array.from({ length: count }, (_, index) => followOf(random, name, index));
    return { edge, posts: [], before: random.chance(0.2) ? 'a follow of old' : 'nothing' };
  }
  const posts = random.chance(0.35) ? postsOf(random, name) : [];
  const references = [
    ...SEEDED_ACTIVITIES,
    ...posts.flatMap((post) => [post.foreignId, activityIdOf(post)]),
    ...posts.map((post) => post.foreignId),
  ];
  // Mostly one kind of relation, now and then whatever comes under one id.
  const activities = random.chance(0.5) ? [random.pick(references)] : references;
  const kinds: readonly string[] = random.chance(0.4)
    ? ['Like', 'Unlike']
    : ['Like', 'Unlike', 'Unlike', 'Star', 'Share'];
  const users = random.chance(0.15) ? ['alice', 'bob'] : ['alice'];
  const edge = Array.from({ length: count }, (_, index) =>
    reactionOf(random, name, index, {
      Kind: random.pick(kinds),
      ActivityID: random.pick(activities),
      UserID: random.pick(users),
    }),
  );
  return { edge, posts, before: random.chance(0.08) ? "a stranger's reaction" : 'nothing' };
}

/** An event of an earlier time once more, by its `EventID`, as if it had another time. */
export function repeatUnderOtherTime(
  random: Random,
  known: readonly SocialEvent[],
): { readonly event: EdgeEvent; readonly repeats: EdgeEvent } | undefined {
  const named = known.filter(isEdgeEvent).filter(({ eventId }) => eventId !== undefined);
  const event = named.length > 0 && random.chance(0.5) ? random.pick(named) : undefined;
  if (!event) return undefined;
  return { event: { ...event, ...timesOf(random.between(1, TIMES + 2), random.between(0, 2)) }, repeats: event };
}

function followOf(random: Random, name: string, index: number): FollowEvent {
  const message = {
    SourceFeedID: `timeline:${name}`,
    TargetFeedID: TARGET,
    ActivityCopyLimit: random.pick([0, 0, 1, 3, 10]),
    Kind: random.chance(0.55) ? 'Follow' : 'Unfollow',
  };
  return ofKind('follow', timed(random, index, 'follow', message));
}

function reactionOf(
  random: Random,
  name: string,
  index: number,
  what: { Kind: string; ActivityID: string; UserID: string },
): ReactionEvent {
  const message = {
    ...what,
    UserID: `${what.UserID}-${name}`,
    Data3: name,
    // Mostly each leaves a mark of its own; without one, events of one content cannot be told apart.
    TargetFeed: random.chance(0.7) ? [`notification:event-${index}-${name}`] : [],
  };
  return ofKind('reaction', timed(random, index, 'reaction', message));
}

/** A post, now and then with a comment to it, by its `ForeignID` or its id on GetStream. */
function postsOf(random: Random, name: string): (ActivityEvent | CommentEvent)[] {
  const actor = `author-${name}`;
  const common = { Actor: actor, ObjectID: '1', FeedType: 'User', To: random.chance(0.5) ? [`reader-${name}`] : [] };
  const post = ofKind(
    'activity',
    parseMessage(
      'activity',
      { ...common, Verb: 'Post', ForeignID: `Post:${actor}-1`, CreatedAt: '2026-01-31T11:00:00Z' },
      BASE_MS * 1000,
    ),
  );
  if (random.chance(0.5)) return [post];
  const comment = {
    ...common,
    Verb: 'Comment',
    ForeignID: `Comment:${actor}-1`,
    ParentID: random.chance(0.5) ? post.foreignId : activityIdOf(post),
    Time: '2026-01-31T11:30:00Z',
  };
  return [post, ofKind('comment', parseMessage('comment', comment, BASE_MS * 1000))];
}

/** Few times, so that some are equal; of those some are told apart by their sending. */
function timed(random: Random, index: number, kind: 'follow' | 'reaction', message: object): SocialEvent {
  const event = parseMessage(kind, message, BASE_MS * 1000);
  const eventId = random.chance(0.5) ? { eventId: `event-${index}` } : {};
  return { ...event, ...eventId, ...timesOf(random.between(1, TIMES), random.between(0, 2)) };
}

function timesOf(second: number, sentAfter: number): { readonly eventTimeMicros: number; readonly sentMicros: number } {
  const eventTimeMicros = (BASE_MS + second * 1000) * 1000;
  return { eventTimeMicros, sentMicros: eventTimeMicros + sentAfter * 1_000_000 };
}

function ofKind<Kind extends SocialEvent['kind']>(
  kind: Kind,
  event: SocialEvent,
): Extract<SocialEvent, { kind: Kind }> {
  if (event.kind !== kind) throw new Error(`expected ${kind}, got ${event.kind}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked just above
  return event as Extract<SocialEvent, { kind: Kind }>;
}
