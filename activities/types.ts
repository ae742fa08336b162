import type { ParentReference } from '../contracts/events/parent-reference.ts';

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
  /** Id of the activity on GetStream, or the `ForeignID` of a post or comment of ours, which is looked up. */
  readonly activityId: string;
  readonly userId: string;
  readonly targetFeeds: readonly string[];
}

/** A reaction of this user, whatever it is. Another user's is never meant. */
export interface ReactionReference {
  readonly reactionId: string;
  /** Left out by workflows of earlier versions. */
  readonly userId?: string;
}

export interface RemoveReactionInput extends ReactionReference {
  /** Start of the event's own attempts, ms since the epoch: a reaction older than that is not its own, and stays. */
  readonly sinceMs?: number;
}

export interface HasReactionInput extends ReactionReference {
  /** Just this one. */
  readonly only?: { readonly kind: string; readonly activityId: string };
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

/** What a write tells of itself, where there is something to tell. */
export interface WriteReceipt {
  /** Number of this attempt, when it was not the first: of those before, some may have had no answer. */
  readonly attempt?: number;
  /** Another reaction stood under the id and was removed first. */
  readonly replaced?: true;
}

/** What the details of a failed write tell. */
export interface FailedAttempt {
  readonly attempt?: number;
  /** What stood under the id of a reaction was removed, and the reaction not added. */
  readonly removed?: true;
}

/**
 * The run that a workflow takes itself for. Another one asks when it was reset, or continues a run: then other runs of the
 * event may have written it, or later ones of its edge decided already, and the call fails with `StaleRun` and what they
 * know. Left out: not known yet, so asked.
 */
export interface RunFence {
  readonly run?: string;
}

/** `kept`: the relation was there before the event; `absent`: there was nothing to undo. */
export type UndoFollowResult = 'undone' | 'kept' | 'absent';

/**
 * Calls that write to or read from GetStream. Each may be made again after any failure: the ids are decided by the event,
 * so the second write changes nothing. All throw `ApplicationFailure` with a type of `contracts/events/failure-types.ts`.
 */
export interface StreamActivities {
  readonly addActivity: (input: AddActivityInput, fence?: RunFence) => Promise<WriteReceipt | undefined>;
  readonly removeActivity: (input: ActivityReference, fence?: RunFence) => Promise<WriteReceipt | undefined>;
  /** Whether the activity is there: settles a write that had no answer. */
  readonly hasActivity: (input: ActivityReference) => Promise<boolean>;
  /** Fails with `ParentMissing` while the parent is not there; retryably while it is on its way. */
  readonly requireParent: (input: RequireParentInput) => Promise<void>;
  /**
   * Makes the reaction the one that stands under its id: one that is there already is compared, and replaced when it is
   * another of the same user. Fails with `Conflict` when it is another user's.
   */
  readonly addReaction: (input: AddReactionInput, fence?: RunFence) => Promise<WriteReceipt | undefined>;
  readonly removeReaction: (input: RemoveReactionInput, fence?: RunFence) => Promise<WriteReceipt | undefined>;
  readonly hasReaction: (input: HasReactionInput) => Promise<boolean>;
  readonly follow: (input: FollowInput, fence?: RunFence) => Promise<WriteReceipt | undefined>;
  readonly unfollow: (input: FollowReference, fence?: RunFence) => Promise<WriteReceipt | undefined>;
  readonly hasFollow: (input: FollowReference) => Promise<boolean>;
  /** Fails with `CopyIncomplete` while the source feed lacks any of the target's latest activities. */
  readonly confirmCopy: (input: FollowInput) => Promise<void>;
  readonly undoFollow: (input: UndoFollowInput, fence?: RunFence) => Promise<UndoFollowResult>;
}

/** What a worker of events offers: the calls to GetStream, and what a run must ask about itself. */
export interface EventActivities extends StreamActivities {
  /** Fails with `StaleRun` as a write would; does nothing else. */
  readonly checkRun: (input: null, fence?: RunFence) => Promise<void>;
  /** Whether a workflow task of this run failed or timed out: what it did in it the run does not know. */
  readonly hasFailedTask: (input: null) => Promise<boolean>;
}
