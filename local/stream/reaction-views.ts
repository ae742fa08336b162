import { SIZES } from './sizes.ts';
import type { ReactionOwner, ReactionRecord } from './store/reactions.ts';
import type { Store } from './store/store.ts';
import { formatTimestamp } from './time.ts';
import { type View, missingReference, userView } from './views.ts';

/** A user as reactions and enriched activities show it. */
export function userReferenceView(store: Store, userId: string): View {
  const user = store.users.find(userId);
  return user ? userView(user) : missingReference('user', `SU:${userId}`, userId);
}

/**
 * A reaction with its user and its newest children, these with theirs.
 * @param ownChildrenOf shows `own_children` of this user
 */
export function reactionView(store: Store, reaction: ReactionRecord, ownChildrenOf?: string): View {
  const owner = { parent: reaction.id };
  const children = store.reactions.filter({ of: owner, limit: SIZES.latestChildren }).items;
  return {
    created_at: formatTimestamp(reaction.created),
    updated_at: formatTimestamp(reaction.updated),
    ...(reaction.deleted === undefined ? {} : { deleted_at: formatTimestamp(reaction.deleted) }),
    id: reaction.id,
    user_id: reaction.userId,
    user: userReferenceView(store, reaction.userId),
    kind: reaction.kind,
    activity_id: reaction.activityId,
    data: reaction.data,
    parent: reaction.parent,
    ...(reaction.targets.feeds.length > 0 ? { target_feeds: reaction.targets.feeds } : {}),
    latest_children: byKind(children.map((child) => ({ kind: child.kind, view: reactionView(store, child) }))),
    children_counts: store.reactions.counts(owner),
    ...(ownChildrenOf === undefined ? {} : { own_children: ownReactions(store, owner, ownChildrenOf) }),
  };
}

/** The newest reactions of each kind; of `userId` only, when given. Kinds without any are left out. */
export function newestByKind(
  store: Store,
  of: ReactionOwner,
  options: { kinds: readonly string[]; limit: number; userId?: string; ownChildrenOf?: string },
): Record<string, View[]> {
  const { limit, userId } = options;
  const lists = options.kinds.map((kind): [string, View[]] => {
    const { items } = store.reactions.filter({ of, kind, userId, limit });
    return [kind, items.map((reaction) => reactionView(store, reaction, options.ownChildrenOf))];
  });
  return Object.fromEntries(lists.filter(([, reactions]) => reactions.length > 0));
}

function ownReactions(store: Store, of: ReactionOwner, userId: string): Record<string, View[]> {
  const kinds = Object.keys(store.reactions.counts(of));
  return newestByKind(store, of, { kinds, limit: SIZES.reactionsPerKind, userId });
}

function byKind(items: readonly { kind: string; view: View }[]): Record<string, View[]> {
  const groups = Map.groupBy(items, ({ kind }) => kind);
  return Object.fromEntries([...groups].map(([kind, group]) => [kind, group.map(({ view }) => view)]));
}
