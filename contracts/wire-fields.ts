import { z } from 'zod';
import { hasControlCharacters, isWellFormed, normaliseTag, utf8Length } from './text.ts';
import { parseTimestampMicros } from './timestamps.ts';

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
  .regex(/^[A-Za-z0-9_-]+$/, 'must hold only letters, digits, "_" and "-", as GetStream user ids do');

/** A feed id `slug:user`, both parts as GetStream takes them. */
export const feedIdField = z
  .string()
  .max(2 * MAX_USER_ID_LENGTH - 1)
  .regex(/^[A-Za-z0-9_]+:[A-Za-z0-9_-]+$/, 'must be a feed id such as "user:alice"');

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

/** An RFC 3339 time-stamp; becomes microseconds since the Unix epoch. A missing zone means UTC. */
export const timestampField = z.string().transform((text, context) => {
  const micros = parseTimestampMicros(text);
  if (micros !== undefined) return micros;
  context.addIssue({ code: 'custom', message: 'must be an RFC 3339 time such as "2026-01-31T12:00:00Z"' });
  return z.NEVER;
});

/** User ids to notify; repeated ones count once; at most 100. */
export const recipientsField = boundedArray(userIdField, MAX_TO).transform(unique);

/** Feeds a reaction is shown in; repeated ones count once; at most 20. */
export const targetFeedsField = boundedArray(feedIdField, MAX_TARGET_FEEDS).transform(unique);

/**
 * Hash tags: Unicode NFC, control characters and a leading `#` taken out, lower case, empty and repeated ones dropped; at
 * most 30 of 64 characters.
 */
export const hashTagsField = boundedArray(
  z.string().refine(isWellFormed, 'must not hold a lone surrogate').transform(normaliseTag),
  MAX_RAW_HASH_TAGS,
)
  .transform((tags) => unique(tags).filter((tag) => tag !== ''))
  .refine((tags) => tags.length <= MAX_HASH_TAGS, `must be at most ${MAX_HASH_TAGS} tags`)
  .refine(
    (tags) => tags.every((tag) => tag.length <= MAX_TAG_CHARACTERS),
    `each must be at most ${MAX_TAG_CHARACTERS} characters`,
  );

/** Counts before it looks at the items: 100,000 wrong ones must not cost time or a message of megabytes. */
function boundedArray<Item extends z.ZodType>(item: Item, most: number) {
  return z.array(z.unknown()).max(most).default([]).pipe(z.array(item));
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
