/**
 * A social event as workflows take it: parsed, sanitised, plain data (no zod, see `docs/decisions/`). Built from a wire
 * message by `parseMessage`; field names are ours, wire names stay in `messages.ts`.
 */
export type SocialEvent = ActivityEvent | CommentEvent | ReactionEvent | FollowEvent;

/** Events that toggle the state of a relation, so that the latest of them by {@link EventOrder} decides. */
export type EdgeEvent = ReactionEvent | FollowEvent;

interface EventBase {
  /** Unique id the producer gave the event, where it did. */
  readonly eventId?: string;
  /**
   * The event's place in time, microseconds since the Unix epoch: `EventTime`, else the SNS `Timestamp`, else the SQS
   * `SentTimestamp`, and never later than {@link sentMicros}: an event is not sent before it happens, so no producer's clock
   * can put it into the future.
   */
  readonly eventTimeMicros: number;
  /** When the message was first sent to SQS, microseconds; decides among events of one time. Absent on events of old runs. */
  readonly sentMicros?: number;
}

interface WrittenActivity extends EventBase {
  readonly actor: string;
  readonly objectId: string;
  readonly foreignId: string;
  /** GetStream feed, such as `user:alice`. */
  readonly feed: string;
  /** `time` of the activity as GetStream writes it: UTC, six fraction digits, no zone. */
  readonly time: string;
  /** Feeds to notify, such as `notification:bob`. */
  readonly to: readonly string[];
  readonly hashTags: readonly string[];
}

export interface ActivityEvent extends WrittenActivity {
  readonly kind: 'activity';
  readonly verb: 'Post' | 'RePost' | 'Question' | 'Achievement';
}

export interface CommentEvent extends WrittenActivity {
  readonly kind: 'comment';
  readonly verb: 'Comment';
  readonly parentId: string;
}

export interface ReactionEvent extends EventBase {
  readonly kind: 'reaction';
  readonly action: 'Like' | 'Unlike' | 'Star' | 'Share';
  /** `Data3`: the id the producer chose for the relation of this user to this activity. */
  readonly edgeId: string;
  /** Id of the reaction on GetStream, derived from {@link edgeId}. */
  readonly reactionId: string;
  readonly activityId: string;
  readonly userId: string;
  readonly targetFeeds: readonly string[];
}

export interface FollowEvent extends EventBase {
  readonly kind: 'follow';
  readonly action: 'Follow' | 'Unfollow';
  /** Feed that follows, such as `timeline:alice`. */
  readonly source: string;
  /** Feed that is followed, such as `user:bob`. */
  readonly target: string;
  /** How many of the target's latest activities are copied, 0 to 1000; 0 on `Unfollow`. */
  readonly copyLimit: number;
}

export function isEdgeEvent(event: SocialEvent): event is EdgeEvent {
  return event.kind === 'reaction' || event.kind === 'follow';
}

/** Who acted, for the `EventActor` search attribute: a user id. */
export function actorOf(event: SocialEvent): string {
  switch (event.kind) {
    case 'activity':
    case 'comment':
      return event.actor;
    case 'reaction':
      return event.userId;
    case 'follow':
      return event.source.slice(event.source.indexOf(':') + 1);
  }
}

/** One line that says what the user did, for summaries and logs. */
export function describeEvent(event: SocialEvent): string {
  switch (event.kind) {
    case 'activity':
    case 'comment':
      return `${event.foreignId} in ${event.feed}`;
    case 'reaction':
      return `${event.userId}: ${event.action} ${event.activityId}`;
    case 'follow':
      return `${event.source} ${event.action === 'Follow' ? 'follows' : 'unfollows'} ${event.target}`;
  }
}
