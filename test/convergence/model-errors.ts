/** A refusal as GetStream words it. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, code: number, exception: string, detail: string, fields?: Record<string, string[]>) {
    super(detail);
    this.status = status;
    this.body = {
      detail,
      status_code: status,
      code,
      exception,
      ...(fields ? { exception_fields: fields } : {}),
      duration: '0.10ms',
      more_info: 'https://getstream.io/docs/api_error_responses',
    };
  }
}

export const refusedInput = (detail: string): ModelError => new ModelError(400, 4, 'InputException', detail);
export const notFound = (detail: string): ModelError => new ModelError(404, 16, 'DoesNotExistException', detail);
export const conflict = (detail: string): ModelError => new ModelError(409, 22, 'ConflictException', detail);

export function missingFields(names: readonly string[]): ModelError {
  const detail = `Errors for fields ${names.map((name) => `'${name}'`).join(', ')}`;
  const fields = Object.fromEntries(names.map((name) => [name, ['this field is required']]));
  return new ModelError(400, 4, 'InputException', detail, fields);
}
