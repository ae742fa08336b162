import type { FeedKind } from './feed-id.ts';
import type { ActivityRecord } from './store/activities.ts';
import type { CollectionEntry } from './store/collections.ts';
import type { Follow } from './store/follows.ts';
import type { FeedGroup } from './store/pages.ts';
import type { UserRecord } from './store/users.ts';
import { formatActivityTime, formatTimestamp } from './time.ts';

/** Stored things as they look on the wire. */
export type View = Record<string, unknown>;

/** Exactly these eight keys plus custom ones and `to` (stream-js `cloud/utils.js`, stream-swift samples). */
export function activityView(activity: ActivityRecord & { readonly origin?: string | null }): View {
  const { actor, foreign_id, object, target, verb, ...rest } = activity.body;
  const { id, origin = null } = activity;
  return { actor, foreign_id, id, object, origin, target, time: formatActivityTime(activity.time), verb, ...rest };
}

/** A group of an aggregated or notification feed around its activities, already rendered. */
export function groupView(group: FeedGroup, kind: FeedKind, activities: readonly View[]): View {
  const [newest] = group.activities;
  return {
    activities,
    activity_count: group.activityCount,
    actor_count: group.actorCount,
    created_at: formatActivityTime(group.created),
    group: group.name,
    id: groupId(group, kind),
    updated_at: formatActivityTime(group.updated),
    verb: newest?.body.verb ?? '',
    ...(kind === 'notification' ? { is_read: group.read, is_seen: group.seen } : {}),
  };
}

/** The newest activity's id; in a notification feed followed by the group's name (stream-swift samples). */
export function groupId(group: FeedGroup, kind: FeedKind): string {
  const id = group.activities[0]?.id ?? '';
  return kind === 'notification' ? `${id}.${group.name}` : id;
}

export function followView(follow: Follow): View {
  const created = formatTimestamp(follow.created);
  return { feed_id: follow.source, target_id: follow.target, created_at: created, updated_at: created };
}

export function userView(user: UserRecord): View {
  return {
    created_at: formatTimestamp(user.created),
    updated_at: formatTimestamp(user.updated),
    id: user.id,
    data: user.data,
  };
}

export function collectionEntryView(entry: CollectionEntry): View {
  return {
    id: entry.id,
    collection: entry.collection,
    foreign_id: `${entry.collection}:${entry.id}`,
    data: entry.data,
    created_at: formatTimestamp(entry.created),
    updated_at: formatTimestamp(entry.updated),
  };
}

type ReferenceType = 'user' | 'object' | 'activity' | 'reaction';

/** What stands in for a reference to nothing (stream-js `not_found_enrichment.js`). */
export function missingReference(type: ReferenceType, reference: string, id: string): View {
  return { id, error: 'ReferenceNotFound', reference, reference_type: type };
}
