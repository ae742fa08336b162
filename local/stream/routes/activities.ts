import { activityId } from '../../../contracts/events/stream-activity-id.ts';
import { type ActivityInput, parseActivity, parseActivityKey, parseTargets } from '../activity-input.ts';
import { type Call, type Endpoint, feedOfPath } from '../endpoint.ts';
import { doesNotExistError, fieldsError, inputError } from '../errors.ts';
import { type FeedId, feedName, parseFeedName } from '../feed-id.ts';
import { booleanParameter, isObject, requireList, requireObject } from '../input.ts';
import { isActor, mayTarget, nobody, ownsFeed, requirePolicy } from '../policies.ts';
import { SIZES } from '../sizes.ts';
import { targetsOf } from '../store/activities.ts';
import { activityView } from '../views.ts';
import { auditActivity, recordAdded } from './records.ts';

/** Adding activities to feeds, removing them, and changing where they are targeted. */
export const activityEndpoints: readonly Endpoint[] = [
  { method: 'POST', path: '/feed/:slug/:id/', resource: 'feed', quota: 'addActivities', handle: add },
  { method: 'POST', path: '/feed/add_to_many/', resource: 'feed', quota: 'addActivities', handle: addToMany },
  { method: 'DELETE', path: '/feed/:slug/:id/*', resource: 'feed', quota: 'removeActivities', handle: remove },
  {
    method: 'POST',
    path: '/feed_targets/:slug/:id/activity_to_targets/',
    resource: 'feed_targets',
    quota: 'updateToTargets',
    handle: retarget,
  },
];

/** One activity, or `{activities: [...]}` of which none is added unless all are good. */
function add(call: Call): Record<string, unknown> {
  const feed = feedOfPath(call);
  requirePolicy(call.caller, ownsFeed(feed));
  const body = requireObject(call.body(), 'the body');
  const isBatch = Object.hasOwn(body, 'activities');
  const values = isBatch ? requireList(body.activities, 'activities', SIZES.activitiesPerAdd) : [body];
  const inputs = values.map((value) => readActivity(call, value));
  const added = inputs.map((input) => call.store.activities.add(feed, input));
  added.forEach((item) => recordAdded(call, item));
  const views = added.map(({ activity }) => activityView(activity));
  return isBatch ? { activities: views } : { ...views[0] };
}

function readActivity(call: Call, value: unknown): ActivityInput {
  const input = parseActivity(value, call.store.groups);
  requirePolicy(call.caller, isActor(input.actor));
  requirePolicy(call.caller, mayTarget(input.to));
  return input;
}

function addToMany(call: Call): Record<string, unknown> {
  requirePolicy(call.caller, nobody);
  const body = requireObject(call.body(), 'the body');
  const names = requireList(body.feeds, 'feeds', SIZES.addToManyFeeds);
  if (names.length === 0) throw fieldsError({ feeds: ['this field is required'] });
  const feeds = names.map((name) => parseFeedName(name, call.store.groups));
  const input = readActivity(call, body.activity);
  if (isObject(body.activity) && Object.hasOwn(body.activity, 'to')) {
    throw inputError("an activity added to many feeds cannot have a 'to' field");
  }
  recordAdded(call, call.store.activities.addToMany(feeds, input, { fanOut: false }));
  return {};
}

/** By id, or by foreign id when `foreign_id=1`. What is not there counts as removed. */
function remove(call: Call): Record<string, unknown> {
  const feed = feedOfPath(call);
  requirePolicy(call.caller, ownsFeed(feed));
  // The client does not escape foreign ids: whatever follows the feed is the id, slashes included.
  const id = (call.params['*'] ?? '').replace(/\/$/, '');
  if (id === '') throw inputError('the id of the activity to remove is missing');
  const { activities } = call.store;
  const candidates = booleanParameter(call.query, 'foreign_id') ? activities.idsByForeignId(feed, id) : [id];
  for (const candidate of candidates) {
    const activity = activities.find({ id: candidate });
    if (!activity || !activities.remove(feed, candidate)) continue;
    call.count('activitiesRemoved');
    auditActivity(call, activity, 'delete');
  }
  return { removed: id };
}

/** One change or a list of them; all are made before the answer. */
function retarget(call: Call): Record<string, unknown> {
  const feed = feedOfPath(call);
  requirePolicy(call.caller, ownsFeed(feed));
  if (!Array.isArray(call.body())) return retargetOne(call, feed, call.body());
  const changes = requireList(call.body(), 'the body', SIZES.activitiesPerCall);
  const [first] = changes.map((change) => retargetOne(call, feed, change));
  if (!first) throw inputError('the list of changes is empty');
  return first;
}

function retargetOne(call: Call, feed: FeedId, value: unknown): Record<string, unknown> {
  const change = requireObject(value, 'a change of targets');
  const { groups, activities } = call.store;
  const [replacing, adding, removing] = ['new_targets', 'added_targets', 'removed_targets'].map((name) =>
    change[name] === undefined || change[name] === null ? undefined : parseTargets(change[name], groups, name),
  );
  if (!replacing && !adding && !removing) {
    throw inputError('one of new_targets, added_targets and removed_targets is required');
  }
  if (replacing && (adding ?? removing)) {
    throw inputError('new_targets cannot be combined with added_targets or removed_targets');
  }
  const { foreign_id, time } = change;
  const key = parseActivityKey(change);
  const activity = activities.find(key);
  // An activity added without a time has another id than the one derived here, and Stream does not find it.
  const isKnown = activity && ('id' in key || activity.id === activityId(key.foreignId, key.time));
  if (!isKnown || !activities.isAddedTo(feed, activity.id)) {
    throw doesNotExistError(
      `activity is not found for the couple foreign_id=${String(foreign_id)}, time=${String(time)}`,
    );
  }
  const before = targetsOf(activity).map((name) => parseFeedName(name, groups));
  const removed = replacing ? without(before, replacing) : (removing ?? []);
  const added = without(replacing ?? adding ?? [], before);
  requirePolicy(call.caller, mayTarget(added));
  const after = activities.retarget(activity, { added, removed });
  if (targetsOf(after).length > SIZES.toTargets) throw inputError(`an activity has at most ${SIZES.toTargets} targets`);
  call.count('activitiesRetargeted');
  auditActivity(call, after, 'update');
  return { activity: activityView(after), added: added.map(feedName), removed: removed.map(feedName) };
}

function without(feeds: readonly FeedId[], excluded: readonly FeedId[]): FeedId[] {
  const names = new Set(excluded.map(feedName));
  return feeds.filter((feed) => !names.has(feedName(feed)));
}
