import type { MessageAttributeValue } from '@aws-sdk/client-sqs';

/** Attribute of a message in a dead-letter queue: why the bridge rejected it, `<Code>: <sentence>`. */
export const REJECT_REASON = 'RejectReason';

/**
 * Attribute of a message that was sent anew on its way through a dead-letter queue: when it was first sent, milliseconds
 * since the Unix epoch. SQS gives the copy a `SentTimestamp` of its own, which must not make an old event the latest.
 */
export const FIRST_SENT = 'FirstSentTimestamp';

/** The part of an SQS message attribute that is read here. */
interface TextAttribute {
  readonly StringValue?: string | undefined;
}

/** Milliseconds since the Unix epoch from 2001 to 2286; seconds, microseconds and anything else is no time of ours. */
const EPOCH_MS = /^\d{13}$/;

/**
 * When a message was first sent, milliseconds since the Unix epoch. The attribute can only make it earlier, which its sender
 * can do with `EventTime` as well; one that holds no such time counts for nothing.
 *
 * @param sentMs SQS's own `SentTimestamp` of this copy; a copy cannot be older than its original
 */
export function firstSentMs(attributes: Readonly<Record<string, TextAttribute>>, sentMs: number): number {
  const text = attributes[FIRST_SENT]?.StringValue ?? '';
  return EPOCH_MS.test(text) ? Math.min(Number(text), sentMs) : sentMs;
}

/** SQS takes at most 10 attributes a message [SQS Developer Guide: message metadata]. */
const MAX_ATTRIBUTES = 10;

/**
 * Attributes of a message that is sent anew into a dead-letter queue, with the reason, or back out of it, without one: the
 * producer's own, as many as fit, and when it was first sent, so that it keeps its place among the events of its edge.
 */
export function forwardedAttributes(
  original: Readonly<Record<string, MessageAttributeValue>>,
  sentMs: number,
  reason?: string,
): Record<string, MessageAttributeValue> {
  const ours = {
    [FIRST_SENT]: { DataType: 'String', StringValue: String(sentMs) },
    ...(reason === undefined ? {} : { [REJECT_REASON]: { DataType: 'String', StringValue: reason } }),
  };
  const kept = Object.entries(original)
    .filter(([name]) => name !== REJECT_REASON && name !== FIRST_SENT)
    .slice(0, MAX_ATTRIBUTES - Object.keys(ours).length)
    .map(([name, value]) => [name, sendable(value)] as const);
  return { ...Object.fromEntries(kept), ...ours };
}

/** A received attribute may bear empty lists, which SQS refuses when they are sent. */
function sendable({ DataType, StringValue, BinaryValue }: MessageAttributeValue): MessageAttributeValue {
  return {
    DataType,
    ...(StringValue === undefined ? {} : { StringValue }),
    ...(BinaryValue === undefined ? {} : { BinaryValue }),
  };
}
