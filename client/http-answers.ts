import { z } from 'zod';
import {
  BlockedError,
  InvalidSessionRequestError,
  NotAllowedError,
  NotAuthenticatedError,
  RateLimitedError,
  RequestMismatchError,
  SessionsUnavailableError,
  StreamEndedError,
  StreamIdTakenError,
  StreamLimitReachedError,
  type StreamGone,
} from './session-errors.ts';

const DEFAULT_RETRY_AFTER_MS = 1_000;

const text = z.string();
const milliseconds = z.number().min(0);

const evictor = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('operator'), by: text.exactOptional(), reason: text.exactOptional() }),
  z.object({ kind: z.literal('stream'), streamId: text, deviceId: text, deviceType: text.exactOptional() }),
]);
const end = z.discriminatedUnion('reason', [
  z.object({ reason: z.literal('expired') }),
  z.object({ reason: z.literal('released') }),
  z.object({ reason: z.literal('evicted'), evictor }),
]);
const gone = z.union([end, z.object({ reason: z.literal('unknown') })]);
const stream = z.object({
  streamId: text,
  deviceId: text,
  deviceType: text.exactOptional(),
  contentId: text.exactOptional(),
  mode: z.enum(['direct', 'watched', 'counted']),
  slots: z.int(),
  startedAt: text,
  addresses: z.int().exactOptional(),
  ending: z.object({ at: text, end }).exactOptional(),
});
const ended = z.object({ streamId: text, deviceId: text, endedAt: text, end });

/** What the gateway's routes answer with success. Fields of later versions are left out. */
export const answers = {
  granted: z.object({
    stream,
    lease: text.exactOptional(),
    heartbeatIntervalMs: milliseconds,
    expiresInMs: milliseconds,
    active: z.int(),
    limit: z.int(),
    repeated: z.boolean(),
    evicted: z.array(ended),
    policyVersion: z.int(),
    shadowRefused: z.literal(true).exactOptional(),
  }),
  beat: z.object({
    expiresInMs: milliseconds,
    heartbeatIntervalMs: milliseconds,
    lease: text.exactOptional(),
    ending: end.exactOptional(),
    evicted: z.array(ended).exactOptional(),
  }),
  beats: z.object({ results: z.array(z.looseObject({ status: z.int(), problem: z.unknown().optional() })) }),
  sessions: z.object({
    active: z.array(stream),
    ended: z.array(ended),
    slots: z.int(),
    limit: z.int().exactOptional(),
    policyVersion: z.int().exactOptional(),
    heartbeatIntervalMs: milliseconds.exactOptional(),
    shadow: z.object({ version: z.int(), evaluated: z.int(), refused: z.int() }).exactOptional(),
  }),
  evicted: z.object({
    evicted: z.array(ended),
    notActive: z.array(z.object({ streamId: text, end: end.exactOptional() })),
  }),
};

const violation = z.object({
  cap: z.enum(['account', 'deviceType', 'content']),
  key: text.exactOptional(),
  limit: z.int(),
  active: z.int(),
});
/** Each problem by its code, with the fields that its error needs. */
const problems = {
  'stream-limit-reached': z.object({ conflicts: z.array(stream), violation }),
  'stream-ended': z.object({ streamId: text.exactOptional() }),
};
const problem = z.object({
  type: text.catch(''),
  title: text.catch(''),
  detail: text.catch(''),
  reason: text.optional().catch(undefined),
  expiresAt: text.optional().catch(undefined),
  retryAfterMs: milliseconds.optional().catch(undefined),
});
const CODE = /^urn:stream-sessions:problem:/u;

/** Why a stream is over, by the body of a 410. */
export function readEnd(body: unknown): StreamGone {
  const parsed = gone.safeParse(body);
  return parsed.success ? parsed.data : { reason: 'unknown' };
}

/** The error a caller gets for an answer that is no success. */
export function toSessionsError(status: number, body: unknown, streamId: string): Error {
  const { type, title, detail, reason, expiresAt, retryAfterMs } = problem.catch(NO_PROBLEM).parse(body);
  const message = detail || title || `the answer has the status ${status}`;
  if (status === 429) return new RateLimitedError(retryAfterMs ?? DEFAULT_RETRY_AFTER_MS);
  if (status >= 500) return new SessionsUnavailableError(message);
  if (status === 401) return new NotAuthenticatedError(message, reason);
  switch (type.replace(CODE, '')) {
    case 'stream-limit-reached': {
      const full = problems['stream-limit-reached'].safeParse(body);
      if (full.success) return new StreamLimitReachedError(full.data.violation, full.data.conflicts);
      break;
    }
    case 'stream-ended':
      return new StreamEndedError(problems['stream-ended'].catch({}).parse(body).streamId ?? streamId, readEnd(body));
    case 'stream-id-taken':
      return new StreamIdTakenError(message);
    case 'request-mismatch':
      return new RequestMismatchError(message);
    case 'blocked':
      return new BlockedError(message, reason, expiresAt);
  }
  if (status === 403) return new NotAllowedError(message);
  return new InvalidSessionRequestError(`${message} (${status})`);
}

const NO_PROBLEM = {
  type: '',
  title: '',
  detail: '',
  reason: undefined,
  expiresAt: undefined,
  retryAfterMs: undefined,
};
