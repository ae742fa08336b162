/**
 * The errors Stream answers with. Numbers and names: stream-python `exceptions.py` and the "API Error Responses" page.
 */
const ERRORS = {
  apiKey: { code: 2, exception: 'ApiKeyException', status: 401 },
  signature: { code: 3, exception: 'SignatureException', status: 401 },
  input: { code: 4, exception: 'InputException', status: 400 },
  customField: { code: 5, exception: 'CustomFieldException', status: 400 },
  feedConfig: { code: 6, exception: 'FeedConfigException', status: 400 },
  rateLimit: { code: 9, exception: 'RateLimitReached', status: 429 },
  missingUser: { code: 10, exception: 'MissingUserException', status: 400 },
  missingRanking: { code: 12, exception: 'MissingRankingException', status: 400 },
  doesNotExist: { code: 16, exception: 'DoesNotExistException', status: 404 },
  notAllowed: { code: 17, exception: 'NotAllowedException', status: 403 },
  conflict: { code: 22, exception: 'ConflictException', status: 409 },
} as const;

/** Messages by field of the request body, as in `exception_fields`. */
type FieldErrors = Readonly<Record<string, readonly string[]>>;

/** A refusal that reaches the caller as Stream's error body. */
export class StreamError extends Error {
  override readonly name = 'StreamError';
  readonly kind: keyof typeof ERRORS;
  readonly fields: FieldErrors | undefined;

  constructor(kind: keyof typeof ERRORS, detail: string, fields?: FieldErrors) {
    super(detail);
    this.kind = kind;
    this.fields = fields;
  }

  get status(): number {
    return ERRORS[this.kind].status;
  }
}

/** The body of a refused request. `status` differs from the kind's own only where HTTP has a closer one (413, 414). */
export function errorBody(error: StreamError, status: number, duration: string): Record<string, unknown> {
  const { code, exception } = ERRORS[error.kind];
  return {
    detail: error.message,
    status_code: status,
    code,
    exception,
    ...(error.fields ? { exception_fields: error.fields } : {}),
    duration,
    more_info: 'https://getstream.io/docs/api_error_responses',
  };
}

const NOT_ALLOWED_BY_POLICY =
  'You do not have permission to do this, you got this error because there are no policies allowing this request on ' +
  'this application. Please consult the documentation https://getstream.io/docs/';

export const apiKeyError = (): StreamError => new StreamError('apiKey', 'api_key not found');
export const signatureError = (detail: string): StreamError => new StreamError('signature', detail);
export const inputError = (detail: string): StreamError => new StreamError('input', detail);
export const customFieldError = (detail: string): StreamError => new StreamError('customField', detail);
export const missingUserError = (detail: string): StreamError => new StreamError('missingUser', detail);
export const missingRankingError = (detail: string): StreamError => new StreamError('missingRanking', detail);
export const doesNotExistError = (detail: string): StreamError => new StreamError('doesNotExist', detail);
export const conflictError = (detail: string): StreamError => new StreamError('conflict', detail);

export function feedConfigError(slug: string): StreamError {
  return new StreamError('feedConfig', `The following feeds are not configured: ${slug}`);
}

export function rateLimitError(): StreamError {
  return new StreamError('rateLimit', 'Too many requests, check response headers for more information.');
}

/** A token whose scope does not reach this request. */
export function scopeError(): StreamError {
  return new StreamError('notAllowed', 'You do not have permission to perform this action.');
}

/** A user token asking for what the default policies do not allow. */
export function policyError(): StreamError {
  return new StreamError('notAllowed', NOT_ALLOWED_BY_POLICY);
}

/** One or more fields of the body are wrong. */
export function fieldsError(fields: FieldErrors): StreamError {
  const names = Object.keys(fields).map((name) => `'${name}'`);
  return new StreamError('input', `Errors for fields ${names.join(', ')}`, fields);
}
