import { ApplicationFailure } from '@temporalio/workflow';
import type { SessionPolicy } from '../contracts/session-limits.ts';
import type { AcquireRequest, Beat, EvictRequest, Release } from '../contracts/stream-sessions.ts';

/**
 * The form of messages, checked without zod, which stays out of the bundle. Callers parse before they send; this keeps
 * what anybody can send, from the Web UI too, from harming the account. Synchronous: a validator that returns a promise
 * wedges the workflow.
 */

export const INVALID_SESSION_MESSAGE = 'InvalidSessionMessage';

const MAX_ID_LENGTH = 255;
const MAX_TEXT_LENGTH = 500;
const MAX_NAMED_EVICTIONS = 20;
const MAX_EVICTIONS = 400;
/** Messages in one signal; more than an account can have streams. */
const MAX_BATCH = 1_000;
const MODES: readonly unknown[] = ['direct', 'watched', 'counted', undefined];
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
  if (!isRecord(request)) throw refusal('the request must be an object');
  for (const field of ['streamId', 'deviceId'] as const) {
    if (!isId(request[field])) throw refusal(`${field} must be a text of 1 to ${MAX_ID_LENGTH} characters`);
  }
  for (const field of ['deviceType', 'contentId', 'plan', 'requestId'] as const) {
    const value: unknown = request[field];
    if (value !== undefined && !isId(value)) {
      throw refusal(`${field} must be a text of 1 to ${MAX_ID_LENGTH} characters, where given`);
    }
  }
  if (!MODES.includes(request.mode)) throw refusal('mode must be direct, watched or counted');
  const { evict } = request;
  if (evict !== undefined && !isIdList(evict, MAX_NAMED_EVICTIONS)) {
    throw refusal(`evict must be a list of at most ${MAX_NAMED_EVICTIONS} stream ids`);
  }
  checkPolicy(policy);
}

/** @throws ApplicationFailure */
export function checkEvict(request: EvictRequest): void {
  if (!isRecord(request)) throw refusal('the request must be an object');
  const { streamIds } = request;
  if (streamIds !== undefined && !isIdList(streamIds, MAX_EVICTIONS)) {
    throw refusal('streamIds must be a list of stream ids; leave it out to evict all');
  }
  for (const field of ['by', 'reason'] as const) {
    const value: unknown = request[field];
    if (value !== undefined && (typeof value !== 'string' || value.length > MAX_TEXT_LENGTH)) {
      throw refusal(`${field} must be a text of at most ${MAX_TEXT_LENGTH} characters`);
    }
  }
}

/** The usable ones of a signal's beats; a signal cannot be refused. */
export function usableBeats(beats: readonly Beat[] | undefined): readonly Beat[] {
  return usable(beats);
}

/** The usable ones of a signal's releases. */
export function usableReleases(releases: readonly Release[] | undefined): readonly Release[] {
  return usable(releases).map(({ streamId, requestId, lost, silentMs, byWatcher }) => ({
    streamId,
    ...(isId(requestId) ? { requestId } : {}),
    ...(lost === true ? { lost } : {}),
    ...(Number.isFinite(silentMs) ? { silentMs: Number(silentMs) } : {}),
    ...(byWatcher === true ? { byWatcher } : {}),
  }));
}

/** Only what would break the ledger: the policy itself was parsed where it came from. */
function checkPolicy(policy: SessionPolicy): void {
  if (!isRecord(policy) || !Number.isInteger(policy.version)) throw refusal('the policy must have a version');
  for (const field of DURATIONS) {
    if (!Number.isFinite(policy[field]) || policy[field] < 0) throw refusal(`policy.${field} must be a duration`);
  }
  for (const { caps } of policy.shadow ? [policy, policy.shadow] : [policy]) {
    if (!isRecord(caps) || !Number.isInteger(caps.account)) throw refusal('the policy must cap the account');
  }
}

function usable<Item extends Beat>(items: readonly Item[] | undefined): readonly Item[] {
  if (!Array.isArray(items)) return [];
  const list: readonly Item[] = items;
  return list.slice(0, MAX_BATCH).filter((item) => isRecord(item) && isId(item.streamId));
}

function isIdList(value: unknown, most: number): boolean {
  return Array.isArray(value) && value.length <= most && value.every(isId);
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_ID_LENGTH;
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refusal(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, INVALID_SESSION_MESSAGE);
}
