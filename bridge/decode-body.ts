import type { EventKind } from '../contracts/names.ts';
import { InvalidMessageError, parseMessage } from '../contracts/parse-message.ts';
import type { SocialEvent } from '../contracts/social-event.ts';
import { utf8Length } from '../contracts/text.ts';
import { parseTimestampMicros } from '../contracts/timestamps.ts';
import { parseGuardedJson } from './guarded-json.ts';
import { RejectedBody, type Rejection } from './rejection.ts';

/** The largest message SNS takes [docs.aws.amazon.com/general/latest/gr/sns: 256 KiB]; SQS itself takes 1 MiB. */
const MAX_BODY_BYTES = 256 * 1024;
const SNS_TYPES: ReadonlySet<unknown> = new Set([
  'Notification',
  'SubscriptionConfirmation',
  'UnsubscribeConfirmation',
]);

export type DecodedBody =
  | {
      readonly event: SocialEvent;
      /** The message says that the user acted after it was sent; its place in time is the sending. */
      readonly clockAhead?: true;
    }
  | { readonly rejection: Rejection };
type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Turns the body of a queue message, an SNS envelope or the raw message, into its event. Judges 256 KiB in milliseconds.
 *
 * @param sentMicros `SentTimestamp` of the message in microseconds; orders it where neither the message nor SNS say when
 * the user acted
 */
export function decodeBody(kind: EventKind, body: string, sentMicros: number): DecodedBody {
  try {
    const outer = decodeObject(body, 'the body');
    if (!isNotification(outer)) return { event: parse(kind, outer, sentMicros) };
    const inner = decodeObject(outer.Message, 'the Message of the SNS envelope');
    return { event: parse(kind, inner, snsTimeMicros(outer) ?? sentMicros) };
  } catch (error) {
    if (error instanceof RejectedBody) return { rejection: error.rejection };
    throw error;
  }
}

function decodeObject(text: string, part: string): JsonObject {
  // In UTF-16 units first: each takes a byte at least, so a huge body is refused without being encoded.
  if (text.length > MAX_BODY_BYTES || utf8Length(text) > MAX_BODY_BYTES) {
    throw new RejectedBody('BodyTooLarge', `${part} is larger than ${MAX_BODY_BYTES} bytes of UTF-8`);
  }
  if (text.trim() === '') throw new RejectedBody('EmptyBody', `${part} is empty or white space`);
  const value = parseGuardedJson(text, part);
  if (isObject(value)) return value;
  throw new RejectedBody('UnknownEnvelope', `${part} is JSON, but not an object`);
}

function parse(kind: EventKind, message: JsonObject, arrivedMicros: number): SocialEvent {
  try {
    return parseMessage(kind, message, arrivedMicros);
  } catch (error) {
    if (!(error instanceof InvalidMessageError)) throw error;
    // Asked only now, because unknown fields of whatever name must not reject a message that is complete.
    const wrapper = unknownWrapper(message);
    if (wrapper)
      throw new RejectedBody('UnknownEnvelope', `the body is ${wrapper}; send an SNS notification or the message`);
    throw new RejectedBody('InvalidMessage', error.message);
  }
}

function isNotification(value: JsonObject): value is JsonObject & { readonly Message: string } {
  return value.Type === 'Notification' && typeof value.Message === 'string' && typeof value.TopicArn === 'string';
}

function unknownWrapper(value: JsonObject): string | undefined {
  if (SNS_TYPES.has(value.Type) && ('Message' in value || 'TopicArn' in value)) {
    return `an SNS envelope of type ${String(value.Type)} that holds no message for us`;
  }
  if (Array.isArray(value.Records)) return 'a list of Records, as S3 and stream sources send';
  if ('detail-type' in value || ('detail' in value && 'source' in value)) return 'an EventBridge event';
  return undefined;
}

function snsTimeMicros(envelope: JsonObject): number | undefined {
  return typeof envelope.Timestamp === 'string' ? parseTimestampMicros(envelope.Timestamp) : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
