import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { SiteError, StreamApiError } from 'getstream';
import { errorFacts, type ErrorFacts } from '../contracts/shared/error-facts.ts';
import { redactText } from '../contracts/shared/redaction.ts';
import { FAILURE_TYPES, FINAL_FAILURE_TYPES, type FailureType } from '../contracts/events/failure-types.ts';

/** Longest wait a rate limit may ask for: its widest window is one hour [getstream.io: Rate Limits]. */
const MAX_RATE_LIMIT_WAIT_MS = 3_600_000;
const MIN_RATE_LIMIT_WAIT_MS = 500;
/** Waiters on one reset come back spread over this share of the wait, at least a second, so that they do not all meet 429 again. */
const RATE_LIMIT_SPREAD = 0.25;
const MAX_MESSAGE_LENGTH = 500;
/** Of a refused request. */
const MAX_FIELDS_NAMED = 10;

/** The decision on a failed call: its class, and for a rate limit how long to wait. */
export interface FailureClass {
  readonly type: FailureType;
  readonly message: string;
  /** Milliseconds until the quota is renewed. */
  readonly retryAfterMs?: number;
}

/**
 * The one place that decides whether a failed call to GetStream is worth another try. A call without an answer is
 * ambiguous unless the connection was never made.
 */
export function classifyFailure(error: unknown, nowMs: number): FailureClass {
  if (error instanceof StreamApiError) return classifyResponse(error.response, nowMs);
  if (error instanceof SiteError) {
    const message = error.message || 'no answer';
    return { type: isNeverSent(message) ? FAILURE_TYPES.unavailable : FAILURE_TYPES.ambiguous, message };
  }
  return { type: FAILURE_TYPES.internal, message: error instanceof Error ? error.message : String(error) };
}

/**
 * The failure Temporal acts on: final ones are not retried, rate limits wait as long as the server says. Nothing in it is the
 * client's: neither the request with its token and the user's content, nor text of the server that has the form of a secret.
 */
export function toApplicationFailure(
  error: unknown,
  nowMs: number,
  random: () => number = Math.random,
): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const { type, message, retryAfterMs } = classifyFailure(error, nowMs);
  const final = FINAL_FAILURE_TYPES.includes(type);
  return ApplicationFailure.create({
    type,
    message: toldText(message),
    nonRetryable: final,
    // Expected on the way to success: no error log and no failure metric for each attempt.
    ...(final ? {} : { category: ApplicationFailureCategory.BENIGN }),
    ...(retryAfterMs === undefined ? {} : { nextRetryDelay: spread(retryAfterMs, random) }),
    ...(error instanceof Error ? { cause: toPlainError(errorFacts(error)) } : {}),
  });
}

/** An error with the facts of another one and nothing else. */
function toPlainError({ message, cause, errors = [], ...facts }: ErrorFacts): Error {
  const plain = new Error(toldText(message), cause && { cause: toPlainError(cause) });
  const stack = facts.stack === undefined ? {} : { stack: redactText(facts.stack) };
  return Object.assign(plain, facts, stack, errors.length > 0 ? { errors: errors.map(toPlainError) } : {});
}

/** Redacted first, because a token that was cut is not seen to be one. */
function toldText(text: string): string {
  return redactText(text).slice(0, MAX_MESSAGE_LENGTH).toWellFormed();
}

interface Response {
  readonly status: number;
  readonly data: unknown;
  readonly headers: unknown;
}

function classifyResponse({ status, data, headers }: Response, nowMs: number): FailureClass {
  const message = describe(status, data);
  if (status === 429) {
    return { type: FAILURE_TYPES.rateLimited, message, retryAfterMs: rateLimitWait(headers, nowMs) };
  }
  if (status === 401 || status === 403) return { type: FAILURE_TYPES.notAllowed, message };
  if (status === 404) return { type: FAILURE_TYPES.notFound, message };
  // 502 and 504 come from something in front of the API, which may have passed the write on.
  if (status === 408 || status === 502 || status === 504) return { type: FAILURE_TYPES.ambiguous, message };
  if (status === 409 || status === 425 || status >= 500) return { type: FAILURE_TYPES.unavailable, message };
  return { type: FAILURE_TYPES.invalidRequest, message };
}

/** Reads the reset against the server's own clock where it sent one, so that a skewed clock here changes nothing. */
function rateLimitWait(headers: unknown, nowMs: number): number {
  const retryAfterSeconds = Number(header(headers, 'retry-after') || Number.NaN);
  if (retryAfterSeconds > 0) return clampWait(retryAfterSeconds * 1000);
  const resetSeconds = Number(header(headers, 'x-ratelimit-reset') || Number.NaN);
  if (Number.isNaN(resetSeconds)) return clampWait(60_000);
  const serverNowMs = Date.parse(header(headers, 'date'));
  return clampWait(resetSeconds * 1000 - (Number.isNaN(serverNowMs) ? nowMs : serverNowMs));
}

function clampWait(ms: number): number {
  return Math.min(Math.max(ms, MIN_RATE_LIMIT_WAIT_MS), MAX_RATE_LIMIT_WAIT_MS);
}

function spread(waitMs: number, random: () => number): number {
  const spreadMs = Math.max(1000, waitMs * RATE_LIMIT_SPREAD);
  // Not beyond the widest window: the hour after the reset has a quota of its own.
  return Math.round(waitMs + random() * Math.max(1000, Math.min(spreadMs, MAX_RATE_LIMIT_WAIT_MS - waitMs)));
}

function header(headers: unknown, name: string): string {
  const value = property(headers, name);
  return typeof value === 'string' ? value : '';
}

/** `HTTP 400: <detail>: <field>: <why>; ...`: GetStream's detail of a refused field names the field, not the reason. */
function describe(status: number, data: unknown): string {
  const detail = textOf(property(data, 'detail'));
  const reasons = fieldReasons(property(data, 'exception_fields'));
  const told = [detail, reasons].filter((part) => part !== '');
  return toldText(`HTTP ${status}: ${told.join(': ') || JSON.stringify(data) || 'no body'}`);
}

/** Reads what clients have seen of it, reasons by field in lists of text, and anything else as far as it makes sense. */
function fieldReasons(fields: unknown): string {
  if (typeof fields !== 'object' || fields === null) return textOf(fields);
  const entries = Object.entries(fields).slice(0, MAX_FIELDS_NAMED);
  return entries
    .map(([field, reasons]) => (Array.isArray(fields) ? textOf(reasons) : `${field}: ${textOf(reasons)}`))
    .join('; ');
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.slice(0, MAX_FIELDS_NAMED).map(textOf).join(', ');
  return JSON.stringify(value);
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function isNeverSent(message: string): boolean {
  return /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/.test(message);
}
