import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { firstSentMs } from '../contracts/shared/dead-letter-attributes.ts';
import { deadLetterQueueName } from '../contracts/shared/names.ts';
import { originalAttributes, type DeadLetter } from './dead-letter.ts';

/** SQS takes 10 entries a batch and gives 10 messages a receive at most [SQS API]. */
const BATCH = 10;

/** A queue that is not there, or an SQS that cannot be asked. */
export class QueueError extends Error {
  override readonly name = 'QueueError';
}

/** A message in hand: invisible to others until its visibility ends. */
export interface HeldLetter {
  readonly letter: DeadLetter;
  readonly receiptHandle: string;
}

/** A queue and its dead-letter queue; nothing but requests. */
export class DeadLetterQueue {
  /** Name of the source queue. */
  readonly queue: string;
  readonly #sqs: SQSClient;
  readonly #url: string;

  private constructor(sqs: SQSClient, queue: string, url: string) {
    this.#sqs = sqs;
    this.queue = queue;
    this.#url = url;
  }

  /** @throws QueueError when the dead-letter queue does not exist or SQS cannot be asked */
  static async of(sqs: SQSClient, queue: string): Promise<DeadLetterQueue> {
    return new DeadLetterQueue(sqs, queue, await urlOf(sqs, deadLetterQueueName(queue)));
  }

  get name(): string {
    return deadLetterQueueName(this.queue);
  }

  get #isFifo(): boolean {
    return this.queue.endsWith('.fifo');
  }

  /** How many messages stand in it, about; those another reader holds included. */
  async depth(): Promise<number> {
    const { Attributes = {} } = await this.#sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: this.#url,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    return (
      Number(Attributes['ApproximateNumberOfMessages'] ?? 0) +
      Number(Attributes['ApproximateNumberOfMessagesNotVisible'] ?? 0)
    );
  }

  /** Up to 10 messages, asked of all of SQS's servers (long poll of a second). */
  async receive(visibilitySeconds: number, signal: AbortSignal): Promise<readonly HeldLetter[]> {
    const { Messages = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: this.#url,
        MaxNumberOfMessages: BATCH,
        WaitTimeSeconds: 1,
        VisibilityTimeout: visibilitySeconds,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
      { abortSignal: signal },
    );
    return Messages.map((message) => toHeldLetter(message, this.queue));
  }

  /** Makes messages visible again at once; one that is gone or visible already is no failure. */
  async giveBack(held: readonly HeldLetter[]): Promise<void> {
    for (let start = 0; start < held.length; start += BATCH) {
      const Entries = held.slice(start, start + BATCH).map(({ receiptHandle }, index) => ({
        Id: String(index),
        ReceiptHandle: receiptHandle,
        VisibilityTimeout: 0,
      }));
      await this.#sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: this.#url, Entries }));
    }
  }

  async delete({ receiptHandle }: HeldLetter): Promise<void> {
    await this.#sqs.send(new DeleteMessageCommand({ QueueUrl: this.#url, ReceiptHandle: receiptHandle }));
  }

  /** Sends the original body and attributes to the source queue. */
  async sendBack({ letter }: HeldLetter): Promise<void> {
    this.#sourceUrl ??= urlOf(this.#sqs, this.queue);
    const { messageId, groupId = messageId } = letter;
    await this.#sqs.send(
      new SendMessageCommand({
        QueueUrl: await this.#sourceUrl,
        MessageBody: letter.body,
        MessageAttributes: originalAttributes(letter),
        ...(this.#isFifo || letter.groupId !== undefined ? { MessageGroupId: groupId } : {}),
        // Not the first sender's id: SQS would drop the message without a word within 5 minutes of the first. Tied to the
        // dead letter, it keeps a send whose delete failed from being doubled.
        ...(this.#isFifo ? { MessageDeduplicationId: `redrive-${messageId}` } : {}),
      }),
    );
  }

  #sourceUrl: Promise<string> | undefined;
}

async function urlOf(sqs: SQSClient, name: string): Promise<string> {
  try {
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
    if (QueueUrl !== undefined) return QueueUrl;
  } catch (cause) {
    if (cause instanceof QueueDoesNotExist) throw new QueueError(`there is no queue ${name}`, { cause });
    const fault = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new QueueError(`queue ${name} could not be looked up (${fault}); check AWS_ENDPOINT_URL and credentials`, {
      cause,
    });
  }
  throw new QueueError(`queue ${name} was looked up, but SQS gave no URL for it`);
}

function toHeldLetter(message: Message, queue: string): HeldLetter {
  const { MessageId = '', ReceiptHandle = '', Body = '', Attributes = {}, MessageAttributes = {} } = message;
  return {
    receiptHandle: ReceiptHandle,
    letter: {
      messageId: MessageId,
      queue,
      body: Body,
      attributes: MessageAttributes,
      sentAt: new Date(firstSentMs(MessageAttributes, Number(Attributes.SentTimestamp ?? 0))),
      receiveCount: Number(Attributes.ApproximateReceiveCount ?? 0),
      ...(Attributes.MessageGroupId === undefined ? {} : { groupId: Attributes.MessageGroupId }),
    },
  };
}
