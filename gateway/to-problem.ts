import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import {
  InvalidSessionRequestError,
  RequestMismatchError,
  SessionsUnavailableError,
  StreamEndedError,
  StreamIdTakenError,
  StreamLimitReachedError,
} from '../client/session-errors.ts';
import { toActiveStream } from '../contracts/sessions/session-stream.ts';
import { redactText } from '../contracts/shared/redaction.ts';
import { KeysUnavailableError, UnauthenticatedError } from './auth/errors.ts';
import { Problem, retryAfter, type ProblemCode } from './problem.ts';
import { StoreUnavailableError } from './redis/connection.ts';
import { OtherDeviceError } from './watch/stream-watch.ts';

/** After this a caller may ask again what could not be answered now. */
const UNAVAILABLE_RETRY_MS = 2_000;

/** Of Fastify's own errors, those that are the caller's fault. */
const FASTIFY_CODES: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid-request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid-request',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid-request',
  FST_ERR_BAD_URL: 'invalid-request',
  FST_ERR_MAX_PARAM_LENGTH: 'uri-too-long',
};

/** What an error that a request ended in means to its caller; the one place that decides. Unknown ones are `internal`. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StreamLimitReachedError) {
    const { conflicts, violation } = error;
    const { active, limit } = violation;
    return new Problem('stream-limit-reached', error.message, {
      extensions: { conflicts: conflicts.map(toActiveStream), violation, active, limit },
    });
  }
  if (error instanceof StreamEndedError) {
    return new Problem('stream-ended', error.message, { extensions: { streamId: error.streamId, ...error.end } });
  }
  if (error instanceof StreamIdTakenError) return new Problem('stream-id-taken', error.message);
  if (error instanceof RequestMismatchError) return new Problem('request-mismatch', error.message);
  if (error instanceof InvalidSessionRequestError) return new Problem('invalid-request', error.message);
  if (error instanceof OtherDeviceError) return new Problem('forbidden', 'the token is bound to another device');
  if (error instanceof UnauthenticatedError) return unauthenticated(error);
  if (isUnavailable(error)) {
    const headers = retryAfter(error instanceof KeysUnavailableError ? error.retryAfterMs : UNAVAILABLE_RETRY_MS);
    return new Problem('unavailable', error.message, { headers, cause: error });
  }
  if (hasZodFastifySchemaValidationErrors(error)) return invalid(error.validation);
  return fromFastify(error) ?? new Problem('internal', 'An error of ours; the request id finds it', { cause: error });
}

function unauthenticated({ reason, message }: UnauthenticatedError): Problem {
  // RFC 6750: a request without a token is told no error code.
  const challenge = reason === 'missing' ? 'Bearer' : `Bearer error="invalid_token", error_description="${message}"`;
  return new Problem('unauthenticated', message, {
    extensions: { reason },
    headers: { 'www-authenticate': challenge },
  });
}

function isUnavailable(error: unknown): error is Error {
  return (
    error instanceof SessionsUnavailableError ||
    error instanceof StoreUnavailableError ||
    error instanceof KeysUnavailableError
  );
}

function invalid(issues: readonly { readonly instancePath: string; readonly message?: string | undefined }[]): Problem {
  const errors = issues.map(({ instancePath, message = 'is not valid' }) => ({
    path: redactText(instancePath.replace(/^\//, '').replaceAll('/', '.')),
    message: redactText(message),
  }));
  const detail = errors.map(({ path, message }) => `${path === '' ? 'request' : path}: ${message}`).join('; ');
  return new Problem('invalid-request', detail, { extensions: { errors } });
}

function fromFastify(error: unknown): Problem | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  const code = FASTIFY_CODES[error.code];
  return code && new Problem(code, error.message);
}
