import { inputError } from './errors.ts';
import { SIZES } from './sizes.ts';

/** Guards for what callers send. Each either narrows or answers 400. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function requireObject(value: unknown, what: string): Record<string, unknown> {
  if (!isObject(value)) throw inputError(`${what} must be a JSON object`);
  return value;
}

export function requireList(value: unknown, what: string, maximum: number): unknown[] {
  if (!Array.isArray(value)) throw inputError(`${what} must be a list`);
  if (value.length > maximum) throw inputError(`${what} must not have more than ${maximum} items`);
  return value;
}

/** A non-empty string of at most 255 characters. */
export function requireId(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') throw inputError(`${what} must be a non-empty string`);
  if (value.length > SIZES.idLength) throw inputError(`${what} must not be longer than ${SIZES.idLength} characters`);
  return value;
}

/** A JSON object of caller's data within the size limit. */
export function requireData(value: unknown, what: string): Record<string, unknown> {
  const data = requireObject(value, what);
  if (jsonBytes(data) > SIZES.dataBytes) throw inputError(`${what} must not be larger than ${SIZES.dataBytes} bytes`);
  return data;
}

export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** Query parameters as they arrived; a repeated one is a list. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The parameter's text; undefined when absent or empty. */
export function parameter(query: Query, name: string): string | undefined {
  const value = query[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw inputError(`${name} must be given once`);
  return value;
}

export function integerParameter(
  query: Query,
  name: string,
  range: { least: number; most: number },
): number | undefined {
  const value = parameter(query, name);
  if (value === undefined) return undefined;
  return requireInteger(/^\d{1,15}$/.test(value) ? Number(value) : value, name, range);
}

function requireInteger(value: unknown, what: string, { least, most }: { least: number; most: number }): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw inputError(`${what} must be an integer from ${least} to ${most}`);
  }
  return value;
}

export function booleanParameter(query: Query, name: string): boolean {
  const value = parameter(query, name)?.toLowerCase();
  if (value === undefined || value === 'false' || value === '0') return false;
  if (value === 'true' || value === '1') return true;
  throw inputError(`${name} must be true or false`);
}

/** A comma list; undefined when absent. */
export function listParameter(query: Query, name: string, maximum: number): string[] | undefined {
  const items = parameter(query, name)
    ?.split(',')
    .filter((item) => item !== '');
  return items && requireList(items, name, maximum).map(String);
}
