import { z } from 'zod';

/** Bounds of ids, as the account checks them. */
const MAX_ID_LENGTH = 255;
const CONTROL = /[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u;

const id = z
  .string()
  .min(1)
  .max(MAX_ID_LENGTH)
  .refine((text) => !CONTROL.test(text), 'must not hold control characters or lone surrogates');

export const userParams = z.object({ userId: id });
export const streamParams = z.object({ userId: id, streamId: id });

export const acquireBody = z.strictObject({
  streamId: id.exactOptional().describe('Chosen by the client for one playback; made by the gateway when left out'),
  deviceId: id,
  deviceType: id.exactOptional(),
  contentId: id.exactOptional(),
  evict: z
    .array(id)
    .max(20)
    .exactOptional()
    .describe('Streams to end when there is no free slot; the policy must allow it'),
});

/** A structured-header string, with or without its quotes [RFC 8941]. */
export const idempotencyHeaders = z.object({
  'idempotency-key': z
    .string()
    .transform((text) => text.replace(/^"(.*)"$/, '$1'))
    .pipe(id)
    .optional()
    .describe('The same key again is answered with the stream it made'),
});

export const evictionBody = z.strictObject({
  streamIds: z.array(id).min(1).max(20).exactOptional().describe('All streams of the account when left out'),
  by: id.exactOptional(),
  reason: id.exactOptional(),
});

const text = z.string();
const time = z.string().describe('RFC 3339, by the server');
const end = z.looseObject({ reason: z.enum(['expired', 'released', 'evicted', 'unknown']) });
const stream = z.looseObject({
  streamId: text,
  deviceId: text,
  deviceType: text.optional(),
  contentId: text.optional(),
  mode: z.enum(['direct', 'watched', 'counted']),
  slots: z.int(),
  startedAt: time,
  leaseEndsAt: time,
});
const ended = z.looseObject({ streamId: text, deviceId: text, endedAt: time, end });

/** Answers, for the description of the API; what handlers return is typed where it comes from. */
const described = {
  acquired: z.looseObject({
    stream,
    lease: text.describe('Signed; a CDN verifies it offline with /.well-known/jwks.json'),
    heartbeatIntervalMs: z.int(),
    expiresInMs: z.int(),
    active: z.int(),
    limit: z.int(),
    repeated: z.boolean(),
    evicted: z.array(ended),
    policyVersion: z.int(),
  }),
  beat: z.looseObject({ expiresInMs: z.int(), heartbeatIntervalMs: z.int(), lease: text, ending: end.optional() }),
  streams: z.looseObject({ active: z.array(stream), limit: z.int(), slots: z.int(), ended: z.array(ended) }),
  evicted: z.looseObject({ evicted: z.array(ended), notActive: z.array(z.looseObject({ streamId: text })) }),
  none: z.null().describe('No content'),
  sigma: z.looseObject({
    status: z.literal(true),
    message: text,
    data: z.object({ userId: text, streams: z.array(text) }),
  }),
  block: z.looseObject({
    kind: text,
    value: text,
    reason: text,
    by: text,
    createdAt: time,
    expiresAt: time.optional(),
  }),
  sigmaFailure: z.looseObject({ status: z.literal(false), message: text, error: text }),
  problem: z.looseObject({
    type: text.describe('urn:stream-sessions:problem:<code>'),
    title: text,
    status: z.int(),
    detail: text,
    instance: text,
    requestId: text,
  }),
};

export const answers: Readonly<Record<keyof typeof described, z.ZodType>> = described;
