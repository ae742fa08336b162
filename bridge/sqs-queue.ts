import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { randomUUID } from 'node:crypto';
import { firstSentMs } from '../contracts/shared/dead-letter-attributes.ts';
import type { MessageAttributes } from './dead-letter-message.ts';
import type { ReceivedMessage } from './in-hand.ts';
import { entryId, failuresOf, type EntryFailure } from '../contracts/shared/sqs-batch.ts';

export interface QueueMessage extends ReceivedMessage {
  /** When SQS took it, microseconds since the Unix epoch. */
  readonly sentMicros: number;
  readonly attributes: MessageAttributes;
  /** Present on FIFO queues. */
  readonly groupId?: string;
}

export interface ReceiveRequest {
  /** 1 to 10. */
  readonly maxMessages: number;
  readonly waitSeconds: number;
  readonly visibilityTimeoutSeconds: number;
}

/**
 * Errors SQS answers a SendMessage with when that very message can never be taken, its size mostly. By name, as the SDK has
 * no classes for them; some endpoints put `AWS.SimpleQueueService.` before the name.
 */
const REFUSAL = /(^|\.)(InvalidParameterValue|InvalidMessageContents|Validation)(Exception)?$/;

/** One queue of SQS; nothing but requests, without retries of its own. */
export class SqsQueue {
  readonly name: string;
  readonly #sqs: SQSClient;
  readonly #url: string;

  private constructor(sqs: SQSClient, name: string, url: string) {
    this.#sqs = sqs;
    this.name = name;
    this.#url = url;
  }

  /**
   * @param advice what to do where the queue does not exist
   * @throws Error naming the queue, when it does not exist or SQS cannot be asked
   */
  static async find(sqs: SQSClient, name: string, advice: string): Promise<SqsQueue> {
    try {
      const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
      if (QueueUrl !== undefined) return new SqsQueue(sqs, name, QueueUrl);
    } catch (cause) {
      if (cause instanceof QueueDoesNotExist) throw new Error(`SQS queue ${name} does not exist; ${advice}`, { cause });
      const fault = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
      throw new Error(`SQS queue ${name} could not be looked up (${fault}); check endpoint, region and credentials`, {
        cause,
      });
    }
    throw new Error(`SQS queue ${name} was looked up, but SQS gave no URL for it`);
  }

  get fifo(): boolean {
    return this.name.endsWith('.fifo');
  }

  async receive(request: ReceiveRequest, abortSignal: AbortSignal): Promise<readonly QueueMessage[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: this.#url,
      MaxNumberOfMessages: request.maxMessages,
      WaitTimeSeconds: request.waitSeconds,
      VisibilityTimeout: request.visibilityTimeoutSeconds,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
      // The SDK's own retry of a lost answer then gets the same messages, instead of finding their groups locked.
      ...(this.fifo ? { ReceiveRequestAttemptId: randomUUID() } : {}),
    });
    const { Messages = [] } = await this.#sqs.send(command, { abortSignal });
    return Messages.map((message) => toQueueMessage(message));
  }

  async delete(messages: readonly QueueMessage[], abortSignal: AbortSignal): Promise<Failures> {
    const Entries = messages.map(({ receiptHandle }, index) => ({ Id: entryId(index), ReceiptHandle: receiptHandle }));
    const command = new DeleteMessageBatchCommand({ QueueUrl: this.#url, Entries });
    return failuresOf(messages, await this.#sqs.send(command, { abortSignal }));
  }

  /** @param seconds from now on; 0 hands the messages back */
  async changeVisibility(
    messages: readonly QueueMessage[],
    seconds: number,
    abortSignal: AbortSignal,
  ): Promise<Failures> {
    const Entries = messages.map(({ receiptHandle }, index) => ({
      Id: entryId(index),
      ReceiptHandle: receiptHandle,
      VisibilityTimeout: seconds,
    }));
    const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl: this.#url, Entries });
    return failuresOf(messages, await this.#sqs.send(command, { abortSignal }));
  }

  /** @returns undefined when it was sent, else SQS's name for why it never takes this message; its words may quote the message */
  async send(
    message: QueueMessage,
    MessageAttributes: MessageAttributes,
    abortSignal: AbortSignal,
  ): Promise<string | undefined> {
    const command = new SendMessageCommand({
      QueueUrl: this.#url,
      MessageBody: message.body,
      MessageAttributes,
      ...(this.fifo
        ? { MessageGroupId: message.groupId ?? message.messageId, MessageDeduplicationId: message.messageId }
        : {}),
    });
    try {
      await this.#sqs.send(command, { abortSignal });
      return undefined;
    } catch (error) {
      if (error instanceof Error && REFUSAL.test(error.name)) return error.name;
      throw error;
    }
  }
}

type Failures = ReadonlyMap<QueueMessage, EntryFailure>;

function toQueueMessage(message: Message): QueueMessage {
  const { MessageId = '', ReceiptHandle = '', Body = '', Attributes = {}, MessageAttributes = {} } = message;
  // SQS always says when it took a message; the time of receipt only keeps the type honest.
  const sentMs = Number(Attributes.SentTimestamp ?? Date.now());
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    sentMicros: firstSentMs(MessageAttributes, sentMs) * 1000,
    attributes: MessageAttributes,
    ...(Attributes.MessageGroupId === undefined ? {} : { groupId: Attributes.MessageGroupId }),
  };
}
