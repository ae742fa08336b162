import type { ActiveStream, EndedStream, StreamEnd, StreamView } from '../contracts/sessions/session-stream.ts';
import type {
  AcquireReply,
  AcquireRequest,
  EvictReply,
  EvictRequest,
  Release,
  SessionsView,
  Violation,
} from '../contracts/sessions/stream-sessions.ts';
import type { StreamGone, UnansweredError } from './session-errors.ts';

/** An acquire as callers make it; without a stream id, one is made. */
export type AcquireOptions = Omit<AcquireRequest, 'streamId'> & { readonly streamId?: string };

/** A slot that was taken. */
export type Granted<Stream extends ActiveStream = StreamView> = Omit<
  Extract<AcquireReply, { outcome: 'granted' }>,
  'stream'
> & {
  readonly stream: Stream;
  /** By the gateway: proof of the slot that a CDN verifies, for {@link Granted.expiresInMs}; each beat renews it. */
  readonly lease?: string;
};

/** Streams of an account. */
export type StreamsOf<Stream extends ActiveStream> = Omit<SessionsView, 'active'> & {
  readonly active: readonly Stream[];
};

/** What became of a beat. */
export type BeatAnswer =
  | {
      readonly streamId: string;
      readonly alive: true;
      readonly expiresInMs: number;
      /** Directly on Temporal. */
      readonly stream?: StreamView;
      /** By the gateway: when to beat next, and the renewed lease. */
      readonly heartbeatIntervalMs?: number;
      readonly lease?: string;
      /** By the gateway: evicted with a grace, plays on until the lease ends. */
      readonly ending?: StreamEnd;
    }
  | { readonly streamId: string; readonly alive: false; readonly end: StreamGone };

/** A stream that plays another content now. */
export interface ContentSwitched {
  readonly expiresInMs: number;
  /** Streams that ended, or are about to, to make room under the caps by content. */
  readonly evicted: readonly EndedStream[];
  /** Directly on Temporal. */
  readonly stream?: StreamView;
  /** By the gateway: when to beat next, and a lease for the content. */
  readonly heartbeatIntervalMs?: number;
  readonly lease?: string;
}

export interface HoldOptions<Stream extends ActiveStream = ActiveStream> {
  /** Aborted: the stream is released. */
  readonly signal?: AbortSignal;
  /**
   * Whether to acquire anew when the stream expired though its player is there: its device slept, its timers were throttled or
   * its network was away. Default true.
   */
  readonly resume?: boolean;
  /** Told of beats without an answer; the stream goes on until its lease must be over. */
  readonly onUnanswered?: (error: UnansweredError) => void;
  /** Told of each lease after that of the first grant: only over HTTP. */
  readonly onLease?: (lease: string) => void;
  /**
   * The stream had expired, and this one, with an id of its own, plays in its place; it is told which one was lost. Players that
   * must not go on by themselves, because somebody may have left, ask here and release.
   */
  readonly onResumed?: (granted: Granted<Stream>, lostStreamId: string) => void;
}

/** Why a stream is not held any more. */
export type HoldEnd =
  | StreamGone
  /** The token or the address is blocked: why, as far as it is told, and until when. */
  | { readonly reason: 'blocked'; readonly because?: string; readonly expiresAt?: string }
  /** No beat was let through for a whole lease because of the token: `expired`, `revoked`, ... as the gateway has it. */
  | { readonly reason: 'unauthenticated'; readonly because?: string }
  /** No beat was let through for a whole lease: the token is of another user or device, or lacks a scope. */
  | { readonly reason: 'notAllowed'; readonly because: string }
  /** It had expired, and when its player came back there was no free slot. */
  | {
      readonly reason: 'limitReached';
      readonly violation: Violation;
      readonly conflicts: readonly ActiveStream[];
    };

/** A stream that is kept alive. */
export interface HeldStream<Stream extends ActiveStream = ActiveStream> {
  /** The newest one, when it was resumed. */
  readonly granted: Granted<Stream>;
  /** The newest one: only over HTTP. */
  readonly lease: string | undefined;
  /**
   * Resolves when the stream is over, with the reason; never rejects but for a defect. `unknown` also when no beat was
   * answered for a whole lease: then the slot cannot be counted on any more.
   */
  readonly ended: Promise<HoldEnd>;
  /** Plays another content in the same slot. Throws what `SessionsClient.switchContent` throws; the stream goes on then. */
  switchContent(contentId: string): Promise<void>;
  /** Ends the stream; done when the release was sent. */
  release(): Promise<void>;
}

/**
 * Streams of accounts, directly on Temporal or over HTTP. All calls can be repeated. Every one may throw
 * `SessionsUnavailableError`; over HTTP, also `RateLimitedError`, `NotAuthenticatedError`, `NotAllowedError` and
 * `BlockedError`. None lets an error of Temporal or of the network through.
 */
export interface SessionsClient<Stream extends ActiveStream = StreamView> {
  /**
   * Takes a slot.
   *
   * @throws StreamLimitReachedError with the streams in the way
   * @throws StreamEndedError when the stream id or request id is of a stream that is over
   * @throws StreamIdTakenError, InvalidSessionRequestError
   * @throws RequestMismatchError when the stream id or request id was used for another content
   */
  acquire(userId: string, request: AcquireOptions): Promise<Granted<Stream>>;
  /** Extends streams and tells which are over and why; on Temporal, one signal however many. */
  heartbeat(userId: string, streamIds: string | readonly string[]): Promise<readonly BeatAnswer[]>;
  /**
   * Plays another content in the slot that the stream has, and extends it. Only the caps by content count.
   *
   * @throws StreamLimitReachedError with the streams in the way; the stream goes on with the content it had
   * @throws StreamEndedError, StreamIdTakenError for a counted one, InvalidSessionRequestError
   */
  switchContent(userId: string, streamId: string, contentId: string): Promise<ContentSwitched>;
  /**
   * Ends streams, or frees one slot of a counted one; on Temporal, one signal however many. One that is gone already is no error.
   */
  release(userId: string, release: string | Release | readonly Release[]): Promise<void>;
  list(userId: string): Promise<StreamsOf<Stream>>;
  /** Ends the named streams, or all, by decision of an operator. @throws InvalidSessionRequestError */
  evict(userId: string, request: EvictRequest): Promise<EvictReply>;
  /** Acquires, and beats until the stream ends or is released. Throws as {@link acquire} does. */
  hold(userId: string, request: AcquireOptions, options?: HoldOptions<Stream>): Promise<HeldStream<Stream>>;
}
