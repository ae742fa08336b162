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

interface BatchAnswer {
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
  readonly Failed?: readonly { readonly Id?: string | undefined; readonly Code?: string | undefined }[] | undefined;
}

/** The code SQS gave for each entry of a batch that failed. One the answer does not mention has failed too. */
export function failedEntries<Item>(items: readonly Item[], answer: BatchAnswer): ReadonlyMap<Item, string> {
  const succeeded = new Set(answer.Successful?.map(({ Id }) => Id));
  const codes = new Map(answer.Failed?.map(({ Id, Code }) => [Id, Code]));
  const failed = items.flatMap((item, index) => {
    const id = String(index);
    return succeeded.has(id) ? [] : [[item, codes.get(id) ?? 'NotMentioned'] as const];
  });
  return new Map(failed);
}
