import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { forwardedAttributes, firstSentMs } from '../contracts/shared/dead-letter-attributes.ts';
import { entryId, failureCodesOf } from '../contracts/shared/sqs-batch.ts';
import type { UnreadableMessage } from './access-rows.ts';
import type { Receipt } from './held-messages.ts';

export const BATCH = 10;

const REQUEST_TIMEOUT_MS = 10_000;
const MAX_REASON_CHARACTERS = 1_000;
/** What SQS refuses in text [SQS API: SendMessage], and characters beyond the BMP, which fauxqs refuses as well. */
const REFUSED_CHARACTERS = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/g;

export interface LakeQueueUrls {
  readonly source: string;
  readonly deadLetters: string;
}

export interface LakeMessage extends Receipt {
  readonly body: string;
  readonly attributes: NonNullable<Message['MessageAttributes']>;
  /** When it was first sent, milliseconds since the Unix epoch. */
  readonly sentMs: number;
}

/** The queue of access records and its dead-letter queue; nothing but requests, without retries of their own. */
export class LakeQueue {
  readonly #sqs: SQSClient;
  readonly #urls: LakeQueueUrls;
  readonly #visibilitySeconds: number;

  constructor(sqs: SQSClient, urls: LakeQueueUrls, visibilitySeconds: number) {
    this.#sqs = sqs;
    this.#urls = urls;
    this.#visibilitySeconds = visibilitySeconds;
  }

  async receive(waitSeconds: number, stopping: AbortSignal): Promise<readonly LakeMessage[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: this.#urls.source,
      MaxNumberOfMessages: BATCH,
      WaitTimeSeconds: waitSeconds,
      VisibilityTimeout: this.#visibilitySeconds,
      MessageSystemAttributeNames: ['SentTimestamp'],
      MessageAttributeNames: ['All'],
    });
    const abortSignal = withTimeout(stopping, waitSeconds * 1_000 + REQUEST_TIMEOUT_MS);
    const { Messages = [] } = await this.#sqs.send(command, { abortSignal });
    return Messages.map((message) => toLakeMessage(message));
  }

  /** @returns the codes of those SQS did not delete */
  async delete(receipts: readonly Receipt[], stopping: AbortSignal): Promise<ReadonlyMap<Receipt, string>> {
    const Entries = receipts.map(({ receiptHandle }, index) => ({ Id: entryId(index), ReceiptHandle: receiptHandle }));
    const command = new DeleteMessageBatchCommand({ QueueUrl: this.#urls.source, Entries });
    const abortSignal = withTimeout(stopping, REQUEST_TIMEOUT_MS);
    return failureCodesOf(receipts, await this.#sqs.send(command, { abortSignal }));
  }

  /** @returns the codes of those whose visibility SQS did not extend */
  async extend(receipts: readonly Receipt[], stopping: AbortSignal): Promise<ReadonlyMap<Receipt, string>> {
    return await this.#changeVisibility(receipts, this.#visibilitySeconds, stopping);
  }

  /** Lets SQS deliver the messages anew at once. */
  async giveBack(receipts: readonly Receipt[], stopping: AbortSignal): Promise<void> {
    await this.#changeVisibility(receipts, 0, stopping);
  }

  /** Puts a copy with the reason into the dead-letter queue. */
  async bury(
    message: LakeMessage,
    { code, message: sentence }: UnreadableMessage,
    stopping: AbortSignal,
  ): Promise<void> {
    const reason = `${code}: ${sentence}`.slice(0, MAX_REASON_CHARACTERS).replace(REFUSED_CHARACTERS, '\uFFFD');
    const command = new SendMessageCommand({
      QueueUrl: this.#urls.deadLetters,
      MessageBody: message.body,
      MessageAttributes: forwardedAttributes(message.attributes, message.sentMs, reason),
    });
    await this.#sqs.send(command, { abortSignal: withTimeout(stopping, REQUEST_TIMEOUT_MS) });
  }

  async #changeVisibility(receipts: readonly Receipt[], seconds: number, stopping: AbortSignal) {
    const Entries = receipts.map(({ receiptHandle }, index) => ({
      Id: entryId(index),
      ReceiptHandle: receiptHandle,
      VisibilityTimeout: seconds,
    }));
    const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl: this.#urls.source, Entries });
    const abortSignal = withTimeout(stopping, REQUEST_TIMEOUT_MS);
    return failureCodesOf(receipts, await this.#sqs.send(command, { abortSignal }));
  }
}

function withTimeout(signal: AbortSignal, ms: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ms)]);
}

function toLakeMessage({ MessageId = '', ReceiptHandle = '', Body = '', Attributes, MessageAttributes = {} }: Message) {
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: MessageAttributes,
    sentMs: firstSentMs(MessageAttributes, Number(Attributes?.SentTimestamp ?? Date.now())),
  };
}
