import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { activityId } from '../../contracts/events/stream-activity-id.ts';
import { parseTimestampMicros } from '../../contracts/shared/timestamps.ts';
import type { StreamModel } from './stream-model.ts';

/** What stands on GetStream where events of an edge write. */
export type EdgeStanding =
  | {
      readonly is: 'reaction';
      readonly kind: string;
      readonly activityId: string;
      readonly userId: string;
      readonly targetFeeds: readonly string[];
      readonly createdAt: string;
    }
  | { readonly is: 'follow'; readonly copies: number; readonly createdAt: string };

/** The same, of any event. */
export type Standing =
  EdgeStanding | { readonly is: 'activity'; readonly verb: string; readonly feeds: readonly string[] };

export function standingAt(model: StreamModel, event: SocialEvent): Standing | undefined {
  switch (event.kind) {
    case 'reaction': {
      const reaction = model.reactions.find(event.reactionId);
      if (!reaction) return undefined;
      const { kind, activity_id, user_id, targetFeeds, created_at } = reaction;
      return { is: 'reaction', kind, activityId: activity_id, userId: user_id, targetFeeds, createdAt: created_at };
    }
    case 'follow': {
      const relation = model.feeds.following(event.source).find(({ target_id: target }) => target === event.target);
      if (!relation) return undefined;
      return {
        is: 'follow',
        copies: model.feeds.copiesOf(event.source, event.target),
        createdAt: relation.created_at,
      };
    }
    case 'activity':
    case 'comment': {
      const id = activityIdOf(event);
      const [activity] = model.feeds.byIds([id]);
      if (!activity) return undefined;
      return { is: 'activity', verb: String(activity.body['verb']), feeds: model.feeds.homesOf(id) };
    }
  }
}

/** Whether what stands is just what the event makes, or nothing where it removes. */
export function isEffectOf(
  event: SocialEvent,
  standing: Standing | undefined,
  activityIds: ReadonlyMap<string, string>,
): boolean {
  switch (event.kind) {
    case 'reaction':
      // Another user's reaction is none of this one's business.
      if (event.action === 'Unlike') return standing?.is !== 'reaction' || standing.userId !== event.userId;
      return (
        standing?.is === 'reaction' &&
        standing.kind === event.action &&
        standing.userId === event.userId &&
        standing.activityId === (activityIds.get(event.activityId) ?? event.activityId) &&
        standing.targetFeeds.toSorted().join() === event.targetFeeds.toSorted().join()
      );
    case 'follow':
      return (event.action === 'Follow') === (standing !== undefined);
    case 'activity':
    case 'comment':
      return (
        standing?.is === 'activity' &&
        standing.verb === event.verb &&
        [event.feed, ...event.to].every((feed) => standing.feeds.includes(feed))
      );
  }
}

export function activityIdOf({ foreignId, time }: { readonly foreignId: string; readonly time: string }): string {
  return activityId(foreignId, parseTimestampMicros(time) ?? 0);
}

export function describeStanding(standing: Standing | undefined): string {
  if (!standing) return 'nothing';
  switch (standing.is) {
    case 'reaction':
      return `${standing.kind} of ${standing.activityId} by ${standing.userId} to ${standing.targetFeeds.join()}`;
    case 'follow':
      return `follow since ${standing.createdAt} with ${standing.copies} copies`;
    case 'activity':
      return `${standing.verb} in ${standing.feeds.join()}`;
  }
}
