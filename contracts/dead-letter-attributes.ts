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

/**
 * When a message was first sent, milliseconds since the Unix epoch.
 *
 * @param sentMs SQS's own `SentTimestamp` of this copy; a copy cannot be older than its original
 */
export function firstSentMs(attributes: Readonly<Record<string, TextAttribute>>, sentMs: number): number {
  const text = attributes[FIRST_SENT]?.StringValue ?? '';
  return /^\d{1,15}$/.test(text) ? Math.min(Number(text), sentMs) : sentMs;
}
