import { randomUUID } from 'node:crypto';
import { parseMessage } from '../../contracts/parse-message.ts';
import type { ActivityEvent, FollowEvent, ReactionEvent, SocialEvent } from '../../contracts/social-event.ts';

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

export function followEvent(
  change: { kind?: 'Follow' | 'Unfollow'; at?: number; copyLimit?: number; edge?: string } = {},
): FollowEvent {
  const { kind = 'Follow', at = 1, copyLimit = 10, edge = randomUUID() } = change;
  const message = {
    SourceFeedID: `timeline:alice-${edge}`,
    TargetFeedID: 'user:bob',
    ActivityCopyLimit: copyLimit,
    Kind: kind,
  };
  return expectKind('follow', parseMessage('follow', message, at));
}

export function reactionEvent(change: { kind?: 'Like' | 'Unlike'; at?: number; edge?: string } = {}): ReactionEvent {
  const { kind = 'Like', at = 1, edge = randomUUID() } = change;
  const message = { ActivityID: 'f01c0000-acf5-11e5-8080-80006a8b5bc2', Kind: kind, Data3: edge, UserID: 'alice' };
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
