import type { ParentReference } from '../contracts/parent-reference.ts';

/** An activity as it is written; `(foreignId, time)` makes a second write the same activity. */
export interface AddActivityInput {
  readonly feed: string;
  readonly actor: string;
  readonly verb: string;
  readonly object: string;
  readonly foreignId: string;
  readonly time: string;
  readonly to: readonly string[];
  readonly custom: Readonly<Record<string, unknown>>;
}

export interface ActivityReference {
  readonly feed: string;
  readonly foreignId: string;
  readonly time: string;
}

/** A reaction as it is written; its id makes a second write a conflict, which counts as done. */
export interface AddReactionInput {
  readonly reactionId: string;
  readonly kind: string;
  readonly activityId: string;
  readonly userId: string;
  readonly targetFeeds: readonly string[];
}

export interface ReactionReference {
  readonly reactionId: string;
}

export interface FollowReference {
  readonly source: string;
  readonly target: string;
}

export interface FollowInput extends FollowReference {
  readonly copyLimit: number;
}

export interface UndoFollowInput extends FollowReference {
  /** Start of the event's own attempts, ms since the epoch: a relation older than that is not its own. */
  readonly sinceMs: number;
}

export interface RequireParentInput {
  readonly parent: ParentReference;
}

/** `kept`: the relation was there before the event; `absent`: there was nothing to undo. */
export type UndoFollowResult = 'undone' | 'kept' | 'absent';

/**
 * Calls that write to or read from GetStream. Each may be made again after any failure: the ids are decided by the event,
 * so the second write changes nothing. All throw `ApplicationFailure` with a type of `contracts/failure-types.ts`.
 */
export interface StreamActivities {
  readonly addActivity: (input: AddActivityInput) => Promise<void>;
  readonly removeActivity: (input: ActivityReference) => Promise<void>;
  /** Whether the activity is there: settles a write that had no answer. */
  readonly hasActivity: (input: ActivityReference) => Promise<boolean>;
  /** Fails with `ParentMissing` while the parent is not there; retryably while it is on its way. */
  readonly requireParent: (input: RequireParentInput) => Promise<void>;
  readonly addReaction: (input: AddReactionInput) => Promise<void>;
  readonly removeReaction: (input: ReactionReference) => Promise<void>;
  readonly hasReaction: (input: ReactionReference) => Promise<boolean>;
  readonly follow: (input: FollowInput) => Promise<void>;
  readonly unfollow: (input: FollowReference) => Promise<void>;
  /** Fails with `CopyIncomplete` while the source feed lacks any of the target's latest activities. */
  readonly confirmCopy: (input: FollowInput) => Promise<void>;
  readonly undoFollow: (input: UndoFollowInput) => Promise<UndoFollowResult>;
}
