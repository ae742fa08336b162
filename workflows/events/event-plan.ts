import type { ActivityReference, EventActivities } from '../../activities/types.ts';
import { eventAt, type EdgePosition } from '../../contracts/events/edge-order.ts';
import type { EventPolicy } from '../../contracts/events/event-policy.ts';
import { parentOf, type ParentReference } from '../../contracts/events/parent-reference.ts';
import type {
  ActivityEvent,
  CommentEvent,
  EdgeEvent,
  FollowEvent,
  ReactionEvent,
  SocialEvent,
} from '../../contracts/events/social-event.ts';

/** One call of an activity with its input, as data. */
export type ActivityCall = {
  [Name in keyof EventActivities]: { readonly activity: Name; readonly input: Parameters<EventActivities[Name]>[0] };
}[keyof EventActivities];

/** A step of an event: what it does, and how it reads in the Web UI. */
export interface Step {
  readonly name: string;
  readonly call: ActivityCall;
  /** Read that tells whether a write without an answer was made after all. */
  readonly verify?: Verification;
}

export interface Verification {
  readonly call: ActivityCall;
  /** What the read answers when the event's effect stands. */
  readonly expect: boolean;
}

/** What an undo depends on besides the event. */
export interface UndoContext {
  /** When the event's attempts began, ms since the epoch: tells what it made from what was there before. */
  readonly sinceMs: number;
  /** Position of the event of the same edge whose effect should stand on GetStream, where one is known. */
  readonly stands?: EdgePosition | undefined;
}

/** The step that waits for what a comment or reaction refers to; undefined when there is nothing to wait for. */
export function parentStepOf(event: SocialEvent, policy: EventPolicy): Step | undefined {
  const parent = policy.parentWaitMs > 0 ? parentOf(event) : undefined;
  return parent && requireParentStep(parent);
}

/** The steps of an event that write, in order; the first makes its effect, a second one confirms it. */
export function writeStepsOf(event: SocialEvent): readonly [Step, ...Step[]] {
  switch (event.kind) {
    case 'activity':
    case 'comment':
      return [addActivityStep(event)];
    case 'reaction':
      return [event.action === 'Unlike' ? removeReactionStep(event) : addReactionStep(event)];
    case 'follow':
      return event.action === 'Unfollow' ? [unfollowStep(event)] : followSteps(event);
  }
}

/**
 * Makes stand what should without the event: what stood before, where that is known, else nothing that was made since the
 * event's attempts began. Whatever the event, and others of its edge before it, wrote or did not write.
 */
export function undoOf(event: SocialEvent, { sinceMs, stands }: UndoContext): ActivityCall {
  switch (event.kind) {
    case 'activity':
    case 'comment':
      return { activity: 'removeActivity', input: referenceOf(event) };
    case 'reaction': {
      const { reactionId, userId } = event;
      return standingCall(event, stands) ?? { activity: 'removeReaction', input: { reactionId, userId, sinceMs } };
    }
    case 'follow': {
      const { source, target } = event;
      return standingCall(event, stands) ?? { activity: 'undoFollow', input: { source, target, sinceMs } };
    }
  }
}

function standingCall(event: EdgeEvent, stands: EdgePosition | undefined): ActivityCall | undefined {
  const standing = stands && eventAt(stands, event);
  return standing && writeStepsOf(standing)[0].call;
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
    verify: { call: { activity: 'hasActivity', input: referenceOf(event) }, expect: true },
  };
}

function referenceOf({ feed, foreignId, time }: ActivityEvent | CommentEvent): ActivityReference {
  return { feed, foreignId, time };
}

function addReactionStep({ reactionId, activityId, userId, targetFeeds, action }: ReactionEvent): Step {
  const only = { kind: action, activityId };
  return {
    name: `add ${action} ${reactionId} of ${userId}`,
    call: { activity: 'addReaction', input: { reactionId, kind: action, activityId, userId, targetFeeds } },
    verify: { call: { activity: 'hasReaction', input: { reactionId, userId, only } }, expect: true },
  };
}

function removeReactionStep({ reactionId, userId }: ReactionEvent): Step {
  return {
    name: `remove reaction ${reactionId} of ${userId}`,
    call: { activity: 'removeReaction', input: { reactionId, userId } },
    verify: { call: { activity: 'hasReaction', input: { reactionId, userId } }, expect: false },
  };
}

function followSteps({ source, target, copyLimit }: FollowEvent): [Step, ...Step[]] {
  const follow: Step = {
    name: `${source} follows ${target}, copying ${copyLimit}`,
    call: { activity: 'follow', input: { source, target, copyLimit } },
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

function unfollowStep({ source, target }: FollowEvent): Step {
  return {
    name: `${source} unfollows ${target}`,
    call: { activity: 'unfollow', input: { source, target } },
    verify: { call: { activity: 'hasFollow', input: { source, target } }, expect: false },
  };
}
