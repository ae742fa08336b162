/** What may be told of an error. Whatever else clients attach, such as requests with their headers, is left out. */
export interface ErrorFacts {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** Of an `ApplicationFailure`: one of `contracts/events/failure-types.ts`. */
  readonly type?: string;
  /** HTTP status of the answer. */
  readonly status?: number;
  readonly code?: string | number;
  /** GetStream's reasons, by field of the request. */
  readonly exception_fields?: unknown;
  readonly cause?: ErrorFacts;
  /** Of an `AggregateError`. */
  readonly errors?: readonly ErrorFacts[];
}

const MAX_CAUSES = 10;
const MAX_ERRORS = 20;
const MAX_MESSAGE_LENGTH = 2_000;
const MAX_STACK_LENGTH = 8_000;
const MAX_FIELDS_LENGTH = 2_000;

/** True of errors of every realm, those of workflow sandboxes among them. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

/** The facts of whatever was thrown. Never throws; chains of causes that are long or rings are cut. */
export function errorFacts(error: unknown, depth = 0): ErrorFacts {
  if (typeof error !== 'object' || error === null) return { name: typeof error, message: cut(String(error)) };
  const response = read(error, 'response');
  const body = read(error, 'error') ?? read(response, 'data');
  const cause = read(error, 'cause');
  const errors = read(error, 'errors');
  const stack = text(read(error, 'stack'));
  const type = text(read(error, 'type'));
  const status = statusOf(error, response);
  const code = codeOf(error) ?? codeOf(body);
  const fields = bounded(read(error, 'exception_fields') ?? read(body, 'exception_fields'));
  const goesOn = depth < MAX_CAUSES;
  return {
    name: nameOf(error),
    message: cut(text(read(error, 'message')) ?? ''),
    ...(stack === undefined ? {} : { stack: stack.slice(0, MAX_STACK_LENGTH) }),
    ...(type === undefined ? {} : { type }),
    ...(status === undefined ? {} : { status }),
    ...(code === undefined ? {} : { code }),
    ...(fields === undefined ? {} : { exception_fields: fields }),
    ...(goesOn && cause !== undefined && cause !== null ? { cause: errorFacts(cause, depth + 1) } : {}),
    ...(goesOn && Array.isArray(errors)
      ? { errors: errors.slice(0, MAX_ERRORS).map((each) => errorFacts(each, depth + 1)) }
      : {}),
  };
}

/** Classes that set no name of their own are told by their constructor's. */
function nameOf(error: object): string {
  const name = text(read(error, 'name'));
  return (name === undefined || name === 'Error' ? text(read(read(error, 'constructor'), 'name')) : name) ?? 'Error';
}

function statusOf(error: object, response: unknown): number | undefined {
  const places = [
    read(error, 'status'),
    read(error, 'statusCode'),
    read(response, 'status'),
    read(read(error, '$metadata'), 'httpStatusCode'),
  ];
  return places.find((status): status is number => typeof status === 'number');
}

function codeOf(holder: unknown): string | number | undefined {
  const code = read(holder, 'code');
  return typeof code === 'string' || typeof code === 'number' ? code : undefined;
}

function bounded(fields: unknown): unknown {
  if (fields === undefined || fields === null) return undefined;
  const json = JSON.stringify(fields) ?? '';
  return json.length <= MAX_FIELDS_LENGTH ? fields : `${json.slice(0, MAX_FIELDS_LENGTH)}…`;
}

function cut(message: string): string {
  return message.length <= MAX_MESSAGE_LENGTH ? message : `${message.slice(0, MAX_MESSAGE_LENGTH)}…`;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Getters of clients may throw. */
function read(holder: unknown, name: string): unknown {
  if ((typeof holder !== 'object' && typeof holder !== 'function') || holder === null) return undefined;
  try {
    return Reflect.get(holder, name);
  } catch {
    return undefined;
  }
}
