import type { Caller } from './auth.ts';
import { policyError } from './errors.ts';
import type { FeedId } from './feed-id.ts';

/**
 * What a user token may do: Stream's default policies, as the stream-js cloud suite shows them (permissions.js,
 * to_targets.js, reaction.js, profile.js, collection.js). Whatever is not allowed here is forbidden.
 */
type Policy = (userId: string) => boolean;

/** `user` feeds are public, every other feed is its owner's. */
export const mayReadFeed =
  (feed: FeedId): Policy =>
  (userId) =>
    feed.slug === 'user' || feed.userId === userId;

/** Adding to, removing from, following from, and listing the followers or followed of a feed. */
export const ownsFeed =
  (feed: FeedId): Policy =>
  (userId) =>
    feed.userId === userId;

/** `to` and `target_feeds`: anyone may be notified, else only own feeds. */
export const mayTarget =
  (feeds: readonly FeedId[]): Policy =>
  (userId) =>
    feeds.every((feed) => feed.slug === 'notification' || feed.userId === userId);

/** An activity must be by the user: the client fills in `SU:<user id>`. */
export const isActor =
  (actor: string): Policy =>
  (userId) =>
    actor === `SU:${userId}`;

/** A user, reaction or collection entry of one's own. */
export const isSelf =
  (ownerId: string): Policy =>
  (userId) =>
    ownerId === userId;

export const nobody: Policy = () => false;

/** 403 when a user token is not allowed this; server tokens have passed their scope check already. */
export function requirePolicy(caller: Caller, policy: Policy): void {
  if (caller.kind === 'user' && !policy(caller.userId)) throw policyError();
}
