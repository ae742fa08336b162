import { z } from 'zod';
import {
  activityReferenceField,
  eventTimeField,
  feedIdField,
  hashTagsField,
  opaqueIdField,
  optionalIdField,
  parentField,
  recipientsField,
  targetFeedsField,
  timestampField,
  userIdField,
} from './wire-fields.ts';

/**
 * The messages producers publish, by their wire names. Unknown fields are dropped, so that a producer may add fields
 * without asking; what the fields may hold, and what is normalised, stands in `wire-fields.ts`. `null` is absence.
 */
const extensions = {
  /** Unique id of the event, optional. */
  EventID: optionalIdField,
  /** Moment the user acted; without it the SNS `Timestamp`, else the SQS `SentTimestamp` orders events. */
  EventTime: eventTimeField,
};

const feedTypeField = z.enum(['User', 'Timeline', 'Notification']);

/** Topic `activities`. `ForeignID` must equal `Verb:Actor-ObjectID`. */
export const activityMessageSchema = z
  .object({
    Actor: userIdField,
    Verb: z.enum(['Post', 'RePost', 'Question', 'Achievement']),
    ObjectID: opaqueIdField,
    FeedType: feedTypeField,
    CreatedAt: timestampField,
    To: recipientsField,
    ForeignID: opaqueIdField,
    HashTags: hashTagsField,
    ...extensions,
  })
  .superRefine(checkForeignId);

/** Topic `mentions`: comments. `ForeignID` must equal `Comment:Actor-ObjectID`. */
export const commentMessageSchema = z
  .object({
    Actor: userIdField,
    Verb: z.literal('Comment'),
    ObjectID: opaqueIdField,
    ParentID: parentField,
    FeedType: feedTypeField,
    Time: timestampField,
    To: recipientsField,
    ForeignID: opaqueIdField,
    HashTags: hashTagsField,
    ...extensions,
  })
  .superRefine(checkForeignId);

/** Topic `reactions`. `Data3` is the producer's unique id of the reaction; `Unlike` names the one its `Like` had. */
export const reactionMessageSchema = z.object({
  ActivityID: activityReferenceField,
  Kind: z.enum(['Like', 'Unlike', 'Star', 'Share']),
  TargetFeed: targetFeedsField,
  Data3: opaqueIdField,
  UserID: userIdField,
  ...extensions,
});

/** Topic `follow-relationships`. `ActivityCopyLimit`, 0 to 1000, may be left out of an `Unfollow` only. */
export const followMessageSchema = z
  .object({
    SourceFeedID: feedIdField,
    TargetFeedID: feedIdField,
    ActivityCopyLimit: z
      .int()
      .min(0)
      .max(1000)
      .nullish()
      .transform((limit) => limit ?? undefined),
    Kind: z
      .enum(['Follow', 'Unfollow'])
      .nullish()
      .transform((kind) => kind ?? 'Follow'),
    ...extensions,
  })
  .superRefine((message, context) => {
    if (message.SourceFeedID === message.TargetFeedID) {
      context.addIssue({ code: 'custom', path: ['TargetFeedID'], message: 'must differ from SourceFeedID' });
    }
    if (message.Kind === 'Follow' && message.ActivityCopyLimit === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['ActivityCopyLimit'],
        message: 'must be given on a Follow, 0 to 1000',
      });
    }
  });

export type ActivityMessage = z.output<typeof activityMessageSchema>;
export type CommentMessage = z.output<typeof commentMessageSchema>;
export type ReactionMessage = z.output<typeof reactionMessageSchema>;
export type FollowMessage = z.output<typeof followMessageSchema>;

function checkForeignId(
  message: { Verb: string; Actor: string; ObjectID: string; ForeignID: string },
  context: z.core.$RefinementCtx,
): void {
  const expected = `${message.Verb}:${message.Actor}-${message.ObjectID}`;
  if (message.ForeignID === expected) return;
  context.addIssue({
    code: 'custom',
    path: ['ForeignID'],
    message: `must equal Verb:Actor-ObjectID, here ${JSON.stringify(expected)}`,
  });
}
