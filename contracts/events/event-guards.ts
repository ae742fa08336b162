import type { EdgePosition, EdgeRegister } from './edge-order.ts';
import { DEFAULT_EVENT_POLICY, type EventPolicy } from './event-policy.ts';
import {
  EVENT_CODE_VERSION,
  type AuditEntry,
  type EdgeState,
  type EventFailureView,
  type EventLedgerState,
  type LateWrites,
  type OperatorRequest,
  type SocialEventInput,
} from './event-workflow.ts';
import { FAILURE_TYPES } from './failure-types.ts';
import { EVENT_STATUSES } from '../shared/names.ts';
import { isEdgeEvent, type EdgeEvent, type SocialEvent } from './social-event.ts';
import { UnreadablePayload } from '../shared/tolerant-payload-converter.ts';

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
    ...(value['version'] === EVENT_CODE_VERSION ? { version: EVENT_CODE_VERSION } : {}),
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

/**
 * Written by the workflow itself, also by earlier versions of it, which kept less. Started by hand it may be anything: what
 * makes no sense is left out, and all of it where nothing is left to go on from.
 */
function readCarried(value: unknown): EventLedgerState | undefined {
  if (!isObject(value)) return undefined;
  const { rounds, audit, decision, ignored, mayBeWritten } = value;
  const event = readSocialEvent(value['event']);
  const status = EVENT_STATUSES.find((known) => known === value['status']);
  if (!event || !status || !isCount(rounds) || !Array.isArray(audit)) return undefined;
  const register = readRegister(value['register']);
  const failure = readFailure(value['failure']);
  const newer = readEdgeEvent(value['newer']);
  const waiting = readWaiting(value['waiting']);
  const late = readLateWrites(value['late']);
  return {
    event,
    status,
    rounds,
    audit: audit.flatMap((entry: unknown) => readAuditEntry(entry) ?? []),
    overtaken: value['overtaken'] === true,
    ...(register ? { register } : {}),
    ...(failure ? { failure } : {}),
    ...(newer ? { newer } : {}),
    ...(waiting ? { waiting } : {}),
    ...(late ? { late } : {}),
    ...(typeof mayBeWritten === 'boolean' ? { mayBeWritten } : {}),
    ...(decision === 'retry' || decision === 'skip' ? { decision } : {}),
    ...(value['givenUp'] === true ? { givenUp: true } : {}),
    ...(isTextList(ignored) ? { ignored } : {}),
    ...timesOf(value, ['beganMs', 'spentMs', 'autoRetries', 'parkedMs']),
  };
}

function timesOf<Name extends string>(
  value: Readonly<Record<string, unknown>>,
  names: readonly Name[],
): Partial<Record<Name, number>> {
  const times = names.flatMap((name) => {
    const time = value[name];
    return isTime(time) ? [[name, time]] : [];
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- names and times as they were just listed
  return Object.fromEntries(times) as Partial<Record<Name, number>>;
}

function readFailure(value: unknown): EventFailureView | undefined {
  if (!isObject(value)) return undefined;
  const { message, step, undone, compensationFailure } = value;
  const type = Object.values(FAILURE_TYPES).find((known) => known === value['type']);
  if (!type || typeof message !== 'string' || typeof step !== 'string' || !isTextList(undone)) return undefined;
  return { type, message, step, undone, ...(isText(compensationFailure) ? { compensationFailure } : {}) };
}

function readWaiting(value: unknown): EventLedgerState['waiting'] {
  if (!isObject(value)) return undefined;
  const event = readSocialEvent(value['event']);
  if (!event) return undefined;
  const failure = readFailure(value['failure']);
  const { decision } = value;
  return {
    event,
    ...(failure ? { failure } : {}),
    ...(decision === 'retry' || decision === 'skip' ? { decision } : {}),
  };
}

function readAuditEntry(value: unknown): AuditEntry | undefined {
  const request = readOperatorRequest(value);
  if (!isObject(value) || !request) return undefined;
  const { action, accepted, at } = value;
  if ((action !== 'retry' && action !== 'skip') || typeof accepted !== 'boolean' || !isDate(at)) return undefined;
  return { ...request, action, accepted, at };
}

/** An attempt or a pause of no time is none that Temporal takes. */
const AT_LEAST_ONE: readonly (keyof EventPolicy)[] = [
  'fastAttemptTimeoutMs',
  'attemptTimeoutMs',
  'retryInitialMs',
  'retryMaximumMs',
];
/** Ten years; timers and time-outs beyond it are a slip, and too long for Temporal soon after. */
const LONGEST_MS = 315_360_000_000;

function usablePolicy(policy: Readonly<Record<string, unknown>>): Partial<EventPolicy> {
  const names: readonly (keyof EventPolicy)[] = [
    ...Object.keys(DEFAULT_EVENT_POLICY).filter(isPolicyField),
    'parkedLimitMs',
  ];
  const usable = names.filter((name) => {
    const value = policy[name];
    if (name === 'autoRetryDelaysMs') return Array.isArray(value) && value.every(isDuration);
    if (name === 'parentMissing') return value === 'park' || value === 'write';
    return isDuration(value) && (value >= 1 || !AT_LEAST_ONE.includes(name));
  });
  return Object.fromEntries(usable.map((name) => [name, policy[name]]));
}

function isPolicyField(name: string): name is keyof EventPolicy {
  return name in DEFAULT_EVENT_POLICY;
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

/** Not of bytes, as a payload of no form that is known may hold. */
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
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

function isDuration(value: unknown): value is number {
  return isTime(value) && value <= LONGEST_MS;
}

function isDate(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
