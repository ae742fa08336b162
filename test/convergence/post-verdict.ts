import type { ActivityEvent, CommentEvent } from '../../contracts/events/social-event.ts';
import { describeStanding, isEffectOf, type Standing } from './standing.ts';

/** Everything that is known of a post or comment once its run is closed and nothing can come late any more. */
export interface PostFacts {
  readonly event: ActivityEvent | CommentEvent;
  /** As its search attribute says. */
  readonly status: string | undefined;
  /** A terminate may have met it, or a cancellation whose undo failed. */
  readonly isCutShort: boolean;
  /** Operations that may have given it up. */
  readonly givingUps: readonly { readonly by: 'skip' | 'cancel' | 'limit' }[];
  readonly end: Standing | undefined;
}

/**
 * What is wrong with a post: it is to stand in just its feeds, once; given up, not at all, and by somebody. One whose
 * run was cut short may stand or not: no code of ours runs after it.
 */
export function faultsOfPost({ event, status, isCutShort, givingUps, end }: PostFacts): string[] {
  const { foreignId, feed, to } = event;
  const feeds = [feed, ...to];
  const isEffect = isEffectOf(event, end, new Map()) && end?.is === 'activity' && end.feeds.length === feeds.length;
  const isThere = `${foreignId} is ${String(status)} and ends with ${describeStanding(end)}`;
  if (isCutShort) return end === undefined || isEffect ? [] : [isThere];
  switch (status) {
    case 'applied':
      return isEffect ? [] : [isThere];
    case 'skipped':
    case 'compensated':
      if (givingUps.length === 0) return [`${foreignId} is ${status}, and nobody gave it up`];
      return end === undefined ? [] : [isThere];
    default:
      return [`${foreignId} closed as ${String(status)}`];
  }
}
