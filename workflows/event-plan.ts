import type { StreamActivities } from '../activities/types.ts';
import type { EventPolicy } from '../contracts/event-policy.ts';
import { parentOf, type ParentReference } from '../contracts/parent-reference.ts';
import type {
  ActivityEvent,
  CommentEvent,
  FollowEvent,
  ReactionEvent,
  SocialEvent,
} from '../contracts/social-event.ts';

/** One call of an activity with its input, as data. */
export type ActivityCall = {
  [Name in keyof StreamActivities]: { readonly activity: Name; readonly input: Parameters<StreamActivities[Name]>[0] };
}[keyof StreamActivities];

/** A step of an event: what it does, how it reads in the Web UI, and how it is taken back. */
export interface Step {
  readonly name: string;
  readonly call: ActivityCall;
  /** Takes back what this event wrote; must bear that there is nothing to undo. */
  readonly undo?: ActivityCall;
  /** Read that tells whether a write without an answer was made after all. */
  readonly verify?: ActivityCall;
}

/**
 * The ordered steps of an event.
 *
 * @param sinceMs start of the event's attempts; tells what it made from what was there before
 */
export function planOf(event: SocialEvent, sinceMs: number, policy: EventPolicy): readonly Step[] {
  const parent = policy.parentWaitMs > 0 ? parentOf(event) : undefined;
  const writes = writesOf(event, sinceMs);
  return parent ? [requireParentStep(parent), ...writes] : writes;
}

function writesOf(event: SocialEvent, sinceMs: number): readonly Step[] {
  switch (event.kind) {
    case 'activity':
    case 'comment':
      return [addActivityStep(event)];
    case 'reaction':
      return [event.action === 'Unlike' ? removeReactionStep(event) : addReactionStep(event)];
    case 'follow':
      return event.action === 'Unfollow' ? [unfollowStep(event)] : followSteps(event, sinceMs);
  }
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
    verify: { activity: 'hasActivity', input: { feed, foreignId, time } },
  };
}

function addReactionStep(event: ReactionEvent): Step {
  const { reactionId, activityId, userId, targetFeeds, action } = event;
  return {
    name: `add ${action} ${reactionId} of ${userId}`,
    call: { activity: 'addReaction', input: { reactionId, kind: action, activityId, userId, targetFeeds } },
    undo: { activity: 'removeReaction', input: { reactionId } },
    verify: { activity: 'hasReaction', input: { reactionId } },
  };
}

function removeReactionStep({ reactionId, userId }: ReactionEvent): Step {
  return {
    name: `remove reaction ${reactionId} of ${userId}`,
    call: { activity: 'removeReaction', input: { reactionId } },
  };
}

function followSteps({ source, target, copyLimit }: FollowEvent, sinceMs: number): Step[] {
  const follow: Step = {
    name: `${source} follows ${target}, copying ${copyLimit}`,
    call: { activity: 'follow', input: { source, target, copyLimit } },
    undo: { activity: 'undoFollow', input: { source, target, sinceMs } },
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
  return { name: `${source} unfollows ${target}`, call: { activity: 'unfollow', input: { source, target } } };
}
