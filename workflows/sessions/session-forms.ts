import { ApplicationFailure } from '@temporalio/workflow';
import { OVER_LIMIT_BEHAVIOURS, POLICY_BOUNDS, type SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import { isSessionId, MAX_SESSION_ID_LENGTH, SESSION_ID_FORM } from '../../contracts/sessions/session-stream.ts';
import {
  INVALID_SESSION_MESSAGE,
  type AcquireRequest,
  type Beat,
  type ContentSwitch,
  type EvictRequest,
  type Release,
} from '../../contracts/sessions/stream-sessions.ts';
import { UnreadablePayload } from '../../contracts/shared/tolerant-payload-converter.ts';

/**
 * The form of messages, checked without zod, which stays out of the bundle. Callers parse before they send; this keeps
 * what anybody can send, from the Web UI too, from harming the account. Synchronous: a validator that returns a promise
 * wedges the workflow. `null` is absence, but for the ids of an eviction, where absence means all streams.
 */

const MAX_TEXT_LENGTH = 500;
const MAX_NAMED_EVICTIONS = 20;
const MAX_EVICTIONS = 400;
/** Messages in one signal; more than an account can have streams. */
const MAX_BATCH = 1_000;
/** Of the ids of one acquire in UTF-8, as each may be carried along for weeks. */
const MAX_BYTES_OF_IDS = 2_048;
const MODES: readonly unknown[] = ['direct', 'watched', 'counted'];
const OVER_LIMIT: readonly unknown[] = OVER_LIMIT_BEHAVIOURS;
const OPTIONAL_IDS = ['deviceType', 'contentId', 'plan', 'requestId'] as const;
const EVICTION_FIELDS: readonly string[] = ['streamIds', 'by', 'reason'];
const DURATIONS = [
  'leaseMs',
  'heartbeatIntervalMs',
  'watchedLeaseMs',
  'registrationLeaseMs',
  'handoffGraceMs',
  'rememberEndedMs',
  'idleCloseMs',
] as const;

/** @throws ApplicationFailure, which refuses the update before it enters the history */
export function checkAcquire(request: AcquireRequest, policy: SessionPolicy): void {
  const fields = recordOf(request) ?? refuse('the request must be an object');
  for (const field of ['streamId', 'deviceId']) {
    if (!isSessionId(fields[field])) refuse(`${field} must be ${SESSION_ID_FORM}`);
  }
  for (const field of OPTIONAL_IDS) {
    if (isPresent(fields[field]) && !isSessionId(fields[field]))
      refuse(`${field} must be ${SESSION_ID_FORM}, where given`);
  }
  const { mode, evict } = fields;
  if (isPresent(mode) && !MODES.includes(mode)) refuse('mode must be direct, watched or counted');
  if (isPresent(evict) && !isIdList(evict, MAX_NAMED_EVICTIONS))
    refuse(`evict must be a list of at most ${MAX_NAMED_EVICTIONS} stream ids`);
  const ids = ['streamId', 'deviceId', ...OPTIONAL_IDS].map((field) => fields[field]).filter(isPresent);
  if (bytesOf(ids) > MAX_BYTES_OF_IDS) refuse(`the ids must have at most ${MAX_BYTES_OF_IDS} bytes together`);
  checkPolicy(policy);
}

/** The acquire without what is `null`. */
export function readAcquire(request: AcquireRequest): AcquireRequest {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same fields, each of which may be left out
  return Object.fromEntries(
    Object.entries(request).filter(([, value]) => isPresent(value)),
  ) as unknown as AcquireRequest;
}

/** @throws ApplicationFailure */
export function checkSwitch(request: ContentSwitch): void {
  const fields = recordOf(request) ?? refuse('the request must be an object');
  for (const field of ['streamId', 'contentId']) {
    if (!isSessionId(fields[field])) refuse(`${field} must be ${SESSION_ID_FORM}`);
  }
}

/** A misspelt field is refused, as all streams would end. @throws ApplicationFailure */
export function checkEvict(request: EvictRequest): void {
  const fields = recordOf(request) ?? refuse('the request must be an object');
  const strange = Object.keys(fields).find((field) => !EVICTION_FIELDS.includes(field));
  if (strange !== undefined) refuse(`${JSON.stringify(strange.slice(0, MAX_TEXT_LENGTH))} is no field of an eviction`);
  const { streamIds } = fields;
  if (streamIds !== undefined && !isIdList(streamIds, MAX_EVICTIONS)) {
    refuse('streamIds must be a list of stream ids; leave it out to evict all');
  }
  for (const field of ['by', 'reason']) {
    const value = fields[field];
    if (isPresent(value) && (typeof value !== 'string' || value.length > MAX_TEXT_LENGTH)) {
      refuse(`${field} must be a text of at most ${MAX_TEXT_LENGTH} characters`);
    }
  }
}

export function readEvict({ streamIds, by, reason }: EvictRequest): EvictRequest {
  return {
    ...(streamIds === undefined ? {} : { streamIds }),
    // No store keeps a lone surrogate.
    ...(isPresent(by) ? { by: by.toWellFormed() } : {}),
    ...(isPresent(reason) ? { reason: reason.toWellFormed() } : {}),
  };
}

/** What a signal held that could be used, and what it held else, in words. A signal cannot be refused. */
export interface Usable<Item> {
  readonly items: readonly Item[];
  readonly ignored?: string;
}

export function usableBeats(argument: unknown): Usable<Beat> {
  return usable(argument, ({ streamId }) => ({ streamId }));
}

export function usableReleases(argument: unknown): Usable<Release> {
  return usable(argument, ({ streamId, requestId, lost, silentMs, byWatcher }) => ({
    streamId,
    ...(isUsableId(requestId) ? { requestId } : {}),
    ...(lost === true ? { lost } : {}),
    ...(Number.isFinite(silentMs) ? { silentMs: Number(silentMs) } : {}),
    ...(byWatcher === true ? { byWatcher } : {}),
  }));
}

type Fields = Readonly<Record<string, unknown>>;

function usable<Item>(argument: unknown, read: (fields: Fields & { streamId: string }) => Item): Usable<Item> {
  if (argument instanceof UnreadablePayload)
    return { items: [], ignored: `an argument that cannot be read, with the encoding "${nameOf(argument)}"` };
  if (!Array.isArray(argument)) return { items: [], ignored: 'an argument that is no list of streams' };
  const list: readonly unknown[] = argument;
  const items = list.slice(0, MAX_BATCH).flatMap((item) => {
    const fields = recordOf(item);
    const streamId = fields?.['streamId'];
    return fields && isUsableId(streamId) ? [read({ ...fields, streamId })] : [];
  });
  const useless = list.length - items.length;
  return { items, ...(useless === 0 ? {} : { ignored: `${useless} of ${list.length} streams, which are none` }) };
}

/** Whether a ledger can go by it. */
export function isPolicy(value: unknown): value is SessionPolicy {
  try {
    checkPolicy(value);
    return true;
  } catch {
    return false;
  }
}

/** What an encoding may be called; other text is not ours to show. */
function nameOf({ encoding }: UnreadablePayload): string {
  return /^[\w./+-]{1,40}$/.test(encoding) ? encoding : 'unknown';
}

/** Only what would break the ledger: the policy itself was parsed where it came from. */
function checkPolicy(policy: unknown): void {
  const fields = recordOf(policy) ?? refuse('the policy must be an object');
  if (bytesOf(policy) > POLICY_BOUNDS.bytes) refuse(`the policy must have at most ${POLICY_BOUNDS.bytes} bytes`);
  for (const field of DURATIONS) {
    const value = fields[field];
    if (typeof value !== 'number' || !(value >= 0 && value <= POLICY_BOUNDS.durationMs))
      refuse(`policy.${field} must be a duration of at most ${POLICY_BOUNDS.durationMs} ms`);
  }
  checkRules(fields, 'policy');
  const { shadow } = fields;
  if (isPresent(shadow)) checkRules(recordOf(shadow) ?? refuse('policy.shadow must be an object'), 'policy.shadow');
}

function checkRules({ version, caps, plans, overLimit }: Fields, where: string): void {
  if (!Number.isSafeInteger(version)) refuse(`${where} must have a version`);
  if (!OVER_LIMIT.includes(overLimit)) refuse(`${where}.overLimit must be one of ${OVER_LIMIT.join(', ')}`);
  if (!isCap(recordOf(caps)?.['account'])) refuse(`${where} must cap the account`);
  const tables = [caps, ...Object.values(plans === undefined ? {} : (recordOf(plans) ?? { plans }))];
  if (!tables.every(isCapTable)) refuse(`${where} must have caps of 0 to ${POLICY_BOUNDS.cap}`);
}

/** Numbers by the names that the ledger looks up, and tables of them. */
function isCapTable(value: unknown): boolean {
  const fields = recordOf(value);
  if (!fields) return false;
  const { account, content, deviceTypes, contents } = fields;
  return (
    [account, content].every((cap) => cap === undefined || isCap(cap)) &&
    [deviceTypes, contents].every(
      (table) => table === undefined || Object.values(recordOf(table) ?? { table }).every(isCap),
    )
  );
}

function isCap(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= POLICY_BOUNDS.cap;
}

function isIdList(value: unknown, most: number): boolean {
  return Array.isArray(value) && value.length <= most && value.every(isUsableId);
}

/** Of a stream there may be: earlier versions took ids that are none any more. */
function isUsableId(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_SESSION_ID_LENGTH;
}

function isPresent<Value>(value: Value): value is NonNullable<Value> {
  return value !== undefined && value !== null;
}

function recordOf(value: unknown): Fields | undefined {
  const isRecord =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof UnreadablePayload);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an object's fields may be anything
  return isRecord ? (value as Fields) : undefined;
}

function bytesOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

/** A declaration, so that what comes after is known not to run. */
function refuse(message: string): never {
  throw ApplicationFailure.nonRetryable(message, INVALID_SESSION_MESSAGE);
}
