import { NamespaceNotFoundError } from '@temporalio/common';
import { StartRefusedError } from './event-starter.ts';

/** Whose failure it is, as far as the error itself tells: that message's, everybody's, or to be judged by evidence. */
export type FailureScope = 'message' | 'everybody' | 'unknown';

/** gRPC status codes by number [grpc.io: status codes], and what each says of who else is hit. */
const CODES: Readonly<Record<number, readonly [name: string, scope: FailureScope]>> = {
  1: ['CANCELLED', 'unknown'],
  2: ['UNKNOWN', 'unknown'],
  3: ['INVALID_ARGUMENT', 'message'],
  4: ['DEADLINE_EXCEEDED', 'unknown'],
  // A run that is gone; a namespace that is missing has an error class of its own.
  5: ['NOT_FOUND', 'unknown'],
  6: ['ALREADY_EXISTS', 'message'],
  7: ['PERMISSION_DENIED', 'everybody'],
  8: ['RESOURCE_EXHAUSTED', 'everybody'],
  9: ['FAILED_PRECONDITION', 'unknown'],
  10: ['ABORTED', 'unknown'],
  11: ['OUT_OF_RANGE', 'message'],
  12: ['UNIMPLEMENTED', 'everybody'],
  13: ['INTERNAL', 'unknown'],
  14: ['UNAVAILABLE', 'everybody'],
  15: ['DATA_LOSS', 'unknown'],
  16: ['UNAUTHENTICATED', 'everybody'],
};
/** How deep causes are followed; a chain may be a ring. */
const MAX_CAUSES = 10;

export function scopeOfFailure(error: unknown): FailureScope {
  for (const cause of causesOf(error)) {
    if (cause instanceof StartRefusedError) return cause.scope;
    if (cause instanceof NamespaceNotFoundError) return 'everybody';
    const code = grpcCodeOf(cause);
    if (code) return code.scope;
  }
  return 'unknown';
}

/** The failure in a line for operators: what was attempted, the gRPC code, and Temporal's own words. */
export function describeFailure(error: unknown): string {
  const parts: string[] = [];
  for (const cause of causesOf(error)) {
    const text = wordsOf(cause);
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text);
  }
  return parts.join(': ') || 'no reason given';
}

function wordsOf(cause: unknown): string {
  const code = grpcCodeOf(cause);
  if (code) return code.details === '' ? code.name : `${code.name}: ${code.details}`;
  if (cause instanceof Error) return cause.message || cause.name;
  return typeof cause === 'string' ? cause : '';
}

/** By shape, not by class: connections of Node and of the native core throw different ones. */
function grpcCodeOf(cause: unknown) {
  if (!(cause instanceof Error) || !('code' in cause) || typeof cause.code !== 'number') return undefined;
  const known = CODES[cause.code];
  const details = 'details' in cause && typeof cause.details === 'string' ? cause.details : cause.message;
  return known && { name: known[0], scope: known[1], details };
}

function causesOf(error: unknown): readonly unknown[] {
  const causes: unknown[] = [];
  for (let cause = error; cause !== undefined && cause !== null && causes.length < MAX_CAUSES;) {
    causes.push(cause);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}
