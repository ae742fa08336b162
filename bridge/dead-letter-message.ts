import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import { FIRST_SENT, REJECT_REASON } from '../contracts/dead-letter-attributes.ts';
import type { Rejection } from './rejection.ts';

/** SQS takes at most 10 attributes a message [SQS Developer Guide: message metadata]. */
const MAX_ATTRIBUTES = 10;
const MAX_REASON_CHARACTERS = 1_000;
/** What SQS refuses in text [SQS API: SendMessage]; it allows the rest of XML 1.0's characters. */
const REFUSED_CHARACTERS = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

export type MessageAttributes = Readonly<Record<string, MessageAttributeValue>>;

/**
 * Attributes of a message in the dead-letter queue: the original ones, as many as fit, and always `RejectReason`, which
 * overwrites one of an earlier rejection, and `FirstSentTimestamp`.
 */
export function deadLetterAttributes(
  original: MessageAttributes,
  rejection: Rejection,
  sentMicros: number,
): Record<string, MessageAttributeValue> {
  const kept = Object.entries(original)
    .filter(([name]) => name !== REJECT_REASON && name !== FIRST_SENT)
    .slice(0, MAX_ATTRIBUTES - 2)
    .map(([name, value]) => [name, sendable(value)] as const);
  return {
    ...Object.fromEntries(kept),
    [FIRST_SENT]: { DataType: 'String', StringValue: String(Math.floor(sentMicros / 1000)) },
    [REJECT_REASON]: { DataType: 'String', StringValue: rejectReason(rejection) },
  };
}

/** `<Code>: <sentence>` in characters SQS takes, at most 1,000 of them. */
export function rejectReason({ code, sentence }: Rejection): string {
  // Cut first, as a sentence may be as long as the body; half a surrogate pair left by the cut is replaced as well.
  return `${code}: ${sentence}`.slice(0, MAX_REASON_CHARACTERS).replace(REFUSED_CHARACTERS, '\uFFFD');
}

/** A received attribute may bear empty lists, which SQS refuses when they are sent. */
function sendable({ DataType, StringValue, BinaryValue }: MessageAttributeValue): MessageAttributeValue {
  return {
    DataType,
    ...(StringValue === undefined ? {} : { StringValue }),
    ...(BinaryValue === undefined ? {} : { BinaryValue }),
  };
}
