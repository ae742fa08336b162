import { describeEnd, type StreamEnd, type StreamView } from '../contracts/session-stream.ts';
import type { Violation } from '../contracts/stream-sessions.ts';

/** How a stream stands when it is not active: its end, or `unknown` when that is forgotten or it never was. */
export type StreamGone = StreamEnd | { readonly reason: 'unknown' };

/** No slot is free. The streams in the way are the choice for an eviction, where the policy allows it. */
export class StreamLimitReachedError extends Error {
  override readonly name = 'StreamLimitReachedError';
  readonly conflicts: readonly StreamView[];
  readonly violation: Violation;

  constructor(violation: Violation, conflicts: readonly StreamView[]) {
    const of = violation.key === undefined ? '' : ` ${JSON.stringify(violation.key)}`;
    super(`${violation.active} of ${violation.limit} streams of the ${violation.cap}${of} are in use`);
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

/** The request has a form the account does not take: empty or overlong ids. The message says what is wrong. */
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
