import { feedConfigError, inputError } from './errors.ts';

/** `slug:userId`; the slug names a feed group and the group decides how its feeds work. */
export interface FeedId {
  readonly slug: string;
  readonly userId: string;
}

/** Flat feeds list activities, aggregated feeds list groups of them, notification feeds add seen and read marks. */
export type FeedKind = 'flat' | 'aggregated' | 'notification';
export type FeedGroups = Readonly<Record<string, FeedKind>>;

/** The groups that the client suites and Stream's own documentation use. */
export const DEFAULT_FEED_GROUPS: FeedGroups = {
  user: 'flat',
  timeline: 'flat',
  flat: 'flat',
  topic: 'flat',
  secret: 'flat',
  aggregated: 'aggregated',
  aggregate: 'aggregated',
  timeline_aggregated: 'aggregated',
  notification: 'notification',
};

/** Longest slug and user id accepted; Stream documents none, the guard keeps keys and index entries small. */
const MAX_PART_LENGTH = 255;
const SLUG = /^\w+$/;
const USER_ID = /^[\w-]+$/;

export function feedName(feed: FeedId): string {
  return `${feed.slug}:${feed.userId}`;
}

function isFeedSlug(text: string): boolean {
  return text.length <= MAX_PART_LENGTH && SLUG.test(text);
}

export function isUserId(text: string): boolean {
  return text.length <= MAX_PART_LENGTH && USER_ID.test(text);
}

/** The feed of these two parts; 400 when a part is malformed, 400 code 6 when the group is not configured. */
export function feedOf(slug: string, userId: string, groups: FeedGroups): FeedId {
  if (!isFeedSlug(slug)) throw inputError(`invalid feed slug, please only use letters, numbers and _: ${quote(slug)}`);
  if (!isUserId(userId)) {
    throw inputError(`invalid feed user id, please only use letters, numbers, - and _: ${quote(userId)}`);
  }
  if (!Object.hasOwn(groups, slug)) throw feedConfigError(slug);
  return { slug, userId };
}

/** Reads `slug:userId`. */
export function parseFeedName(value: unknown, groups: FeedGroups): FeedId {
  if (typeof value !== 'string') throw inputError('a feed id must be a string such as user:1');
  const [slug, userId, ...rest] = value.split(':');
  if (slug === undefined || userId === undefined || rest.length > 0) {
    throw inputError(`invalid feed id, expected something like user:1 got ${quote(value)}`);
  }
  return feedOf(slug, userId, groups);
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
