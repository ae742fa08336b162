import { type Call, type Endpoint, feedOfPath } from '../endpoint.ts';
import { inputError } from '../errors.ts';
import { type FeedId, feedName, parseFeedName } from '../feed-id.ts';
import { booleanParameter, integerParameter, listParameter, parameter, requireList, requireObject } from '../input.ts';
import { nobody, ownsFeed, requirePolicy } from '../policies.ts';
import { SIZES } from '../sizes.ts';
import type { FollowSide } from '../store/follows.ts';
import { followView } from '../views.ts';

/** Who follows whom. stream-python still writes `follows` where the other clients write `following`. */
export const followEndpoints: readonly Endpoint[] = [
  ...followingEndpoints('following'),
  ...followingEndpoints('follows'),
  {
    method: 'GET',
    path: '/feed/:slug/:id/followers/',
    resource: 'follower',
    quota: 'readFollowers',
    handle: (call) => list(call, 'followers'),
  },
  {
    method: 'POST',
    path: '/follow_many/',
    resource: 'follower',
    quota: 'followMany',
    copies: true,
    handle: followMany,
  },
  { method: 'POST', path: '/unfollow_many/', resource: 'follower', quota: 'unfollowMany', handle: unfollowMany },
  { method: 'GET', path: '/stats/follow/', resource: 'follower', quota: 'followStats', handle: stats },
];

function followingEndpoints(name: string): Endpoint[] {
  const path = `/feed/:slug/:id/${name}/`;
  const resource = 'follower';
  return [
    { method: 'POST', path, resource, quota: 'follow', copies: true, handle: follow },
    { method: 'DELETE', path: `${path}:target/`, resource, quota: 'unfollow', handle: unfollow },
    { method: 'GET', path, resource, quota: 'readFollowing', handle: (call) => list(call, 'following') },
  ];
}

function follow(call: Call): Record<string, unknown> {
  const source = feedOfPath(call);
  requirePolicy(call.caller, ownsFeed(source));
  const body = requireObject(call.body(), 'the body');
  addFollow(call, readFollow(call, source, body.target, readCopyLimit(body.activity_copy_limit)));
  return {};
}

interface NewFollow {
  readonly source: FeedId;
  readonly target: FeedId;
  readonly copyLimit: number;
}

/** "Only Flat Feeds may be followed", "A Feed cannot follow itself" ("Following Feeds" page). */
function readFollow(call: Call, source: FeedId, targetName: unknown, copyLimit?: number): NewFollow {
  const target = parseFeedName(targetName, call.store.groups);
  if (feedName(source) === feedName(target)) throw inputError('a feed cannot follow itself');
  if (call.store.feeds.kindOf(target) !== 'flat') {
    throw inputError(`only flat feeds can be followed, ${target.slug} is not one`);
  }
  return { source, target, copyLimit: copyLimit ?? SIZES.copyDefault };
}

/** Undefined when not given. The text is Stream's (stream-ruby `integration_spec.rb`). */
function readCopyLimit(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const limit = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 0 || limit > SIZES.copyMaximum) {
    throw inputError(`activity_copy_limit must be a non-negative number not greater than ${SIZES.copyMaximum}`);
  }
  return limit;
}

function addFollow(call: Call, { source, target, copyLimit }: NewFollow): void {
  const isNew = call.store.follows.follow(source, target, Math.min(copyLimit, call.copyCap));
  call.count(isNew ? 'followsCreated' : 'followsRepeated');
}

function removeFollow(call: Call, source: FeedId, target: FeedId, keepHistory: boolean): void {
  const existed = call.store.follows.unfollow(source, target, keepHistory);
  call.count(existed ? 'unfollows' : 'unfollowsRepeated');
}

function unfollow(call: Call): Record<string, unknown> {
  const source = feedOfPath(call);
  requirePolicy(call.caller, ownsFeed(source));
  const target = parseFeedName(call.params.target, call.store.groups);
  removeFollow(call, source, target, booleanParameter(call.query, 'keep_history'));
  return {};
}

function list(call: Call, side: FollowSide): Record<string, unknown> {
  const feed = feedOfPath(call);
  requirePolicy(call.caller, ownsFeed(feed));
  const { query, store } = call;
  const limit =
    integerParameter(query, 'limit', { least: 1, most: SIZES.followPageMaximum }) ?? SIZES.followPageDefault;
  const offset = integerParameter(query, 'offset', { least: 0, most: SIZES.followsReachable }) ?? 0;
  if (limit + offset > SIZES.followsReachable) {
    throw inputError(`only the newest ${SIZES.followsReachable} relations can be listed`);
  }
  const others = listParameter(query, 'filter', SIZES.followPageMaximum)?.map((name) =>
    parseFeedName(name, store.groups),
  );
  return { results: store.follows.list(side, feed, { limit, offset, ...(others ? { others } : {}) }).map(followView) };
}

/** A bare list of relations; none is made unless all are good. */
function followMany(call: Call): Record<string, unknown> {
  requirePolicy(call.caller, nobody);
  const common = readCopyLimit(parameter(call.query, 'activity_copy_limit'));
  const follows = readRelations(call).map(({ source, relation }) =>
    readFollow(call, source, relation.target, readCopyLimit(relation.activity_copy_limit) ?? common),
  );
  for (const relation of follows) addFollow(call, relation);
  return {};
}

function unfollowMany(call: Call): Record<string, unknown> {
  requirePolicy(call.caller, nobody);
  const unfollows = readRelations(call).map(({ source, relation }) => {
    const keepHistory = relation.keep_history ?? false;
    if (typeof keepHistory !== 'boolean') throw inputError('keep_history must be true or false');
    return { source, target: parseFeedName(relation.target, call.store.groups), keepHistory };
  });
  for (const { source, target, keepHistory } of unfollows) removeFollow(call, source, target, keepHistory);
  return {};
}

function readRelations(call: Call): { source: FeedId; relation: Record<string, unknown> }[] {
  return requireList(call.body(), 'the body', SIZES.relationsPerCall).map((value) => {
    const relation = requireObject(value, 'a follow relation');
    return { source: parseFeedName(relation.source, call.store.groups), relation };
  });
}

function stats(call: Call): Record<string, unknown> {
  const count = (side: FollowSide): Record<string, unknown> => {
    const name = parameter(call.query, side);
    if (name === undefined) throw inputError(`${side} must name a feed`);
    const feed = parseFeedName(name, call.store.groups);
    requirePolicy(call.caller, ownsFeed(feed));
    const slugs = listParameter(call.query, `${side}_slugs`, SIZES.followPageMaximum);
    return { feed: name, count: call.store.follows.count(side, feed, slugs) };
  };
  return { results: { followers: count('followers'), following: count('following') } };
}
