import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import { encodeIdComponent } from '../shared/id-component.ts';
import type { SessionPolicy } from './session-limits.ts';
import type { EndedStream, StreamEnd, StreamMode, StreamView } from './session-stream.ts';

/** Argument of the workflow `streamSessions`. */
export interface StreamSessionsInput {
  /** State of the run this one continues; set by the workflow itself. */
  readonly carried?: SessionsSnapshot;
  /** Messages after which a run continues as new; default 5,000, half of the signals Temporal allows. For tests. */
  readonly continueAfterMessages?: number;
}

/** Type of the workflow `streamSessions`, for handles. */
export type StreamSessionsWorkflow = (input: StreamSessionsInput) => Promise<void>;

/** A wish to play. For the form of ids see `isSessionId`. */
export interface AcquireRequest {
  /**
   * Chosen by the caller and used for one playback: the same id again is the same stream, and once it ended, no stream any
   * more for as long as it is remembered.
   */
  readonly streamId: string;
  readonly deviceId: string;
  readonly deviceType?: string;
  readonly contentId?: string;
  /** Plan of the subscriber; chooses among the caps of the policy. */
  readonly plan?: string;
  /**
   * Idempotency key: the same one again is answered with the stream it made, whatever stream id comes with it, and refused
   * with another content or type of device.
   */
  readonly requestId?: string;
  /** Streams to end when there is no free slot: all of them and the grant, or none. At most 20. */
  readonly evict?: readonly string[];
  /** Default `direct`. */
  readonly mode?: StreamMode;
}

/** The cap that stands against an acquire. */
export interface Violation {
  readonly cap: 'account' | 'deviceType' | 'content';
  /** Which device type or content. */
  readonly key?: string;
  readonly limit: number;
  readonly active: number;
}

interface AcquireFacts {
  /** Slots taken in the account, and its cap. */
  readonly active: number;
  readonly limit: number;
  readonly policyVersion: number;
  /** The shadow rules would have refused it. */
  readonly shadowRefused?: true;
}

/** Answer of the update `acquire`; a refusal is a normal one. */
export type AcquireReply =
  | (AcquireFacts & {
      readonly outcome: 'granted';
      readonly stream: StreamView;
      /** The stream was there already. */
      readonly repeated: boolean;
      readonly expiresInMs: number;
      readonly heartbeatIntervalMs: number;
      /** Streams that ended, or are about to, to make room. */
      readonly evicted: readonly EndedStream[];
    })
  | (AcquireFacts & {
      readonly outcome: 'refused';
      readonly violation: Violation;
      /** The streams in the way. */
      readonly conflicts: readonly StreamView[];
    })
  /** A retry of an acquire whose stream is over. */
  | { readonly outcome: 'ended'; readonly streamId: string; readonly end: StreamEnd }
  /** The stream id or request id is in use for another device or stream: sharing it would share a slot. */
  | { readonly outcome: 'idTaken'; readonly message: string }
  /** The stream id or request id was used before, for another content or type of device. */
  | { readonly outcome: 'otherRequest'; readonly message: string };

/** One stream that was seen alive. */
export interface Beat {
  readonly streamId: string;
}

/** One stream that is over. */
export interface Release {
  readonly streamId: string;
  /** Keeps a repeated release of a counted stream from freeing a second slot. */
  readonly requestId?: string;
  /** Its player fell silent, so it ends as `expired`: said by whoever watches it. No effect on streams nobody watches. */
  readonly lost?: boolean;
  /** Of a lost one: ignored when the account itself heard a beat within this time, milliseconds, by another way. */
  readonly silentMs?: number;
  /** Sent by whoever watches the stream and so knows of its end. */
  readonly byWatcher?: boolean;
}

/** Ends streams by decision of an operator or of the account's holder. */
export interface EvictRequest {
  /** All streams when left out. */
  readonly streamIds?: readonly string[];
  readonly by?: string;
  readonly reason?: string;
}

export interface EvictReply {
  readonly evicted: readonly EndedStream[];
  /** Named ones that were not active, with their end where it is remembered. */
  readonly notActive: readonly { readonly streamId: string; readonly end?: StreamEnd }[];
}

/** Another content for a stream that keeps its slot. */
export interface ContentSwitch {
  readonly streamId: string;
  readonly contentId: string;
}

/** Answer of the update `switchContent`. */
export type SwitchReply =
  | {
      readonly outcome: 'switched';
      readonly stream: StreamView;
      readonly expiresInMs: number;
      readonly evicted: readonly EndedStream[];
    }
  /** A cap by content is reached; the stream goes on with the content it had. */
  | { readonly outcome: 'refused'; readonly violation: Violation; readonly conflicts: readonly StreamView[] }
  /** It is over or ends within a grace; without an end it is not known. */
  | { readonly outcome: 'ended'; readonly end?: StreamEnd }
  /** The id is of a counted stream, which has no content. */
  | { readonly outcome: 'idTaken'; readonly message: string };

/** What the shadow rules would have done. */
export interface ShadowCount {
  readonly version: number;
  /** Acquires they were tried on, and how many of these they would have refused. */
  readonly evaluated: number;
  readonly refused: number;
}

/** Answer of the query `sessions`. */
export interface SessionsView {
  /** When this was said, by the clock that all its times are of: ages are differences to it. Not said by earlier versions. */
  readonly at?: string;
  readonly active: readonly StreamView[];
  readonly ended: readonly EndedStream[];
  readonly slots: number;
  /** Cap of the account, by the plan of its last acquire; absent before the first one. */
  readonly limit?: number;
  readonly policyVersion?: number;
  readonly heartbeatIntervalMs?: number;
  readonly shadow?: ShadowCount;
}

/** State of the ledger as plain data. Times are milliseconds since the epoch. */
export interface SessionsSnapshot {
  readonly nowMs: number;
  readonly touchedAtMs: number;
  readonly policy?: SessionPolicy;
  readonly plan?: string;
  readonly streams: readonly StreamRecord[];
  readonly ended: readonly EndedRecord[];
  readonly requests: readonly RequestRecord[];
  readonly early?: readonly EarlyRelease[];
  readonly shadow?: ShadowCount;
  /** Ends of watched streams that their watchers were not told of yet. */
  readonly notices?: readonly EndedStream[];
}

export interface StreamRecord {
  readonly streamId: string;
  readonly deviceId: string;
  readonly deviceType?: string;
  readonly contentId?: string;
  /** What it was acquired for, once it plays something else. */
  readonly acquiredFor?: { readonly contentId?: string };
  readonly requestId?: string;
  readonly mode: StreamMode;
  readonly slots: number;
  readonly startedAtMs: number;
  readonly leaseMs: number;
  readonly leaseEndMs: number;
  /** Its lease was given once more because nobody looked when it ended. */
  readonly reprieved?: true;
  /** So much of its lease is owed to a clock that was found ahead of the end of the lease before; absent when none is. */
  readonly doubtMs?: number;
  readonly ending?: { readonly atMs: number; readonly end: StreamEnd };
}

export interface EndedRecord {
  readonly streamId: string;
  readonly deviceId: string;
  readonly deviceType?: string;
  readonly contentId?: string;
  readonly acquiredFor?: { readonly contentId?: string };
  readonly requestId?: string;
  readonly mode: StreamMode;
  readonly endedAtMs: number;
  readonly end: StreamEnd;
}

/** A request on a counted stream that was carried out. */
export interface RequestRecord {
  readonly requestId: string;
  readonly streamId: string;
  readonly kind: 'acquire' | 'release';
  readonly atMs: number;
}

/** A release of a stream that was not known: its acquire may be under way. */
export interface EarlyRelease {
  readonly streamId: string;
  readonly requestId?: string;
  readonly atMs: number;
}

/** Activities of those who watch streams, on the task queue `stream-watchers`. */
export interface StreamWatchActivities {
  /** Streams of the account that calls ended otherwise than by their watcher. */
  streamsEnded(ends: readonly EndedStream[]): Promise<void>;
}

/** Activities of one watcher, on a task queue of its own. */
export interface OneWatcherActivities {
  /** Those of the streams that the store which watchers share does not know. Fails where this one does not reach the store itself. */
  unknownStreams(streams: readonly StreamRef[]): Promise<readonly StreamRef[]>;
}

/** A stream by its account and id. */
export interface StreamRef {
  readonly userId: string;
  readonly streamId: string;
}

/** Argument of the workflow `askStreamWatchers`. */
export interface WatchersQuestion {
  readonly streams: readonly StreamRef[];
  /** Names of the gateways that are asked. */
  readonly instances: readonly string[];
}

/** Answer of the workflow `askStreamWatchers`. */
export type WatchersAnswer =
  | { readonly unknown: readonly StreamRef[] }
  /** None that answered reaches the store: so many of them; the others are gone or overloaded. */
  | { readonly unreached: number };

/** Type of the workflow `askStreamWatchers`, for clients. */
export type AskStreamWatchersWorkflow = (question: WatchersQuestion) => Promise<WatchersAnswer>;

/** Temporal takes ids of 1,000 bytes [server 1.29, limit.maxIDLength]. */
const MAX_COMPONENT_LENGTH = 900;
const ESCAPED_IN_LONG_ONES = /[%/ ]/g;

/**
 * Workflow id of an account's stream sessions. A long user id whose encoded form Temporal would not take keeps its non-ASCII
 * characters as they are, at most 3 bytes for each of its up to 255 (which hold no control characters).
 *
 * @throws URIError when the user id holds a lone surrogate
 */
export function streamSessionsWorkflowId(userId: string): string {
  const encoded = encodeIdComponent(userId);
  const component =
    encoded.length > MAX_COMPONENT_LENGTH ? userId.replace(ESCAPED_IN_LONG_ONES, encodeURIComponent) : encoded;
  return `stream-sessions/${component}`;
}

/** The account of such a workflow id; undefined for other ids. */
export function userIdOfSessions(workflowId: string): string | undefined {
  const [, component] = /^stream-sessions\/([^/]+)$/.exec(workflowId) ?? [];
  return component === undefined ? undefined : decodeURIComponent(component);
}

/** The policy is the caller's own, parsed; the account takes it over when its version is higher. */
export const acquireUpdate = defineUpdate<AcquireReply, [request: AcquireRequest, policy: SessionPolicy]>('acquire');
export const switchContentUpdate = defineUpdate<SwitchReply, [request: ContentSwitch]>('switchContent');
export const evictUpdate = defineUpdate<EvictReply, [request: EvictRequest]>('evict');
export const heartbeatSignal = defineSignal<[beats: readonly Beat[]]>('heartbeat');
export const releaseSignal = defineSignal<[releases: readonly Release[]]>('release');
/**
 * For operators. Calls ask with {@link viewUpdate}: a query that finds no worker with the account in memory is answered from a
 * history whose last events no task has seen yet, the worker keeps what came of it, and the account cannot be replayed any
 * more [SDK 1.24].
 */
export const sessionsQuery = defineQuery<SessionsView>('sessions');
/** Always refused, which leaves nothing in the history: the view is in the details of the failure {@link SESSIONS_VIEW}. */
export const viewUpdate = defineUpdate<never>('view');
export const SESSIONS_VIEW = 'SessionsView';
/** Type of the failure with which an account refuses a message whose form it does not take. */
export const INVALID_SESSION_MESSAGE = 'InvalidSessionMessage';
/** Type of the failure with which an account that is being cancelled refuses acquires: a moment later, a new run takes them. */
export const ACCOUNT_CLOSING = 'AccountClosing';
/** Memo with the time an account last took a beat: RFC 3339, UTC. */
export const HEARD_AT_MEMO = 'HeardAt';
