import type { Call, Endpoint } from '../endpoint.ts';
import { enrichActivity, viewerOf } from '../enrichment.ts';
import { conflictError, fieldsError, inputError, missingUserError } from '../errors.ts';
import { isBuiltIn, parseTargets } from '../activity-input.ts';
import { booleanParameter, integerParameter, parameter, requireData, requireId, requireObject } from '../input.ts';
import { boundsOf, nextPage } from '../paging.ts';
import { isSelf, mayTarget, requirePolicy } from '../policies.ts';
import { reactionView } from '../reaction-views.ts';
import { SIZES } from '../sizes.ts';
import type { ReactionFilter, ReactionRecord, ReactionTargets } from '../store/reactions.ts';
import { feedName } from '../feed-id.ts';
import type { View } from '../views.ts';

/** Likes, comments and whatever else users do about activities and about each other's reactions. */
export const reactionEndpoints: readonly Endpoint[] = [
  { method: 'POST', path: '/reaction/', resource: 'reactions', quota: 'addReaction', handle: add },
  { method: 'GET', path: '/reaction/:id/', resource: 'reactions', quota: 'readReaction', handle: read },
  { method: 'PUT', path: '/reaction/:id/', resource: 'reactions', quota: 'updateReaction', handle: update },
  { method: 'DELETE', path: '/reaction/:id/', resource: 'reactions', quota: 'deleteReaction', handle: remove },
  { method: 'PUT', path: '/reaction/:id/restore/', resource: 'reactions', quota: 'updateReaction', handle: restore },
  { method: 'GET', path: '/reaction/:lookup/:value/', resource: 'reactions', quota: 'readReaction', handle: filter },
  {
    method: 'GET',
    path: '/reaction/:lookup/:value/:kind/',
    resource: 'reactions',
    quota: 'readReaction',
    handle: filter,
  },
];

function add(call: Call): Record<string, unknown> {
  const body = requireObject(call.body(), 'the body');
  const on = readOwner(body);
  const kind = requireId(body.kind, 'kind');
  const data = requireData(body.data ?? {}, 'data');
  const userId = readUser(call, body.user_id);
  const targets = readTargets(call, body);
  const id = isGiven(body.id) ? requireReactionId(body.id) : undefined;
  if (id !== undefined && call.store.reactions.find(id)) {
    throw conflictError(`a reaction with id ${id} already exists`);
  }
  const reaction = call.store.reactions.add({ id, kind, on, userId, data, targets });
  call.count('reactionsCreated');
  audit(call, reaction, 'create');
  return written(call, reaction);
}

/** Any id that a path can carry; Stream makes UUIDs. */
function requireReactionId(value: unknown): string {
  const id = requireId(value, 'id');
  if (!/^[\w.:-]+$/.test(id)) throw fieldsError({ id: ['must consist of letters, numbers and _.:-'] });
  return id;
}

function readOwner(body: Record<string, unknown>): { activityId: string } | { parent: string } {
  const { activity_id: activityId, parent } = body;
  if (isGiven(activityId) === isGiven(parent)) {
    const message = isGiven(parent)
      ? 'only one of activity_id and parent can be given'
      : 'one of activity_id or parent must not be empty';
    throw fieldsError({ activity_id: [message], parent: [message] });
  }
  return isGiven(parent)
    ? { parent: requireId(parent, 'parent') }
    : { activityId: requireId(activityId, 'activity_id') };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

/** A user reacts as themselves; a server must say for whom. */
function readUser({ caller }: Call, value: unknown): string {
  if (value === undefined || value === null || value === '') {
    if (caller.kind === 'server') throw missingUserError('user_id is required with a server token');
    return caller.userId;
  }
  const userId = requireId(value, 'user_id');
  requirePolicy(caller, isSelf(userId));
  return userId;
}

function readTargets(call: Call, body: Record<string, unknown>): ReactionTargets {
  const feeds = parseTargets(body.target_feeds, call.store.groups, 'target_feeds');
  if (feeds.length > SIZES.reactionTargetFeeds) {
    throw fieldsError({ target_feeds: [`must not have more than ${SIZES.reactionTargetFeeds} feeds`] });
  }
  requirePolicy(call.caller, mayTarget(feeds));
  const extra = body.target_feeds_extra_data;
  const extraData = extra === undefined || extra === null ? undefined : requireData(extra, 'target_feeds_extra_data');
  const builtIn = Object.keys(extraData ?? {}).find(isBuiltIn);
  if (builtIn !== undefined) throw inputError(`target_feeds_extra_data cannot set '${builtIn}'`);
  return { feeds: feeds.map(feedName), extraData };
}

function read(call: Call): Record<string, unknown> {
  return reactionView(call.store, call.store.reactions.get(idOf(call)));
}

/** What is not sent is emptied (`target_feeds`), except `data`. */
function update(call: Call): Record<string, unknown> {
  const reaction = ownReaction(call);
  const body = requireObject(call.body(), 'the body');
  const data = body.data === undefined ? reaction.data : requireData(body.data, 'data');
  const updated = call.store.reactions.update(reaction.id, { data, targets: readTargets(call, body) });
  call.count('reactionsUpdated');
  audit(call, updated, 'update');
  return written(call, updated);
}

function remove(call: Call): Record<string, unknown> {
  const reaction = ownReaction(call);
  if (booleanParameter(call.query, 'soft')) {
    call.store.reactions.softDelete(reaction.id);
    call.count('reactionsDeleted');
  } else {
    call.count('reactionsDeleted', call.store.reactions.delete(reaction.id));
  }
  audit(call, reaction, 'delete');
  return {};
}

function restore(call: Call): Record<string, unknown> {
  const reaction = ownReaction(call);
  call.store.reactions.restore(reaction.id);
  call.count('reactionsRestored');
  audit(call, reaction, 'update');
  return {};
}

/** 404 before 403: whether it exists is no secret (stream-js cloud suite). */
function ownReaction(call: Call): ReactionRecord {
  const reaction = call.store.reactions.get(idOf(call));
  requirePolicy(call.caller, isSelf(reaction.userId));
  return reaction;
}

function idOf({ params }: Call): string {
  return params.id ?? '';
}

/** The answer to a write shows the extra data too; reads do not (stream-js cloud suite). */
function written(call: Call, reaction: ReactionRecord): View {
  const { extraData } = reaction.targets;
  return {
    ...reactionView(call.store, reaction),
    ...(extraData ? { target_feeds_extra_data: extraData } : {}),
  };
}

function filter(call: Call): Record<string, unknown> {
  const { query, store, params } = call;
  const of = lookupOf(params.lookup ?? '', params.value ?? '');
  const bounds = boundsOf(query);
  const asked = integerParameter(query, 'limit', { least: 1, most: Number.MAX_SAFE_INTEGER });
  const limit = Math.min(asked ?? SIZES.reactionPageDefault, SIZES.reactionPageMaximum);
  const kind = params.kind ?? parameter(query, 'kind');
  const page = store.reactions.filter({ of, kind, userId: parameter(query, 'filter_user_id'), bounds, limit });
  const ownChildrenOf = booleanParameter(query, 'with_own_children') ? childrenUser(call) : undefined;
  const last = page.items.at(-1);
  const bound = bounds.some(({ comparison }) => comparison.startsWith('>')) ? 'id_gt' : 'id_lt';
  return {
    results: page.items.map((reaction) => reactionView(store, reaction, ownChildrenOf)),
    next: page.more && last ? nextPage(call.path, query, bound, last.id, limit) : '',
    ...activityData(call, of),
  };
}

function lookupOf(lookup: string, value: string): ReactionFilter['of'] {
  if (lookup === 'activity_id') return { activityId: value };
  if (lookup === 'reaction_id') return { parent: value };
  if (lookup === 'user_id') return { userId: value };
  throw inputError('reactions are looked up by activity_id, reaction_id or user_id');
}

function childrenUser(call: Call): string | undefined {
  return parameter(call.query, 'children_user_id') ?? viewerOf(call);
}

function activityData(call: Call, of: ReactionFilter['of']): Record<string, unknown> {
  if (!booleanParameter(call.query, 'with_activity_data') || !('activityId' in of)) return {};
  const activity = call.store.activities.find({ id: of.activityId });
  if (!activity) return {};
  const enrichment = {
    viewer: viewerOf(call),
    ownReactions: true,
    recentReactions: true,
    reactionCounts: true,
    ownChildren: false,
    kinds: undefined,
    recentLimit: SIZES.reactionsPerKind,
    baseUrl: call.baseUrl,
  };
  return { activity: enrichActivity(call.store, activity, enrichment) };
}

function audit(call: Call, reaction: ReactionRecord, action: 'create' | 'update' | 'delete'): void {
  call.store.audit.write({ entityType: 'reaction', entityId: reaction.id, action, userId: reaction.userId });
}
