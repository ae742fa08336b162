import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import { forwardedAttributes } from '../contracts/shared/dead-letter-attributes.ts';
import type { Rejection } from './rejection.ts';

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
  return forwardedAttributes(original, Math.floor(sentMicros / 1000), rejectReason(rejection));
}

/** `<Code>: <sentence>` in characters SQS takes, at most 1,000 of them. */
export function rejectReason({ code, sentence }: Rejection): string {
  // Cut first, as a sentence may be as long as the body; half a surrogate pair left by the cut is replaced as well.
  return `${code}: ${sentence}`.slice(0, MAX_REASON_CHARACTERS).replace(REFUSED_CHARACTERS, '\uFFFD');
}
