import { describeEnd, type ActiveStream, type StreamEnd } from '../contracts/sessions/session-stream.ts';
import type { Violation } from '../contracts/sessions/stream-sessions.ts';

/** How a stream stands when it is not active: its end, or `unknown` when that is forgotten or it never was. */
export type StreamGone = StreamEnd | { readonly reason: 'unknown' };

/** No slot is free. The streams in the way are the choice for an eviction, where the policy allows it. */
export class StreamLimitReachedError extends Error {
  override readonly name = 'StreamLimitReachedError';
  readonly conflicts: readonly ActiveStream[];
  readonly violation: Violation;

  constructor(violation: Violation, conflicts: readonly ActiveStream[]) {
    const of = violation.key === undefined ? '' : ` ${JSON.stringify(violation.key)}`;
    super(
      violation.limit === 0
        ? `the policy allows no streams of the ${violation.cap}${of}`
        : `${violation.active} of ${violation.limit} streams of the ${violation.cap}${of} are in use`,
    );
    this.violation = violation;
    this.conflicts = conflicts;
  }
}

/** The stream is over and does not come back; a new playback takes a new stream id. */
export class StreamEndedError extends Error {
  override readonly name = 'StreamEndedError';
  readonly streamId: string;
  readonly end: StreamGone;

  constructor(streamId: string, end: StreamGone) {
    super(`stream ${streamId} is over: ${end.reason === 'unknown' ? 'not known any more' : describeEnd(end)}`);
    this.streamId = streamId;
    this.end = end;
  }
}

/** The stream id or request id is in use for another device or stream. */
export class StreamIdTakenError extends Error {
  override readonly name = 'StreamIdTakenError';
}

/**
 * The stream id or idempotency key was used before for another content or type of device: a new request needs a key of its
 * own, and another content is switched to, not acquired under the same id.
 */
export class RequestMismatchError extends Error {
  override readonly name = 'RequestMismatchError';
}

/** The request has a form the account does not take, such as ids that are none. The message says what is wrong. */
export class InvalidSessionRequestError extends Error {
  override readonly name = 'InvalidSessionRequestError';
}

/**
 * No answer in time: Temporal or its workers are down, or overloaded. Whether the request takes effect is not known; the
 * same one, with the same stream id, may be sent again.
 */
export class SessionsUnavailableError extends Error {
  override readonly name = 'SessionsUnavailableError';

  constructor(what: string, options?: ErrorOptions) {
    super(`${what}: stream sessions gave no answer in time`, options);
  }
}

/** Too many requests: of the user, or from this address. Only over HTTP. */
export class RateLimitedError extends Error {
  override readonly name = 'RateLimitedError';
  /** When the next try may succeed. */
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number, options?: ErrorOptions) {
    super(`too many requests; the next may be sent in ${retryAfterMs} ms`, options);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The gateway accepts no token, or not this one: another is needed. Only over HTTP. */
export class NotAuthenticatedError extends Error {
  override readonly name = 'NotAuthenticatedError';
  /** `expired`, `revoked`, `replayed`, ... as the gateway has it. */
  readonly reason: string | undefined;

  constructor(message: string, reason?: string) {
    super(message);
    this.reason = reason;
  }
}

/** The token does not allow this: it is of another user or device, or lacks a scope. Only over HTTP. */
export class NotAllowedError extends Error {
  override readonly name = 'NotAllowedError';
}

/** The user, device, token or address is on the blacklist of the gateway. Only over HTTP. */
export class BlockedError extends Error {
  override readonly name = 'BlockedError';
  readonly reason: string | undefined;
  /** RFC 3339, by the server; never when left out. */
  readonly expiresAt: string | undefined;

  constructor(message: string, reason?: string, expiresAt?: string) {
    super(message);
    this.reason = reason;
    this.expiresAt = expiresAt;
  }
}

/** A call brought no answer on the stream itself, so nothing is known of it; it may be alive. */
export type UnansweredError =
  SessionsUnavailableError | RateLimitedError | NotAuthenticatedError | NotAllowedError | BlockedError;

export function isUnanswered(error: unknown): error is UnansweredError {
  return (
    error instanceof SessionsUnavailableError ||
    error instanceof RateLimitedError ||
    error instanceof NotAuthenticatedError ||
    error instanceof NotAllowedError ||
    error instanceof BlockedError
  );
}
