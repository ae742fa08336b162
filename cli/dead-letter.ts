import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import { deadLetterQueueName } from '../contracts/names.ts';
import type { NamedQueue } from './config.ts';

/** Attribute the bridge adds to a message it rejects: `<Code>: <sentence>`. */
export const REJECT_REASON = 'RejectReason';

/** What stands for the reason of a message that SQS itself moved, after too many receives. */
const MOVED_BY_SQS = 'moved by SQS after too many receives';

export type Attributes = Readonly<Record<string, MessageAttributeValue>>;

/** A message of a dead-letter queue. */
export interface DeadLetter {
  readonly messageId: string;
  /** The queue it is to go back to. */
  readonly queue: string;
  readonly body: string;
  readonly attributes: Attributes;
  /** When it came into the dead-letter queue; of one SQS moved on a standard queue, when it was first sent. */
  readonly sentAt: Date;
  /** How often it was received from here, looking included. */
  readonly receiveCount: number;
  /** On FIFO queues, and on standard ones where the producer gave one. */
  readonly groupId?: string;
}

export interface DeadLetterFilter {
  /** Must be found in the reason. */
  readonly reason?: RegExp;
  /** Any of these messages; every message where the list is empty. */
  readonly messageIds: readonly string[];
}

export function reasonOf({ attributes }: DeadLetter): string {
  return attributes[REJECT_REASON]?.StringValue ?? MOVED_BY_SQS;
}

export function sizeOf({ body }: DeadLetter): number {
  return Buffer.byteLength(body);
}

export function matches(letter: DeadLetter, { reason, messageIds }: DeadLetterFilter): boolean {
  if (messageIds.length > 0 && !messageIds.includes(letter.messageId)) return false;
  return reason === undefined || reason.test(reasonOf(letter));
}

/** The attributes the message had before it was rejected, in the form SQS takes them back. */
export function originalAttributes({ attributes }: DeadLetter): Record<string, MessageAttributeValue> {
  const kept = Object.entries(attributes).filter(([name]) => name !== REJECT_REASON);
  return Object.fromEntries(
    // A received attribute may bear empty lists, which SQS refuses when they are sent.
    kept.map(([name, { DataType, StringValue, BinaryValue }]) => [
      name,
      {
        DataType,
        ...(StringValue === undefined ? {} : { StringValue }),
        ...(BinaryValue === undefined ? {} : { BinaryValue }),
      },
    ]),
  );
}

/**
 * Whether the message says itself when the user acted: by `EventTime`, or by the envelope of SNS. One that does not is
 * ordered by the moment it is sent, which a redrive changes.
 */
export function bearsTime({ body }: DeadLetter): boolean {
  const outer = parseObject(body);
  if (outer === undefined) return true;
  if (typeof outer['Timestamp'] === 'string' && outer['Type'] === 'Notification') return true;
  return outer['EventTime'] !== undefined;
}

/**
 * The queues an operator means: all of them, or one by its own name, that of its dead-letter queue, or its topic.
 *
 * @returns names of the source queues
 */
export function chosenQueues(queues: readonly NamedQueue[], choice: string | undefined): readonly string[] {
  if (choice === undefined) return queues.map(({ queue }) => queue);
  const known = queues.find(({ topic, queue }) => [topic, queue, deadLetterQueueName(queue)].includes(choice));
  return [known?.queue ?? choice.replace(/-dlq(\.fifo)?$/u, '$1')];
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- any object can be read by name
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Not JSON: it is no message of ours and has no order.
  }
  return undefined;
}
