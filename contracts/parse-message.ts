import type { z } from 'zod';
import {
  activityMessageSchema,
  commentMessageSchema,
  followMessageSchema,
  reactionMessageSchema,
  type ActivityMessage,
  type CommentMessage,
  type FollowMessage,
  type ReactionMessage,
} from './messages.ts';
import type { EventKind } from './names.ts';
import { reactionIdOf } from './reaction-id.ts';
import type { ActivityEvent, CommentEvent, FollowEvent, ReactionEvent, SocialEvent } from './social-event.ts';
import { utf8Length } from './text.ts';
import { formatStreamTime } from './timestamps.ts';

/** GetStream refuses an activity of more than 10 KB of JSON; 512 bytes are left for what it adds. */
const MAX_ACTIVITY_BYTES = 10 * 1024 - 512;

const MAX_FAULTS_NAMED = 10;

/** A message that does not follow its schema: every fault by field, in one sentence each. */
export class InvalidMessageError extends Error {
  override readonly name = 'InvalidMessageError';
}

/**
 * Turns a decoded message into the event it stands for.
 *
 * @param arrivedMicros when the message was published, used to order it where it bears no `EventTime`
 * @throws InvalidMessageError naming every field at fault
 */
export function parseMessage(kind: EventKind, message: unknown, arrivedMicros: number): SocialEvent {
  switch (kind) {
    case 'activity':
      return boundedActivity(toActivityEvent(parse(activityMessageSchema, message), arrivedMicros));
    case 'comment':
      return boundedActivity(toCommentEvent(parse(commentMessageSchema, message), arrivedMicros));
    case 'reaction':
      return toReactionEvent(parse(reactionMessageSchema, message), arrivedMicros);
    case 'follow':
      return toFollowEvent(parse(followMessageSchema, message), arrivedMicros);
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, message: unknown): z.output<Schema> {
  const result = schema.safeParse(message);
  if (result.success) return result.data;
  const faults = result.error.issues
    .slice(0, MAX_FAULTS_NAMED)
    .map((issue) => `${issue.path.join('.') || 'message'}: ${issue.message}`);
  throw new InvalidMessageError(faults.join('; '));
}

function toActivityEvent(message: ActivityMessage, arrivedMicros: number): ActivityEvent {
  return {
    kind: 'activity',
    verb: message.Verb,
    ...writtenActivity(message, message.CreatedAt),
    ...eventBase(message, arrivedMicros),
  };
}

function toCommentEvent(message: CommentMessage, arrivedMicros: number): CommentEvent {
  return {
    kind: 'comment',
    verb: message.Verb,
    parentId: message.ParentID,
    ...writtenActivity(message, message.Time),
    ...eventBase(message, arrivedMicros),
  };
}

function toReactionEvent(message: ReactionMessage, arrivedMicros: number): ReactionEvent {
  const reactionId = reactionIdOf(message.Data3);
  return {
    kind: 'reaction',
    action: message.Kind,
    // A UUID in capitals and in small letters names one reaction on GetStream, so it must be one edge here.
    edgeId: reactionId === message.Data3.toLowerCase() ? reactionId : message.Data3,
    reactionId,
    activityId: message.ActivityID,
    userId: message.UserID,
    targetFeeds: message.TargetFeed,
    ...eventBase(message, arrivedMicros),
  };
}

function toFollowEvent(message: FollowMessage, arrivedMicros: number): FollowEvent {
  return {
    kind: 'follow',
    action: message.Kind,
    source: message.SourceFeedID,
    target: message.TargetFeedID,
    copyLimit: message.Kind === 'Follow' ? (message.ActivityCopyLimit ?? 0) : 0,
    ...eventBase(message, arrivedMicros),
  };
}

function writtenActivity(message: ActivityMessage | CommentMessage, timeMicros: number) {
  return {
    actor: message.Actor,
    objectId: message.ObjectID,
    foreignId: message.ForeignID,
    feed: `${message.FeedType.toLowerCase()}:${message.Actor}`,
    time: formatStreamTime(timeMicros),
    to: message.To.map((userId) => `notification:${userId}`),
    hashTags: message.HashTags,
  };
}

function eventBase(message: { EventID?: string | undefined; EventTime?: number | undefined }, arrivedMicros: number) {
  return {
    ...(message.EventID === undefined ? {} : { eventId: message.EventID }),
    eventTimeMicros: message.EventTime ?? arrivedMicros,
  };
}

function boundedActivity<Event extends ActivityEvent | CommentEvent>(event: Event): Event {
  const bytes = utf8Length(JSON.stringify(event));
  if (bytes <= MAX_ACTIVITY_BYTES) return event;
  throw new InvalidMessageError(
    `message: its activity takes ${bytes} bytes, GetStream accepts 10 KB; shorten To or HashTags`,
  );
}
