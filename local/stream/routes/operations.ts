import type { Call, Endpoint } from '../endpoint.ts';
import { inputError } from '../errors.ts';
import { integerParameter, isObject, parameter, requireId, requireList, requireObject } from '../input.ts';
import { nobody, requirePolicy } from '../policies.ts';
import { SIZES } from '../sizes.ts';
import { formatTimestamp } from '../time.ts';
import type { AuditRecord } from '../store/audit.ts';
import type { View } from '../views.ts';
import { parseFeedName } from '../feed-id.ts';
import { auditActivity } from './records.ts';

/** Audit logs and the data privacy calls: for servers only. */
export const operationEndpoints: readonly Endpoint[] = [
  { method: 'GET', path: '/audit_logs/', resource: 'audit_logs', quota: 'other', handle: auditLogs },
  {
    method: 'POST',
    path: '/data_privacy/delete_activities/',
    resource: 'activities',
    quota: 'removeActivities',
    handle: deleteActivities,
  },
  {
    method: 'POST',
    path: '/data_privacy/delete_reactions/',
    resource: 'reactions',
    quota: 'deleteReaction',
    handle: deleteReactions,
  },
  { method: 'GET', path: '/data_privacy/export_ids/:user/', resource: 'users', quota: 'other', handle: exportIds },
];

const AUDIT_PAGE = { least: 1, most: 100 };
const AUDIT_PAGE_DEFAULT = 25;

/** Newest first; `next` continues where the page ended and is empty at the end. */
function auditLogs(call: Call): Record<string, unknown> {
  requirePolicy(call.caller, nobody);
  const { query } = call;
  const limit = integerParameter(query, 'limit', AUDIT_PAGE) ?? AUDIT_PAGE_DEFAULT;
  const page = call.store.audit.filter({
    entityType: parameter(query, 'entity_type'),
    entityId: parameter(query, 'entity_id'),
    userId: parameter(query, 'user_id'),
    before: integerParameter(query, 'next', { least: 0, most: Number.MAX_SAFE_INTEGER }),
    limit,
  });
  return { audit_logs: page.items.map(auditView), next: page.more ? String(page.items.at(-1)?.key) : '' };
}

function auditView(record: AuditRecord): View {
  return {
    entity_type: record.entityType,
    entity_id: record.entityId,
    action: record.action,
    user_id: record.userId,
    created_at: formatTimestamp(record.created),
    custom: {},
  };
}

/** Each activity goes out of `remove_from_feeds`, or without such a list out of every feed and the store. */
function deleteActivities(call: Call): Record<string, unknown> {
  requirePolicy(call.caller, nobody);
  const body = requireObject(call.body(), 'the body');
  const items = requireList(body.activities, 'activities', SIZES.activitiesPerCall).map((value) => {
    const item = isObject(value) ? value : { id: value };
    const names = requireList(item.remove_from_feeds ?? [], 'remove_from_feeds', SIZES.toTargets);
    return { id: requireId(item.id, 'id'), feeds: names.map((name) => parseFeedName(name, call.store.groups)) };
  });
  const { activities } = call.store;
  for (const { id, feeds } of items) {
    const activity = activities.find({ id });
    const removed = feeds.length > 0 ? feeds.map((feed) => activities.remove(feed, id)) : [activities.delete(id)];
    if (!activity || !removed.includes(true)) continue;
    call.count('activitiesRemoved');
    auditActivity(call, activity, 'delete');
  }
  return {};
}

function deleteReactions(call: Call): Record<string, unknown> {
  requirePolicy(call.caller, nobody);
  const body = requireObject(call.body(), 'the body');
  const ids = requireList(body.ids, 'ids', SIZES.activitiesPerCall).map((id) => requireId(id, 'id'));
  for (const id of ids) {
    const reaction = call.store.reactions.find(id);
    if (!reaction) continue;
    call.count('reactionsDeleted', call.store.reactions.delete(id));
    call.store.audit.write({ entityType: 'reaction', entityId: id, action: 'delete', userId: reaction.userId });
  }
  return {};
}

/** Everything a user did: activities they are the actor of, and reactions, oldest first. */
function exportIds(call: Call): Record<string, unknown> {
  requirePolicy(call.caller, nobody);
  const userId = call.params.user ?? '';
  if (userId === '') throw inputError('the user id is missing');
  const activityIds = call.store.activities.idsByActor([userId, `SU:${userId}`]);
  const reactionIds = call.store.reactions.idsOf(userId);
  return {
    export: {
      user_id: userId,
      activity_count: activityIds.length,
      activity_ids: activityIds,
      reaction_count: reactionIds.length,
      reaction_ids: reactionIds,
    },
  };
}
