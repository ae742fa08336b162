import { z } from 'zod';
import { canonicalUuid, isForeignId } from './activity-reference.ts';
import { hasControlCharacters, isWellFormed, normaliseTag, utf8Length } from '../shared/text.ts';
import { readEventTime, readTimestamp, type TimeFault } from '../shared/timestamps.ts';

/*
 * JSON `null` in a field that may be left out, or in a list field, is the same as leaving it out: nil slices of Go and nulls
 * of Java and .NET mean nothing else.
 */

/** GetStream caps `to` and a reaction's `target_feeds` [getstream.io: Targeting, Reactions and Feeds]. */
const MAX_TO = 100;
const MAX_TARGET_FEEDS = 20;
const MAX_HASH_TAGS = 30;
/** Before repeated and empty ones are dropped. */
const MAX_RAW_HASH_TAGS = 300;
const MAX_TAG_CHARACTERS = 64;
const MAX_USER_ID_LENGTH = 128;
/** Keeps every workflow id under Temporal's 1,000 characters after percent-encoding. */
const MAX_ID_BYTES = 255;

/** A user part of a feed id as GetStream takes it: letters, digits, `_` and `-` [stream-js src/utils.ts]; at most 128. */
export const userIdField = z
  .string()
  .max(MAX_USER_ID_LENGTH)
  .regex(
    /^[A-Za-z0-9_-]+$/,
    'must hold only the letters A to Z and a to z, digits, "_" and "-", as GetStream user ids do',
  );

/** A feed id `slug:user`, both parts as GetStream takes them; it tells capitals from small letters in both. */
export const feedIdField = z
  .string()
  .max(2 * MAX_USER_ID_LENGTH - 1)
  .regex(
    /^[A-Za-z0-9_]+:[A-Za-z0-9_-]+$/,
    'must be a feed id such as "user:alice": letters, digits and "_", a colon, then letters, digits, "_" and "-"',
  );

/**
 * An id chosen by the producer: Unicode NFC, 1 to 255 bytes of UTF-8. Control characters, lone surrogates and outer white
 * space are refused, not removed, because two different ids must never become one.
 */
export const opaqueIdField = z
  .string()
  .min(1)
  .refine(isWellFormed, 'must not hold a lone surrogate')
  .refine((id) => !hasControlCharacters(id), 'must not hold control characters')
  .refine((id) => id.trim() === id, 'must not begin or end with white space')
  .transform((id) => id.normalize('NFC'))
  .refine((id) => utf8Length(id) <= MAX_ID_BYTES, `must be at most ${MAX_ID_BYTES} bytes of UTF-8`);

/** An id that may be left out. An empty text is none: taken for an id, it would make one event of all that bear it. */
export const optionalIdField = z.preprocess(
  (id) => (id === '' ? undefined : (id ?? undefined)),
  opaqueIdField.optional(),
);

/**
 * The activity a reaction belongs to: its id on GetStream in whatever form of a UUID, which becomes the one in small letters
 * with dashes, or its `ForeignID` as it stands. Anything else can never name an activity.
 */
export const activityReferenceField = opaqueIdField.transform((id, context) => {
  const reference = canonicalUuid(id) ?? (isForeignId(id) ? id : undefined);
  if (reference !== undefined) return reference;
  const message = 'must be the id of an activity on GetStream, a UUID, or its ForeignID such as "Post:alice-1"';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** What a comment answers: as {@link activityReferenceField} where it is one of the two, else any id of the producer's. */
export const parentField = opaqueIdField.transform((id) => canonicalUuid(id) ?? id);

const TIME_EXAMPLE = 'must be an RFC 3339 time such as "2026-01-31T12:00:00Z"';

const timeText = z.string({
  error: ({ input }) =>
    typeof input === 'number' ? `${TIME_EXAMPLE}, not a number of seconds or milliseconds since 1970` : undefined,
});

/**
 * A time that GetStream is given, in a form that {@link readTimestamp} reads; becomes microseconds since the Unix epoch.
 * Times before 1970 and after mid-2255 are refused, as GetStream would refuse them once the event had been accepted.
 */
export const timestampField = timeText.transform((text, context) => withoutFault(readTimestamp(text), text, context));

/** The moment the user acted, where it is told; any future is taken, because no event counts as later than its sending. */
export const eventTimeField = timeText.nullish().transform((text, context) => {
  // Go's and .NET's own text of nothing.
  if (text === undefined || text === null || text === '') return undefined;
  return withoutFault(readEventTime(text), text, context);
});

function withoutFault(time: number | TimeFault, text: string, context: z.core.$RefinementCtx): number {
  if (typeof time === 'number') return time;
  context.addIssue({ code: 'custom', message: sentenceOf(time, text) });
  return z.NEVER;
}

function sentenceOf(fault: TimeFault, text: string): string {
  switch (fault) {
    case 'notATime':
      return /^-?\d+(?:\.\d+)?$/.test(text)
        ? `${TIME_EXAMPLE}, not a number of seconds or milliseconds since 1970`
        : TIME_EXAMPLE;
    case 'tooEarly':
      return text.startsWith('0001-01-01')
        ? 'must not lie before 1970; this is what Go and .NET print for a time that was never set'
        : 'must not lie before 1970';
    case 'tooLate':
      return 'must not lie after June 2255, the last time that GetStream is known to take';
  }
}

/** User ids to notify; repeated ones count once; at most 100. */
export const recipientsField = boundedArray(userIdField, MAX_TO).transform(unique);

/** Feeds a reaction is shown in; repeated ones count once; at most 20. */
export const targetFeedsField = boundedArray(feedIdField, MAX_TARGET_FEEDS).transform(unique);

/**
 * Hash tags: Unicode NFC, control characters and a leading `#` taken out, lower case, empty and repeated ones dropped; at
 * most 30 of 64 code points.
 */
export const hashTagsField = boundedArray(
  z.string().refine(isWellFormed, 'must not hold a lone surrogate').transform(normaliseTag),
  MAX_RAW_HASH_TAGS,
)
  .transform((tags) => unique(tags).filter((tag) => tag !== ''))
  .refine((tags) => tags.length <= MAX_HASH_TAGS, `must be at most ${MAX_HASH_TAGS} tags`)
  .refine(
    (tags) => tags.every((tag) => Array.from(tag).length <= MAX_TAG_CHARACTERS),
    `each must be at most ${MAX_TAG_CHARACTERS} characters`,
  );

/** Counts before it looks at the items: 100,000 wrong ones must not cost time or a message of megabytes. */
function boundedArray<Item extends z.ZodType>(item: Item, most: number) {
  const bounded = z.array(z.unknown()).max(most).nullish();
  return bounded.transform((items) => items ?? []).pipe(z.array(item));
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
