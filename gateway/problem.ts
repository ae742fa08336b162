import { redactText } from '../contracts/shared/redaction.ts';

/** What went wrong, as RFC 9457 has it: `type` is `urn:stream-sessions:problem:<code>`. */
const PROBLEMS = {
  'invalid-request': [400, 'The request is not valid'],
  unauthenticated: [401, 'A valid token is required'],
  forbidden: [403, 'The token does not allow this'],
  blocked: [403, 'Blocked'],
  'not-found': [404, 'There is nothing here'],
  'method-not-allowed': [405, 'The method is not offered here'],
  'request-timeout': [408, 'The request took too long to arrive'],
  'stream-limit-reached': [409, 'Concurrent stream limit reached'],
  'stream-id-taken': [409, 'The id is in use for another device or stream'],
  'stream-ended': [410, 'The stream is over'],
  'payload-too-large': [413, 'The body is too large'],
  'uri-too-long': [414, 'The path is too long'],
  'unsupported-media-type': [415, 'The body must be JSON'],
  'request-mismatch': [422, 'The id was used for another request'],
  'rate-limited': [429, 'Too many requests'],
  'headers-too-large': [431, 'The headers are too large'],
  internal: [500, 'The request failed'],
  unavailable: [503, 'No answer in time'],
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

export interface ProblemOptions {
  readonly extensions?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** An answer other than success. The detail is for people and never holds a token. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly status: number;
  readonly title: string;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ProblemCode, detail: string, { extensions = {}, headers = {}, cause }: ProblemOptions = {}) {
    super(redactText(detail), { cause });
    this.code = code;
    [this.status, this.title] = PROBLEMS[code];
    this.extensions = extensions;
    this.headers = headers;
  }

  toBody(requestId: string): Record<string, unknown> {
    return {
      type: `urn:stream-sessions:problem:${this.code}`,
      title: this.title,
      status: this.status,
      detail: this.message,
      instance: `urn:stream-sessions:request:${requestId}`,
      requestId,
      ...this.extensions,
    };
  }
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** Seconds for `Retry-After`, never 0: whoever is sent away shall not come back at once. */
export function retryAfter(milliseconds: number): Record<string, string> {
  return { 'retry-after': String(Math.max(1, Math.ceil(milliseconds / 1_000))) };
}
