import { activityTooLarge, isBuiltIn } from './activity-input.ts';
import { inputError } from './errors.ts';
import { isObject, jsonBytes, requireList, requireObject } from './input.ts';
import { SIZES } from './sizes.ts';

/** Changes of single fields, named by dotted path. */
export interface Changes {
  readonly set: readonly (readonly [path: readonly string[], value: unknown])[];
  readonly unset: readonly (readonly string[])[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads `{set: {"a.b": value}, unset: ["x.y"]}`; built-in fields cannot be changed this way (stream-swift). */
export function parseChanges(value: Record<string, unknown>): Changes {
  const set = requireObject(value.set ?? {}, 'set');
  const unset = requireList(value.unset ?? [], 'unset', SIZES.activityBytes);
  return {
    set: Object.entries(set).map(([path, field]) => [parsePath(path), field] as const),
    unset: unset.map(parsePath),
  };
}

function parsePath(value: unknown): string[] {
  const path = typeof value === 'string' ? value.split('.') : [];
  const [head = ''] = path;
  if (path.length === 0 || path.includes('')) throw inputError('fields are named by dotted paths such as "a.b"');
  if (isBuiltIn(head)) throw inputError(`'${head}' cannot be changed by a partial update`);
  return path;
}

export function applyChanges(body: Fields, { set, unset }: Changes): Fields {
  const filled = set.reduce((fields, [path, value]) => withField(fields, path, value), body);
  const changed = unset.reduce(withoutField, filled);
  if (jsonBytes(changed) > SIZES.activityBytes) throw activityTooLarge();
  return changed;
}

/** Objects on the way come into being; anything else in the way is replaced. */
function withField(fields: Fields, [head = '', ...rest]: readonly string[], value: unknown): Fields {
  const inner = Object.hasOwn(fields, head) ? fields[head] : undefined;
  // A computed key, unlike assignment, makes even `__proto__` a plain field.
  return { ...fields, [head]: rest.length === 0 ? value : withField(isObject(inner) ? inner : {}, rest, value) };
}

function withoutField(fields: Fields, [head = '', ...rest]: readonly string[]): Fields {
  if (!Object.hasOwn(fields, head)) return fields;
  const inner = fields[head];
  if (rest.length > 0) return isObject(inner) ? { ...fields, [head]: withoutField(inner, rest) } : fields;
  const { [head]: _, ...others } = fields;
  return others;
}
