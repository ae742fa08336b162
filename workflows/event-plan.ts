import type { EventActivities } from '../activities/types.ts';
import { eventAt, type EdgePosition } from '../contracts/edge-order.ts';
import type { EventPolicy } from '../contracts/event-policy.ts';
import { parentOf, type ParentReference } from '../contracts/parent-reference.ts';
import {
  isEdgeEvent,
  type ActivityEvent,
  type CommentEvent,
  type EdgeEvent,
  type FollowEvent,
  type ReactionEvent,
  type SocialEvent,
} from '../contracts/social-event.ts';

/** One call of an activity with its input, as data. */
export type ActivityCall = {
  [Name in keyof EventActivities]: { readonly activity: Name; readonly input: Parameters<EventActivities[Name]>[0] };
}[keyof EventActivities];

/** A step of an event: what it does, how it reads in the Web UI, and how it is taken back. */
export interface Step {
  readonly name: string;
  readonly call: ActivityCall;
  /** Takes back what this event wrote; must bear that there is nothing to undo. */
  readonly undo?: ActivityCall;
  /** Read that tells whether a write without an answer was made after all. */
  readonly verify?: Verification;
}

export interface Verification {
  readonly call: ActivityCall;
  /** What the read answers when the event's effect stands. */
  readonly expect: boolean;
}

/** What the steps of an event depend on besides the event. */
export interface PlanContext {
  /** When the event's attempts began, ms since the epoch: tells what it made from what was there before. */
  readonly sinceMs: number;
  /** Position of the event of the same edge whose effect stands on GetStream, where one is known. */
  readonly stands?: EdgePosition;
}

/** The step that waits for what a comment or reaction refers to; undefined when there is nothing to wait for. */
export function parentStepOf(event: SocialEvent, policy: EventPolicy): Step | undefined {
  const parent = policy.parentWaitMs > 0 ? parentOf(event) : undefined;
  return parent && requireParentStep(parent);
}

/** The steps of an event that write, in order; the first makes its effect, a second one confirms it. */
export function writeStepsOf(event: SocialEvent, context: PlanContext): readonly [Step, ...Step[]] {
  switch (event.kind) {
    case 'activity':
    case 'comment':
      return [addActivityStep(event)];
    case 'reaction':
      return [event.action === 'Unlike' ? removeReactionStep(event, context) : addReactionStep(event, context)];
    case 'follow':
      return event.action === 'Unfollow' ? [unfollowStep(event, context)] : followSteps(event, context);
  }
}

/**
 * Makes stand on GetStream what should, whatever a late write may have done to it; undefined when nothing is known of that.
 *
 * @param isApplied the event itself is what should stand
 */
export function restoreStepOf(event: SocialEvent, context: PlanContext, isApplied: boolean): Step | undefined {
  const standing = isEdgeEvent(event) && context.stands ? eventAt(context.stands, event) : undefined;
  const [write] = writeStepsOf(standing ?? event, context);
  if (standing || isApplied) return write;
  const { name, undo } = write;
  return undo ? { name: `undo: ${name}`, call: undo } : undefined;
}

function requireParentStep(parent: ParentReference): Step {
  const name = parent.by === 'workflow' ? parent.workflowId : `activity ${parent.id}`;
  return { name: `wait for its parent, ${name}`, call: { activity: 'requireParent', input: { parent } } };
}

function addActivityStep(event: ActivityEvent | CommentEvent): Step {
  const { feed, foreignId, time } = event;
  const parent = event.kind === 'comment' ? { parent_id: event.parentId } : {};
  return {
    name: `add ${foreignId} to ${feed}`,
    call: {
      activity: 'addActivity',
      input: {
        feed,
        actor: event.actor,
        verb: event.verb,
        object: event.objectId,
        foreignId,
        time,
        to: event.to,
        custom: { hash_tags: event.hashTags, ...parent },
      },
    },
    undo: { activity: 'removeActivity', input: { feed, foreignId, time } },
    verify: { call: { activity: 'hasActivity', input: { feed, foreignId, time } }, expect: true },
  };
}

function addReactionStep(event: ReactionEvent, context: PlanContext): Step {
  const { reactionId, activityId, userId, targetFeeds, action } = event;
  const only = { kind: action, activityId };
  return {
    name: `add ${action} ${reactionId} of ${userId}`,
    call: { activity: 'addReaction', input: { reactionId, kind: action, activityId, userId, targetFeeds } },
    undo: restoring(event, context) ?? { activity: 'removeReaction', input: { reactionId, userId, only } },
    verify: { call: { activity: 'hasReaction', input: { reactionId, userId, only } }, expect: true },
  };
}

function removeReactionStep(event: ReactionEvent, context: PlanContext): Step {
  const { reactionId, userId } = event;
  const undo = restoring(event, context);
  return {
    name: `remove reaction ${reactionId} of ${userId}`,
    call: { activity: 'removeReaction', input: { reactionId, userId } },
    ...(undo ? { undo } : {}),
    verify: { call: { activity: 'hasReaction', input: { reactionId, userId } }, expect: false },
  };
}

function followSteps(event: FollowEvent, context: PlanContext): [Step, ...Step[]] {
  const { source, target, copyLimit } = event;
  const undo = undoOfFollow(event, context);
  const follow: Step = {
    name: `${source} follows ${target}, copying ${copyLimit}`,
    call: { activity: 'follow', input: { source, target, copyLimit } },
    ...(undo ? { undo } : {}),
    verify: { call: { activity: 'hasFollow', input: { source, target } }, expect: true },
  };
  if (copyLimit === 0) return [follow];
  return [
    follow,
    {
      name: `confirm the copy of ${target} in ${source}`,
      call: { activity: 'confirmCopy', input: { source, target, copyLimit } },
    },
  ];
}

/** A follow that stood before is not this event's own: it stays, with its history. */
function undoOfFollow({ source, target }: FollowEvent, { stands, sinceMs }: PlanContext): ActivityCall | undefined {
  if (stands?.present === true) return undefined;
  if (stands) return { activity: 'unfollow', input: { source, target } };
  return { activity: 'undoFollow', input: { source, target, sinceMs } };
}

function unfollowStep(event: FollowEvent, context: PlanContext): Step {
  const { source, target } = event;
  const undo = restoring(event, context);
  return {
    name: `${source} unfollows ${target}`,
    call: { activity: 'unfollow', input: { source, target } },
    ...(undo ? { undo } : {}),
    verify: { call: { activity: 'hasFollow', input: { source, target } }, expect: false },
  };
}

/** Writes again what stood before the event, where something did. */
function restoring(event: EdgeEvent, { stands, sinceMs }: PlanContext): ActivityCall | undefined {
  const before = stands?.present === true ? eventAt(stands, event) : undefined;
  return before && writeStepsOf(before, { sinceMs })[0].call;
}
