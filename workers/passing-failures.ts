import { isGrpcServiceError } from '@temporalio/client';
import { TransportError } from '@temporalio/worker';

/** Which failures of a start go away by waiting, and which only by other settings. */

/** gRPC: CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE [grpc.io: status codes]. */
const PASSING_CODES: ReadonlySet<number> = new Set([1, 2, 4, 8, 10, 13, 14]);
/** Of both transports, Node's and the native one's: a server that is there, but is not who or what was asked for. */
const TLS_REFUSED =
  /certificate|SSL routines|wrong version number|EPROTO|InvalidContentType|HandshakeFailure|AlertReceived/i;
const THROTTLED = /throttl|TooManyRequests|RequestLimitExceeded|SlowDown/i;
const TIMED_OUT: ReadonlySet<string> = new Set(['TimeoutError', 'AbortError', 'NetworkingError']);
const MAX_CAUSES = 10;

/** A start that took too long to be believed in, see {@link within}. */
export class StartTimeoutError extends Error {
  override readonly name = 'StartTimeoutError';
}

export function temporalMayPass(error: unknown): boolean {
  return causesOf(error).some((cause) => {
    if (cause instanceof StartTimeoutError) return true;
    if (cause instanceof TransportError) return !/ParseError/.test(cause.message) && !TLS_REFUSED.test(cause.message);
    return isGrpcServiceError(cause) && PASSING_CODES.has(cause.code) && !TLS_REFUSED.test(cause.details);
  });
}

export function awsMayPass(error: unknown): boolean {
  return causesOf(error).some((cause) => {
    if (!(cause instanceof Error) || cause.name === 'CredentialsProviderError') return false;
    const status = httpStatusOf(cause);
    if (status !== undefined) return status >= 500 || status === 429 || THROTTLED.test(cause.name);
    return TIMED_OUT.has(cause.name) || typeof Reflect.get(cause, 'code') === 'string';
  });
}

/** The outcome of a start that may hang, because what it connects to takes connections and answers nothing. */
export async function within<Value>(
  ms: number,
  started: Promise<Value>,
  undo: (late: Value) => unknown,
): Promise<Value> {
  const late = Promise.withResolvers<never>();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    late.reject(new StartTimeoutError(`no answer within ${ms / 1_000} s`));
  }, ms);
  started.then(
    (value) => isLate && undo(value),
    () => undefined,
  );
  try {
    return await Promise.race([started, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function httpStatusOf(error: Error): number | undefined {
  const metadata: unknown = Reflect.get(error, '$metadata');
  const status: unknown =
    typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'httpStatusCode') : undefined;
  return typeof status === 'number' ? status : undefined;
}

function causesOf(error: unknown): readonly unknown[] {
  const causes: unknown[] = [];
  for (let cause = error; cause !== undefined && cause !== null && causes.length < MAX_CAUSES;) {
    causes.push(cause);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}
