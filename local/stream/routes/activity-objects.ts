import { parseActivityKey, parseActivityTime, parseActivityUpdate, type ActivityKey } from '../activity-input.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import { enrichActivity, enrichmentOf } from '../enrichment.ts';
import { doesNotExistError, inputError } from '../errors.ts';
import { listParameter, requireList, requireObject } from '../input.ts';
import { applyChanges, parseChanges } from '../partial-update.ts';
import { isActor, nobody, requirePolicy } from '../policies.ts';
import { SIZES } from '../sizes.ts';
import type { ActivityRecord } from '../store/activities.ts';
import { activityView } from '../views.ts';
import { auditActivity } from './records.ts';

/** Activities by themselves, whatever feeds they stand in. */
export const activityObjectEndpoints: readonly Endpoint[] = [
  {
    method: 'GET',
    path: '/activities/',
    resource: 'activities',
    quota: 'readActivities',
    handle: (call) => ({ results: readActivities(call).map(activityView) }),
  },
  {
    method: 'GET',
    path: '/enrich/activities/',
    resource: 'activities',
    quota: 'readActivities',
    handle: (call) => {
      const enrichment = enrichmentOf(call);
      return { results: readActivities(call).map((activity) => enrichActivity(call.store, activity, enrichment)) };
    },
  },
  { method: 'POST', path: '/activities/', resource: 'activities', quota: 'updateActivities', handle: update },
  { method: 'POST', path: '/activity/', resource: 'activities', quota: 'partialUpdate', handle: updatePartially },
];

/** By `ids`, or by `foreign_ids` and `timestamps`, in the order asked for; those that do not exist are left out. */
function readActivities(call: Call): ActivityRecord[] {
  return keysOf(call).flatMap((key) => call.store.activities.find(key) ?? []);
}

function keysOf({ query }: Call): ActivityKey[] {
  const ids = listParameter(query, 'ids', SIZES.activitiesPerCall);
  const foreignIds = listParameter(query, 'foreign_ids', SIZES.activitiesPerCall);
  const timestamps = listParameter(query, 'timestamps', SIZES.activitiesPerCall);
  if (ids) {
    if (foreignIds ?? timestamps) throw inputError('give either ids or foreign_ids and timestamps, not both');
    return ids.map((id) => ({ id }));
  }
  if (!foreignIds || !timestamps) throw inputError('ids, or foreign_ids and timestamps, are required');
  if (foreignIds.length !== timestamps.length) throw inputError('foreign_ids and timestamps must be equally many');
  return foreignIds.map((foreignId, position) => {
    const time = parseActivityTime(timestamps[position]);
    if (time === undefined) throw inputError('timestamps must be in ISO 8601 format');
    return { foreignId, time };
  });
}

/** Replaces each activity; `to` stays as it was. None is changed unless all are good. */
function update(call: Call): Record<string, unknown> {
  requirePolicy(call.caller, nobody);
  const body = requireObject(call.body(), 'the body');
  const inputs = requireList(body.activities, 'activities', SIZES.activitiesPerCall).map((value) =>
    parseActivityUpdate(value, call.store.groups),
  );
  for (const input of inputs) {
    const { activity, created } = call.store.activities.update(input);
    call.count(created ? 'activitiesCreated' : 'activitiesUpdated');
    auditActivity(call, activity, created ? 'create' : 'update');
  }
  return {};
}

/** `set` and `unset` of single fields. None is changed unless all can be. */
function updatePartially(call: Call): Record<string, unknown> {
  const body = requireObject(call.body(), 'the body');
  const items = requireList(body.changes, 'changes', SIZES.activitiesPerCall).map((value) => {
    const item = requireObject(value, 'a change');
    return { key: parseActivityKey(item), changes: parseChanges(item) };
  });
  const activities = items.map(({ key, changes }) => {
    const activity = call.store.activities.find(key);
    if (!activity) throw doesNotExistError('the activity to update does not exist');
    requirePolicy(call.caller, isActor(String(activity.body.actor)));
    const changed = { ...activity, body: applyChanges(activity.body, changes) };
    call.store.activities.replaceBody(activity.id, changed.body);
    call.count('activitiesUpdated');
    auditActivity(call, changed, 'update');
    return activityView(changed);
  });
  return { activities };
}
