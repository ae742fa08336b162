import { GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';

/** A queue by its URL, or by its name, which is looked up when it is first needed. */
export type QueueAddress = { readonly queueUrl: string } | { readonly queueName: string };

/** @throws what SQS answers, `QueueDoesNotExist` among it */
export async function findQueueUrl(sqs: SQSClient, address: QueueAddress, abortSignal: AbortSignal): Promise<string> {
  if ('queueUrl' in address) return address.queueUrl;
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: address.queueName }), { abortSignal });
  if (QueueUrl === undefined) throw new Error(`SQS gave no URL for the queue ${address.queueName}`);
  return QueueUrl;
}
