import type { EventKind } from '../contracts/shared/names.ts';
import { InvalidMessageError, isFieldOf, parseMessage } from '../contracts/events/parse-message.ts';
import { isEdgeEvent, type SocialEvent } from '../contracts/events/social-event.ts';
import { utf8Length } from '../contracts/shared/text.ts';
import { parseTimestampMicros, readEventTime } from '../contracts/shared/timestamps.ts';
import { otherEncoding, otherWrapper } from './foreign-bodies.ts';
import { contradictedKeys, parseGuardedJson } from './guarded-json.ts';
import { RejectedBody, type Rejection } from './rejection.ts';

/** The largest message SNS takes [docs.aws.amazon.com/general/latest/gr/sns: 256 KiB]; SQS itself takes 1 MiB. */
const MAX_BODY_BYTES = 256 * 1024;
/** SNS envelopes and JSON within JSON text that may lie around a message. */
const MAX_WRAPPERS = 3;
/** Clocks that agree to a second are not ahead. */
const CLOCK_TOLERANCE_MICROS = 1_000_000;
const BYTE_ORDER_MARK = '\uFEFF';

export interface DecodedEvent {
  readonly event: SocialEvent;
  /** The message's `EventTime` lay more than a second after its sending, which counts instead. */
  readonly clockAhead?: true;
  /**
   * A follow or reaction of which only its queue says when it was sent: no `EventTime`, no SNS envelope. SQS's own redrive out
   * of a dead-letter queue makes it the latest of its edge, and nothing in the message tells.
   */
  readonly placedByQueue?: true;
}

export type DecodedBody = DecodedEvent | { readonly rejection: Rejection };
type JsonObject = Readonly<Record<string, unknown>>;

/** A text around or in which a message may stand. */
interface Layer {
  readonly text: string;
  /** What the text is, for sentences. */
  readonly part: string;
  /** Wrappers around it. */
  readonly depth: number;
  /** Earliest `Timestamp` of the SNS envelopes around it. */
  readonly publishedMicros?: number;
}

/**
 * Turns the body of a queue message, an SNS envelope or the raw message, into its event. A byte order mark, JSON encoded
 * twice and an envelope forwarded in another are taken as what they mean. Judges 256 KiB in milliseconds.
 *
 * @param sentMicros when the message was first sent, in microseconds, as its queue knows it
 */
export function decodeBody(kind: EventKind, body: string, sentMicros: number): DecodedBody {
  try {
    return decodeLayer(kind, { text: body, part: 'the body', depth: 0 }, sentMicros);
  } catch (error) {
    if (error instanceof RejectedBody) return { rejection: error.rejection };
    throw error;
  }
}

function decodeLayer(kind: EventKind, layer: Layer, sentMicros: number): DecodedEvent {
  const value = parseLayer(layer);
  // Text that holds more JSON is a message encoded twice; other text is none.
  if (typeof value === 'string' && /^\uFEFF?\s*[{["]/.test(value)) {
    return decodeLayer(kind, within(layer, value, 'the JSON text'), sentMicros);
  }
  if (!isObject(value)) {
    const named = typeof value === 'string' ? otherEncoding(value) : otherWrapper(value);
    throw new RejectedBody('UnknownEnvelope', `${layer.part} is ${named ?? 'JSON, but not an object'}`);
  }
  if (!isNotification(value)) return decodeMessage(kind, value, layer, sentMicros);
  // Not every forwarder keeps the topic; without it, a message of ours with fields of these names comes first.
  if (typeof value.TopicArn !== 'string' && isMessage(kind, value)) {
    return decodeMessage(kind, value, layer, sentMicros);
  }
  const published = earlier(layer.publishedMicros, snsTimeMicros(value));
  const inner = within(layer, value.Message, 'the Message of the SNS envelope');
  return decodeLayer(
    kind,
    { ...inner, ...(published === undefined ? {} : { publishedMicros: published }) },
    sentMicros,
  );
}

/** Each layer is shorter than the one around it and they are at most four, so this stays linear. */
function parseLayer({ text, part }: Layer): unknown {
  // In UTF-16 units first: each takes a byte at least, so a huge body is refused without being encoded.
  if (text.length > MAX_BODY_BYTES || utf8Length(text) > MAX_BODY_BYTES) {
    throw new RejectedBody('BodyTooLarge', `${part} is larger than ${MAX_BODY_BYTES} bytes of UTF-8`);
  }
  const json = text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  if (json.trim() === '') throw new RejectedBody('EmptyBody', `${part} is empty or white space`);
  try {
    return parseGuardedJson(json, part);
  } catch (error) {
    const encoding = error instanceof RejectedBody && error.rejection.code === 'InvalidJson' && otherEncoding(json);
    throw encoding ? new RejectedBody('InvalidJson', `${part} is not JSON, but ${encoding}`) : error;
  }
}

function within({ depth, ...layer }: Layer, text: string, part: string): Layer {
  if (depth < MAX_WRAPPERS) {
    return { ...layer, text, part: `${part} in ${layer.part}`, depth: depth + 1 };
  }
  throw new RejectedBody(
    'UnknownEnvelope',
    `${layer.part} is yet another wrapper; more than ${MAX_WRAPPERS} are not opened`,
  );
}

function decodeMessage(kind: EventKind, message: JsonObject, layer: Layer, sentMicros: number): DecodedEvent {
  const event = parse(kind, message, layer, sentMicros);
  for (const key of contradictedKeys(layer.text)) {
    if (!isFieldOf(kind, key)) continue;
    throw new RejectedBody('InvalidMessage', `${key}: is given more than once, with different values`);
  }
  const told = typeof message.EventTime === 'string' && message.EventTime !== '' ? message.EventTime : undefined;
  const ahead = told !== undefined && isAhead(told, event);
  return {
    event,
    ...(ahead ? { clockAhead: true } : {}),
    ...(isEdgeEvent(event) && told === undefined && layer.publishedMicros === undefined ? { placedByQueue: true } : {}),
  };
}

function isAhead(eventTime: string, { sentMicros = 0 }: SocialEvent): boolean {
  const micros = readEventTime(eventTime);
  return typeof micros === 'number' && micros > sentMicros + CLOCK_TOLERANCE_MICROS;
}

function parse(kind: EventKind, message: JsonObject, layer: Layer, sentMicros: number): SocialEvent {
  try {
    return parseMessage(kind, message, sentMicros, layer.publishedMicros);
  } catch (error) {
    if (!(error instanceof InvalidMessageError)) throw error;
    // Asked only now, because unknown fields of whatever name must not reject a message that is complete.
    const wrapper = otherWrapper(message);
    if (wrapper !== undefined) throw new RejectedBody('UnknownEnvelope', `${layer.part} is ${wrapper}`);
    throw new RejectedBody('InvalidMessage', error.message);
  }
}

function isMessage(kind: EventKind, value: JsonObject): boolean {
  try {
    parseMessage(kind, value, 0);
    return true;
  } catch (error) {
    if (error instanceof InvalidMessageError) return false;
    throw error;
  }
}

function isNotification(value: JsonObject): value is JsonObject & { readonly Message: string } {
  return value.Type === 'Notification' && typeof value.Message === 'string';
}

function snsTimeMicros(envelope: JsonObject): number | undefined {
  return typeof envelope.Timestamp === 'string' ? parseTimestampMicros(envelope.Timestamp) : undefined;
}

function earlier(left: number | undefined, right: number | undefined): number | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return Math.min(left, right);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
