import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { entryId, failureCodesOf } from '../contracts/shared/sqs-batch.ts';
import type { PackedMessage } from './message-packer.ts';
import { findQueueUrl, type QueueAddress } from './queue-address.ts';

/** A request without an answer for this long is given up, and made again. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Codes of a message that fails each time: its characters or its size. Others, throttling and keys of KMS, pass. */
const REFUSAL = /(^|\.)(InvalidMessageContents|InvalidParameterValue)(Exception)?$/;

export interface SendOutcome {
  readonly sent: readonly PackedMessage[];
  /** SQS will never take these as they are. */
  readonly refused: readonly PackedMessage[];
  readonly failed: readonly PackedMessage[];
  /** What SQS said of those that failed or were refused. */
  readonly codes: readonly string[];
}

/** Sends batches of messages to the queue; nothing but requests, without retries of its own. */
export class MessageSender {
  readonly #sqs: SQSClient;
  readonly #address: QueueAddress;
  #url: string | undefined;

  constructor(sqs: SQSClient, address: QueueAddress) {
    this.#sqs = sqs;
    this.#address = address;
  }

  /** @throws what the request as a whole failed with */
  async send(messages: readonly PackedMessage[], stopping: AbortSignal): Promise<SendOutcome> {
    const abortSignal = AbortSignal.any([stopping, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
    this.#url ??= await findQueueUrl(this.#sqs, this.#address, abortSignal);
    const Entries = messages.map(({ lines }, index) => ({ Id: entryId(index), MessageBody: lines.join('\n') }));
    const command = new SendMessageBatchCommand({ QueueUrl: this.#url, Entries });
    const failures = failureCodesOf(messages, await this.#sqs.send(command, { abortSignal }));
    const isRefused = (message: PackedMessage) => REFUSAL.test(failures.get(message) ?? '');
    return {
      sent: messages.filter((message) => !failures.has(message)),
      refused: messages.filter(isRefused),
      failed: messages.filter((message) => failures.has(message) && !isRefused(message)),
      codes: [...new Set(failures.values())],
    };
  }
}
