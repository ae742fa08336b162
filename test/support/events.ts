import { randomUUID } from 'node:crypto';
import { parseMessage } from '../../contracts/events/parse-message.ts';
import type {
  ActivityEvent,
  CommentEvent,
  FollowEvent,
  ReactionEvent,
  SocialEvent,
} from '../../contracts/events/social-event.ts';

/** Events made as the bridge makes them, from wire messages, with ids of their own. */
export function postEvent(): ActivityEvent {
  const actor = `alice-${randomUUID()}`;
  return expectKind(
    'activity',
    parseMessage(
      'activity',
      {
        Actor: actor,
        Verb: 'Post',
        ObjectID: '1',
        FeedType: 'User',
        CreatedAt: '2026-01-31T12:00:00Z',
        ForeignID: `Post:${actor}-1`,
        To: ['bob'],
        HashTags: ['#Jazz'],
      },
      0,
    ),
  );
}

export function commentEvent(change: { parent?: string } = {}): CommentEvent {
  const actor = `carol-${randomUUID()}`;
  const message = {
    Actor: actor,
    Verb: 'Comment',
    ObjectID: '1',
    // Of no form that is looked up, unless told.
    ParentID: change.parent ?? 'a parent nobody looks for',
    FeedType: 'User',
    Time: '2026-01-31T12:00:00Z',
    ForeignID: `Comment:${actor}-1`,
  };
  return expectKind('comment', parseMessage('comment', message, 0));
}

interface EdgeChange {
  /** Place in time, microseconds. */
  readonly at?: number;
  readonly edge?: string;
  readonly eventId?: string;
}

export function followEvent(
  change: EdgeChange & { kind?: 'Follow' | 'Unfollow'; copyLimit?: number; target?: string } = {},
): FollowEvent {
  const { kind = 'Follow', at = 1, copyLimit = 10, edge = randomUUID(), target = 'bob', eventId } = change;
  const message = {
    SourceFeedID: `timeline:alice-${edge}`,
    TargetFeedID: `user:${target}`,
    ActivityCopyLimit: copyLimit,
    Kind: kind,
    EventID: eventId,
  };
  return expectKind('follow', parseMessage('follow', message, at));
}

export function reactionEvent(
  change: EdgeChange & { kind?: 'Like' | 'Unlike' | 'Star' | 'Share'; activity?: string; user?: string } = {},
): ReactionEvent {
  const { kind = 'Like', at = 1, edge = randomUUID(), user = 'alice', eventId } = change;
  const { activity = 'f01c0000-acf5-11e5-8080-80006a8b5bc2' } = change;
  const message = { ActivityID: activity, Kind: kind, Data3: edge, UserID: user, EventID: eventId };
  return expectKind('reaction', parseMessage('reaction', message, at));
}

function expectKind<Kind extends SocialEvent['kind']>(
  kind: Kind,
  event: SocialEvent,
): Extract<SocialEvent, { kind: Kind }> {
  if (event.kind !== kind) throw new Error(`expected ${kind}, got ${event.kind}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked just above
  return event as Extract<SocialEvent, { kind: Kind }>;
}
