import type { z } from 'zod';
import { faultOf, faultSentences } from './message-faults.ts';
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
import type { EventKind } from '../shared/names.ts';
import { reactionIdOf } from './reaction-id.ts';
import type { ActivityEvent, CommentEvent, FollowEvent, ReactionEvent, SocialEvent } from './social-event.ts';
import { utf8Length } from '../shared/text.ts';
import { formatStreamTime } from '../shared/timestamps.ts';

/** GetStream refuses an activity of more than 10 KB of JSON; 512 bytes are left for what it adds. */
const MAX_ACTIVITY_BYTES = 10 * 1024 - 512;

/** A message that does not follow its schema: every fault by field, in one sentence each. */
export class InvalidMessageError extends Error {
  override readonly name = 'InvalidMessageError';
}

/**
 * Turns a decoded message into the event it stands for.
 *
 * An event happens no later than it is sent, so its place in time is the earlier of `EventTime` and the first sending. The
 * first sending is the earlier of the two times known of it: a message that was moved out of a dead-letter queue by SQS's own
 * redrive has a new `SentTimestamp`, while its SNS envelope keeps the old `Timestamp`.
 *
 * @param sentMicros when the message was first sent to SQS, as far as SQS knows
 * @param publishedMicros SNS's `Timestamp`, where the message came in an envelope; one later than the sending is left aside
 * @throws InvalidMessageError naming every field at fault
 */
export function parseMessage(
  kind: EventKind,
  message: unknown,
  sentMicros: number,
  publishedMicros = sentMicros,
): SocialEvent {
  const firstSentMicros = Math.min(sentMicros, publishedMicros);
  switch (kind) {
    case 'activity':
      return boundedActivity(toActivityEvent(parse(activityMessageSchema, message), firstSentMicros));
    case 'comment':
      return boundedActivity(toCommentEvent(parse(commentMessageSchema, message), firstSentMicros));
    case 'reaction':
      return toReactionEvent(parse(reactionMessageSchema, message), firstSentMicros);
    case 'follow':
      return toFollowEvent(parse(followMessageSchema, message), firstSentMicros);
  }
}

const SCHEMAS = {
  activity: activityMessageSchema,
  comment: commentMessageSchema,
  reaction: reactionMessageSchema,
  follow: followMessageSchema,
} as const;

/** True of the name of a field that means something in messages of this kind. */
export function isFieldOf(kind: EventKind, name: string): boolean {
  return Object.hasOwn(SCHEMAS[kind].shape, name);
}

function parse<Schema extends z.ZodType>(schema: Schema, message: unknown): z.output<Schema> {
  const result = schema.safeParse(message, { error: faultOf });
  if (result.success) return result.data;
  throw new InvalidMessageError(faultSentences(message, result.error.issues));
}

function toActivityEvent(message: ActivityMessage, firstSentMicros: number): ActivityEvent {
  return {
    kind: 'activity',
    verb: message.Verb,
    ...writtenActivity(message, message.CreatedAt),
    ...eventBase(message, firstSentMicros),
  };
}

function toCommentEvent(message: CommentMessage, firstSentMicros: number): CommentEvent {
  return {
    kind: 'comment',
    verb: message.Verb,
    parentId: message.ParentID,
    ...writtenActivity(message, message.Time),
    ...eventBase(message, firstSentMicros),
  };
}

function toReactionEvent(message: ReactionMessage, firstSentMicros: number): ReactionEvent {
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
    ...eventBase(message, firstSentMicros),
  };
}

function toFollowEvent(message: FollowMessage, firstSentMicros: number): FollowEvent {
  return {
    kind: 'follow',
    action: message.Kind,
    source: message.SourceFeedID,
    target: message.TargetFeedID,
    copyLimit: message.Kind === 'Follow' ? (message.ActivityCopyLimit ?? 0) : 0,
    ...eventBase(message, firstSentMicros),
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

function eventBase(message: { EventID?: string | undefined; EventTime?: number | undefined }, firstSentMicros: number) {
  return {
    ...(message.EventID === undefined ? {} : { eventId: message.EventID }),
    eventTimeMicros: Math.min(message.EventTime ?? firstSentMicros, firstSentMicros),
    sentMicros: firstSentMicros,
  };
}

function boundedActivity<Event extends ActivityEvent | CommentEvent>(event: Event): Event {
  const bytes = utf8Length(JSON.stringify(event));
  if (bytes <= MAX_ACTIVITY_BYTES) return event;
  throw new InvalidMessageError(
    `message: its activity takes ${bytes} bytes, GetStream accepts 10 KB; shorten To or HashTags`,
  );
}
