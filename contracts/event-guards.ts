import type { EdgePosition, EdgeRegister } from './edge-order.ts';
import type { EventPolicy } from './event-policy.ts';
import type { EdgeState, EventLedgerState, LateWrites, OperatorRequest, SocialEventInput } from './event-workflow.ts';
import { isEdgeEvent, type EdgeEvent, type SocialEvent } from './social-event.ts';
import { UnreadablePayload } from './tolerant-payload-converter.ts';

/**
 * Readers of what arrives at a workflow or stands in its history: anybody may start, signal or update one by hand, with any
 * payload. Written by hand because zod must not enter the workflow bundle. Each gives undefined for what makes no sense.
 */

const KINDS: Readonly<
  Record<SocialEvent['kind'], { readonly fields: readonly string[]; readonly actions: readonly string[] }>
> = {
  activity: { fields: ['actor', 'objectId', 'foreignId', 'feed', 'time', 'verb'], actions: [] },
  comment: { fields: ['actor', 'objectId', 'foreignId', 'feed', 'time', 'verb', 'parentId'], actions: [] },
  reaction: { fields: ['edgeId', 'reactionId', 'activityId', 'userId'], actions: ['Like', 'Unlike', 'Star', 'Share'] },
  follow: { fields: ['source', 'target'], actions: ['Follow', 'Unfollow'] },
};
const LISTS: Readonly<Record<SocialEvent['kind'], readonly string[]>> = {
  activity: ['to', 'hashTags'],
  comment: ['to', 'hashTags'],
  reaction: ['targetFeeds'],
  follow: [],
};

export function readSocialEvent(value: unknown): SocialEvent | undefined {
  if (!isObject(value)) return undefined;
  const { kind } = value;
  if (kind !== 'activity' && kind !== 'comment' && kind !== 'reaction' && kind !== 'follow') return undefined;
  const { fields, actions } = KINDS[kind];
  const isComplete =
    isTime(value['eventTimeMicros']) &&
    (value['sentMicros'] === undefined || isTime(value['sentMicros'])) &&
    (value['eventId'] === undefined || isText(value['eventId'])) &&
    fields.every((field) => isText(value[field])) &&
    LISTS[kind].every((field) => isTextList(value[field])) &&
    (actions.length === 0 || actions.some((action) => action === value['action'])) &&
    (kind !== 'follow' || isCount(value['copyLimit']));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every field was checked just above
  return isComplete ? (value as unknown as SocialEvent) : undefined;
}

export function readEdgeEvent(value: unknown): EdgeEvent | undefined {
  const event = readSocialEvent(value);
  return event && isEdgeEvent(event) ? event : undefined;
}

/** What earlier versions wrote of an edge is read as well: a position and nothing else. */
export function readRegister(value: unknown): EdgeRegister | undefined {
  const position = readPosition(value);
  if (!position || !isObject(value)) return undefined;
  const { stands, eventIds } = value;
  return {
    ...position,
    ...(stands === undefined ? {} : { stands: readPosition(stands) ?? null }),
    ...(isTextList(eventIds) ? { eventIds } : {}),
  };
}

export function readLateWrites(value: unknown): LateWrites | undefined {
  if (!isObject(value) || !isTime(value['untilMs'])) return undefined;
  const { sinceMs, of } = value;
  return { untilMs: value['untilMs'], ...(isTime(sinceMs) ? { sinceMs } : {}), ...(isText(of) ? { of } : {}) };
}

/** Of a memo or a result. */
export function readEdgeState(value: unknown): EdgeState | undefined {
  if (!isObject(value)) return undefined;
  const register = readRegister(value['register']);
  const unsettled = readEdgeEvent(value['unsettled']);
  const late = readLateWrites(value['late']);
  return { ...(register ? { register } : {}), ...(unsettled ? { unsettled } : {}), ...(late ? { late } : {}) };
}

/** The argument of a start. A policy's fields that make no sense are left to their defaults. */
export function readEventInput(value: unknown): SocialEventInput | undefined {
  if (!isObject(value)) return undefined;
  const event = readSocialEvent(value['event']);
  if (!event) return undefined;
  const register = readRegister(value['register']);
  const late = readLateWrites(value['late']);
  const carried = readCarried(value['carried']);
  return {
    event,
    ...(register ? { register } : {}),
    ...(late ? { late } : {}),
    ...(isObject(value['policy']) ? { policy: usablePolicy(value['policy']) } : {}),
    ...(carried ? { carried } : {}),
  };
}

/** Who asked and why, in bounded texts; nothing at all is fine. Undefined for an argument that is something else. */
export function readOperatorRequest(value: unknown): OperatorRequest | undefined {
  if (value === undefined || value === null) return {};
  if (!isObject(value) || value instanceof UnreadablePayload) return undefined;
  const [by, reason] = [boundedText(value['by']), boundedText(value['reason'])];
  return { ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { reason }) };
}

/** Written by the workflow itself; only started by hand it may be anything. */
function readCarried(value: unknown): EventLedgerState | undefined {
  if (!isObject(value) || !readSocialEvent(value['event']) || !isText(value['status'])) return undefined;
  if (!Array.isArray(value['audit']) || typeof value['rounds'] !== 'number') return undefined;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the fields a run relies on were checked just above
  return value as unknown as EventLedgerState;
}

function usablePolicy(policy: Readonly<Record<string, unknown>>): Partial<EventPolicy> {
  const usable = Object.entries(policy).filter(([name, value]) => {
    if (name === 'autoRetryDelaysMs') return Array.isArray(value) && value.every(isTime);
    if (name === 'parentMissing') return value === 'park' || value === 'write';
    return isTime(value);
  });
  return Object.fromEntries(usable);
}

function readPosition(value: unknown): EdgePosition | undefined {
  if (!isObject(value)) return undefined;
  const { eventTimeMicros, sentMicros, present, tieBreak } = value;
  if (!Number.isFinite(eventTimeMicros) || typeof eventTimeMicros !== 'number') return undefined;
  if (typeof present !== 'boolean' || typeof tieBreak !== 'string') return undefined;
  return { eventTimeMicros, ...(isTime(sentMicros) ? { sentMicros } : {}), present, tieBreak };
}

const MAX_REQUEST_TEXT = 500;

function boundedText(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, MAX_REQUEST_TEXT) : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
