import proto from '@temporalio/proto';
import { isObject, UnreadableHistoryError, type NormalisedHistory } from './history-format.ts';

/** What the reflection of protobufjs tells of a message type; the types of `@temporalio/proto` leave it out. */
export interface ReflectedType {
  readonly fullName: string;
  /** Of an enum. */
  readonly values?: object;
  readonly fieldsArray?: readonly {
    readonly name: string;
    readonly type: string;
    readonly repeated: boolean;
    readonly map: boolean;
    resolve(): { readonly resolvedType?: ReflectedType | null };
  }[];
}

/** @param name such as `temporal.api.history.v1.History` */
export function reflectedType(name: string): ReflectedType {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the root has reflection, its types do not say so
  return (proto as unknown as { lookupType(name: string): ReflectedType }).lookupType(name);
}

const PAYLOAD = '.temporal.api.common.v1.Payload';
const PAYLOADS = '.temporal.api.common.v1.Payloads';
const PAYLOAD_FIELDS = new Set(['metadata', 'data', 'externalPayloads']);
const BASE64 = /^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}==|[A-Za-z0-9+/_-]{3}=)?$/u;
const READABLE_ENCODING = /^(?:json|binary)\//u;

/**
 * Refuses a history whose payloads were decoded for reading. The Web UI saves such ones: it puts the values where the payloads
 * were, or where their `data` was, with metadata in plain text.
 *
 * @throws UnreadableHistoryError
 */
export function requireUndecoded({ events }: NormalisedHistory): void {
  const type = reflectedType('temporal.api.history.v1.HistoryEvent');
  if (events.every((event) => isUndecoded(event, type))) return;
  throw new UnreadableHistoryError(
    'its payloads were decoded for reading, and only an undecoded history can be replayed: save it again, in the Web UI by ' +
      'Download with "Decode Event History" off, or by temporal workflow show --workflow-id <id> --output json',
  );
}

function isUndecoded(value: unknown, type: ReflectedType): boolean {
  if (type.fullName === PAYLOAD) return isRawPayload(value);
  if (!isObject(value)) return false;
  if (type.fullName === PAYLOADS && !hasOnly(value, ['payloads'])) return false;
  return (type.fieldsArray ?? []).every((field) => {
    const content = value[field.name];
    const { resolvedType } = field.resolve();
    if (content === undefined || content === null || !isMessage(resolvedType)) return true;
    if (!field.repeated && !field.map) return isUndecoded(content, resolvedType);
    if (field.repeated !== Array.isArray(content) || typeof content !== 'object') return false;
    return Object.values(content).every((each) => isUndecoded(each, resolvedType));
  });
}

function isMessage(type: ReflectedType | null | undefined): type is ReflectedType {
  // Google's own are text in JSON.
  return type !== undefined && type !== null && type.values === undefined && !type.fullName.startsWith('.google.');
}

/** Whatever bytes and encoding somebody sent, a raw payload has them in Base64. */
function isRawPayload(payload: unknown): boolean {
  if (!isObject(payload) || !hasOnly(payload, PAYLOAD_FIELDS)) return false;
  const { metadata, data } = payload;
  if (!isBase64(data ?? '') || !isObject(metadata ?? {})) return false;
  const encoding: unknown = isObject(metadata) ? (metadata['encoding'] ?? '') : '';
  return isBase64(encoding) && !READABLE_ENCODING.test(encoding) && !Object.hasOwn(Object(metadata), 'encodingDecoded');
}

function isBase64(text: unknown): text is string {
  return typeof text === 'string' && BASE64.test(text);
}

function hasOnly(object: object, names: Iterable<string>): boolean {
  const allowed = new Set(names);
  return Object.keys(object).every((key) => allowed.has(key));
}
