import { customFieldError, fieldsError, inputError } from './errors.ts';
import { type FeedGroups, type FeedId, feedName, parseFeedName } from './feed-id.ts';
import { isObject, jsonBytes, requireId } from './input.ts';
import { SIZES } from './sizes.ts';
import { type Micros, parseTime } from './time.ts';

/** Names an activity by its id, or by foreign id and time. */
export type ActivityKey = { readonly id: string } | { readonly foreignId: string; readonly time: Micros };

/** An activity as a caller describes it, checked. */
export interface ActivityInput {
  readonly actor: string;
  readonly verb: string;
  readonly object: string;
  readonly target: string;
  /** Empty: none. */
  readonly foreignId: string;
  /** Undefined: the server's time, and the id cannot be known beforehand. */
  readonly time: Micros | undefined;
  readonly to: readonly FeedId[];
  readonly custom: Readonly<Record<string, unknown>>;
}

/** Fields with a meaning of their own; everything else is custom. */
const BUILT_IN = ['actor', 'verb', 'object', 'target', 'foreign_id', 'time', 'to', 'id', 'origin', 'duration'] as const;
/** Names that reads use for themselves (stream-swift `EnrichedActivity.swift`). */
const RESERVED = ['activity_id', 'activity', 'analytics', 'extra_context', 'is_read', 'is_seen', 'score', 'site_id'];

/**
 * Reads an activity. `id`, `origin` and `duration` are dropped, because callers send back what they read
 * (stream-js `updating many activities`).
 */
export function parseActivity(value: unknown, groups: FeedGroups): ActivityInput {
  if (!isObject(value)) throw inputError('an activity must be a JSON object');
  requireFields(value, ['actor', 'verb', 'object']);
  const reserved = RESERVED.find((name) => Object.hasOwn(value, name));
  if (reserved !== undefined) throw customFieldError(`'${reserved}' is a reserved field name`);
  const verb = reference(value.verb);
  if (Buffer.byteLength(verb) > SIZES.verbBytes) {
    throw fieldsError({ verb: [`verb must not be longer than ${SIZES.verbBytes} bytes`] });
  }
  if (jsonBytes(value) > SIZES.activityBytes) throw activityTooLarge();
  return {
    actor: reference(value.actor),
    verb,
    object: reference(value.object),
    target: reference(value.target),
    foreignId: reference(value.foreign_id),
    time: parseActivityTime(value.time),
    to: parseTargets(value.to, groups),
    custom: Object.fromEntries(Object.entries(value).filter(([name]) => !isBuiltIn(name))),
  };
}

/** Reads an activity for an update, which names it by foreign id and time. */
export function parseActivityUpdate(value: unknown, groups: FeedGroups): ActivityInput & { readonly time: Micros } {
  if (!isObject(value)) throw inputError('an activity must be a JSON object');
  requireFields(value, ['foreign_id', 'time']);
  const input = parseActivity(value, groups);
  if (input.time === undefined) throw fieldsError({ time: ['this field is required'] });
  return { ...input, time: input.time };
}

export function parseActivityTime(value: unknown): Micros | undefined {
  if (value === undefined || value === null) return undefined;
  const time = typeof value === 'string' ? parseTime(value) : undefined;
  if (time === undefined) throw fieldsError({ time: ['time must be in ISO 8601 format'] });
  return time;
}

export function parseTargets(value: unknown, groups: FeedGroups, field = 'to'): FeedId[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw fieldsError({ [field]: ['must be a list of feed ids'] });
  if (value.length > SIZES.toTargets) {
    throw fieldsError({ [field]: [`must not have more than ${SIZES.toTargets} feeds`] });
  }
  const feeds = value.map((name: unknown) => parseFeedName(withoutToken(name), groups));
  return [...new Map(feeds.map((feed) => [feedName(feed), feed])).values()];
}

/** Older clients follow a target's name by a token of its own (stream-python `add_to_signature`). */
function withoutToken(name: unknown): unknown {
  return typeof name === 'string' ? name.replace(/ \S+$/, '') : name;
}

/** Reads which activity is meant: `{id}`, or `{foreign_id, time}` of one that was added with both. */
export function parseActivityKey(value: Record<string, unknown>): ActivityKey {
  if (value.id !== undefined && value.id !== null) return { id: requireId(value.id, 'id') };
  requireFields(value, ['foreign_id', 'time']);
  const time = parseActivityTime(value.time);
  if (time === undefined) throw fieldsError({ time: ['this field is required'] });
  return { foreignId: reference(value.foreign_id), time };
}

export function activityTooLarge(): Error {
  return inputError(`an activity must not be larger than ${SIZES.activityBytes} bytes`);
}

export function isBuiltIn(name: string): boolean {
  return BUILT_IN.some((builtIn) => builtIn === name);
}

function requireFields(value: Record<string, unknown>, names: readonly string[]): void {
  const missing = names.filter((name) => {
    const field = value[name];
    return field === undefined || field === null || field === '';
  });
  if (missing.length > 0) {
    throw fieldsError(Object.fromEntries(missing.map((name) => [name, ['this field is required']])));
  }
}

/** References are text; numbers become text (stream-python `test_uniqueness_foreign_id` reads `"3"` for `3`). */
function reference(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  throw inputError('actor, verb, object, target and foreign_id must be strings');
}
