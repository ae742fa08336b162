import type { Call } from './endpoint.ts';
import { policyError } from './errors.ts';
import { booleanParameter, integerParameter, listParameter, parameter } from './input.ts';
import { newestByKind, reactionView, userReferenceView } from './reaction-views.ts';
import { SIZES } from './sizes.ts';
import type { ActivityRecord } from './store/activities.ts';
import type { Store } from './store/store.ts';
import { type View, activityView, collectionEntryView, missingReference } from './views.ts';

/** What an enriched read adds to activities. */
export interface Enrichment {
  /** Whose reactions count as own; undefined: everybody's. */
  readonly viewer: string | undefined;
  readonly ownReactions: boolean;
  readonly recentReactions: boolean;
  readonly reactionCounts: boolean;
  readonly ownChildren: boolean;
  /** Kinds shown; undefined: all. */
  readonly kinds: readonly string[] | undefined;
  readonly recentLimit: number;
  /** Where absolute links begin. */
  readonly baseUrl: string;
}

/** References inside references are followed this far; activities may refer to each other in circles. */
const DEEPEST_REFERENCE = 3;

export function enrichmentOf(call: Call): Enrichment {
  const { query } = call;
  const kinds = query['reactionKindsFilter[]'];
  const limit = { least: 1, most: SIZES.reactionPageMaximum };
  return {
    viewer: viewerOf(call),
    ownReactions: booleanParameter(query, 'withOwnReactions'),
    recentReactions: booleanParameter(query, 'withRecentReactions'),
    reactionCounts: booleanParameter(query, 'withReactionCounts'),
    ownChildren: booleanParameter(query, 'withOwnChildren'),
    kinds: kindsOf(kinds === undefined ? listParameter(query, 'reactionKindsFilter', 100) : [kinds].flat()),
    recentLimit: integerParameter(query, 'recentReactionsLimit', limit) ?? SIZES.reactionsPerKind,
    baseUrl: call.baseUrl,
  };
}

/** Kinds arrive padded and with blanks in between (stream-python `test_get_activities_full_with_enrichment_and_reaction_kinds`). */
function kindsOf(names: readonly string[] | undefined): string[] | undefined {
  return names?.map((name) => name.trim()).filter((name) => name !== '');
}

/** The user of a user token; a server token may look through anyone's eyes. */
export function viewerOf({ caller, query }: Call): string | undefined {
  const asked = parameter(query, 'user_id') ?? parameter(query, 'withUserId');
  if (caller.kind === 'server') return asked;
  if (asked !== undefined && asked !== caller.userId) throw policyError();
  return caller.userId;
}

/** The activity with its references resolved and its reactions attached. */
export function enrichActivity(
  store: Store,
  activity: ActivityRecord & { readonly origin?: string | null },
  enrichment: Enrichment,
  depth = 1,
): View {
  const fields = Object.entries(activityView(activity)).map(([name, value]): [string, unknown] => [
    name,
    name !== 'id' && typeof value === 'string' ? resolve(store, value, enrichment, depth) : value,
  ]);
  return { ...Object.fromEntries(fields), ...reactionFields(store, activity.id, enrichment) };
}

function resolve(store: Store, reference: string, enrichment: Enrichment, depth: number): unknown {
  const parts = /^(SU|SO|SA|SR):(.+)$/s.exec(reference);
  if (!parts || depth > DEEPEST_REFERENCE) return reference;
  const [, type, id = ''] = parts;
  switch (type) {
    case 'SU':
      return userReferenceView(store, id);
    case 'SO':
      return resolveObject(store, reference, id);
    case 'SA': {
      const activity = store.activities.find({ id });
      return activity
        ? enrichActivity(store, activity, enrichment, depth + 1)
        : missingReference('activity', reference, id);
    }
    default: {
      const reaction = store.reactions.find(id);
      return reaction && reaction.deleted === undefined
        ? reactionView(store, reaction)
        : missingReference('reaction', reference, id);
    }
  }
}

function resolveObject(store: Store, reference: string, name: string): unknown {
  const colon = name.indexOf(':');
  if (colon < 0) return reference;
  const key = { collection: name.slice(0, colon), id: name.slice(colon + 1) };
  const entry = store.collections.find(key);
  return entry
    ? collectionEntryView(entry)
    : { collection: key.collection, ...missingReference('object', reference, key.id) };
}

/** Each field is absent unless asked for, and empty when there is nothing (stream-js cloud suite). */
function reactionFields(store: Store, activityId: string, enrichment: Enrichment): View {
  const { viewer, kinds: wanted, recentLimit } = enrichment;
  const of = { activityId };
  const counts = Object.fromEntries(
    Object.entries(store.reactions.counts(of)).filter(([kind]) => wanted?.includes(kind) ?? true),
  );
  const kinds = Object.keys(counts);
  const ownChildren = enrichment.ownChildren && viewer !== undefined ? { ownChildrenOf: viewer } : {};
  const fields: View = {};
  if (enrichment.ownReactions) {
    // A server that names no user gets everybody's (stream-ruby `own reaction enrichment`).
    const ofViewer = viewer === undefined ? {} : { userId: viewer };
    const own = { kinds, limit: SIZES.reactionsPerKind, ...ofViewer, ...ownChildren };
    fields.own_reactions = newestByKind(store, of, own);
  }
  if (enrichment.recentReactions) {
    const latest = newestByKind(store, of, { kinds, limit: recentLimit, ...ownChildren });
    fields.latest_reactions = latest;
    fields.latest_reactions_extra = Object.fromEntries(
      Object.entries(latest).map(([kind, shown]) => {
        const hasMore = (counts[kind] ?? 0) > shown.length;
        return [kind, { next: hasMore ? moreLink(activityId, kind, String(shown.at(-1)?.id), enrichment) : '' }];
      }),
    );
  }
  if (enrichment.reactionCounts) fields.reaction_counts = counts;
  return fields;
}

/** Absolute, with exactly these parameters (stream-js cloud suite). */
function moreLink(activityId: string, kind: string, lastId: string, { baseUrl, recentLimit }: Enrichment): string {
  const query = new URLSearchParams({ id_lt: lastId, limit: String(recentLimit), withOwnChildren: 'false' });
  const path = [activityId, kind].map(encodeURIComponent).join('/');
  return `${baseUrl}/api/v1.0/reaction/activity_id/${path}/?${query.toString()}`;
}
