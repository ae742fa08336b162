import { z } from 'zod';

/** Bounds of ids, as the account checks them. */
const MAX_ID_LENGTH = 255;
const CONTROL = /[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u;

const id = z
  .string()
  .min(1)
  .max(MAX_ID_LENGTH)
  .refine((text) => !CONTROL.test(text), 'must not hold control characters or lone surrogates');

/** A field that may be left out; `null`, as many languages write what is absent, is the same. */
function optional<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullable().exactOptional();
}

/** A body without the fields that are `null`. */
export function withoutNulls<Body extends object>(body: Body): WithoutNulls<Body> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the entries that are left are not null
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null)) as WithoutNulls<Body>;
}

export type WithoutNulls<Body> = { [Name in keyof Body]: Exclude<Body[Name], null> };

export const userParams = z.object({ userId: id });
export const streamParams = z.object({ userId: id, streamId: id });

export const acquireBody = z.strictObject({
  streamId: optional(id).describe('Chosen by the client for one playback; made by the gateway when left out'),
  deviceId: id,
  deviceType: optional(id),
  contentId: optional(id),
  plan: optional(id).describe(
    'Plan of the subscriber, which chooses the caps: for tokens with the scope `streams`; of others it is a claim',
  ),
  evict: optional(z.array(id).max(20)).describe('Streams to end when there is no free slot; the policy must allow it'),
});

/** Further fields are ignored: players of old send what they like. */
export const heartbeatBody = z
  .looseObject({
    contentId: optional(id).describe(
      'What the stream plays now: another content keeps the slot, within the caps by content',
    ),
  })
  .nullish();

export const MAX_BATCHED_BEATS = 100;
/** One beat of many; checked on its own, so that a bad one spoils no other. */
export const batchedBeat = z.looseObject({ userId: id, streamId: id, contentId: optional(id) });
export const heartbeatsBody = z
  .array(z.unknown())
  .min(1)
  .max(MAX_BATCHED_BEATS)
  .meta({ items: z.toJSONSchema(batchedBeat, { io: 'input', target: 'draft-2020-12' }) });

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
  streamIds: optional(z.array(id).min(1).max(20)).describe('All streams of the account when left out'),
  by: optional(id),
  reason: optional(id),
});
export const blockBody = z.strictObject({ reason: z.string(), expiresInSeconds: optional(z.number().positive()) });

const text = z.string();
const time = z.string().describe('RFC 3339, by the server');
const end = z.looseObject({
  reason: z.enum(['expired', 'released', 'evicted', 'unknown']),
  evictor: z
    .looseObject({
      kind: z.enum(['operator', 'stream']),
      by: text.optional(),
      reason: text.optional(),
      streamId: text.optional(),
      deviceId: text.optional(),
      deviceType: text.optional(),
    })
    .optional(),
});
const stream = z.looseObject({
  streamId: text,
  deviceId: text,
  deviceType: text.optional(),
  contentId: text.optional(),
  mode: z.enum(['direct', 'watched', 'counted']),
  slots: z.int(),
  startedAt: time,
  addresses: z.int().optional().describe('From how many its players came lately, where these are several'),
  ending: z.looseObject({ at: time, end }).optional().describe('Evicted, and plays on until then'),
});
const ended = z.looseObject({ streamId: text, deviceId: text, endedAt: time, end });

const ref = { userId: text.optional(), streamId: text.optional() };
const beat = z.looseObject({
  expiresInMs: z.int(),
  heartbeatIntervalMs: z.int(),
  lease: text.optional().describe('Renewed; left out while the gateway cannot know of the stream, which plays on'),
  ending: end.optional(),
  evicted: z.array(ended).optional().describe('What another content ended, where the policy evicts'),
});
const problem = z.looseObject({
  type: text.describe('urn:stream-sessions:problem:<code>'),
  title: text,
  status: z.int(),
  detail: text,
  instance: text,
  requestId: text,
});

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
    shadowRefused: z.literal(true).optional().describe('The shadow rules of the policy would have refused it'),
  }),
  beat,
  beats: z.looseObject({
    results: z
      .array(
        z.union([
          z.looseObject({ status: z.literal(200), ...ref, ...beat.shape }),
          z.looseObject({ ...ref, status: z.int(), problem }),
        ]),
      )
      .describe('One for each beat, in their order; a problem is what the route of one beat would have answered'),
  }),
  streams: z.looseObject({
    at: time.optional(),
    active: z.array(stream),
    limit: z.int(),
    slots: z.int(),
    ended: z.array(ended),
    heartbeatIntervalMs: z.int().optional(),
    policyVersion: z.int().optional(),
    shadow: z
      .looseObject({ version: z.int(), evaluated: z.int(), refused: z.int() })
      .optional()
      .describe('Acquires that the shadow rules of the policy were tried on, and how many they would have refused'),
  }),
  evicted: z.looseObject({
    evicted: z.array(ended),
    notActive: z.array(z.looseObject({ streamId: text, end: end.optional() })),
  }),
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
  problem,
};

export const answers: Readonly<Record<keyof typeof described, z.ZodType>> = described;
