import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import { forwardedAttributes, REJECT_REASON } from '../contracts/shared/dead-letter-attributes.ts';
import { deadLetterQueueName } from '../contracts/shared/names.ts';
import type { NamedQueue } from './config.ts';

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
  /** When it was first sent; of one SQS itself moved on a FIFO queue, when it was moved. */
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

/**
 * The attributes the message had before it was rejected, in the form SQS takes them back, and when it was first sent, so
 * that the copy keeps its place among the events of its edge.
 */
export function originalAttributes({ attributes, sentAt }: DeadLetter): Record<string, MessageAttributeValue> {
  return forwardedAttributes(attributes, sentAt.getTime());
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
