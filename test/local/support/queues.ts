import assert from 'node:assert/strict';
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
  type Message,
} from '@aws-sdk/client-sqs';
import { startAws, type AwsServer } from '../../../local/aws.ts';
import { clientConfig } from '../../../local/topology.ts';
import { eventually } from '../../support/eventually.ts';

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
let names = 0;

/** A client configuration for a local server. */
export function configFor({ url }: AwsServer) {
  return clientConfig({ url, region: 'us-east-1', credentials: CREDENTIALS });
}

export async function startSqs(dataDirectory?: string): Promise<{ aws: AwsServer; sqs: SQSClient }> {
  const aws = await startAws(dataDirectory === undefined ? {} : { dataDirectory });
  return { aws, sqs: new SQSClient(configFor(aws)) };
}

/** A queue with a name nobody else has. */
export async function createQueue(sqs: SQSClient, Attributes: Record<string, string> = {}): Promise<Queue> {
  const name = `queue-${(names += 1)}${Attributes['FifoQueue'] === 'true' ? '.fifo' : ''}`;
  const { QueueUrl: url = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
  const { Attributes: attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }),
  );
  return { url, arn: attributes?.QueueArn ?? '', name };
}

export interface Queue {
  readonly url: string;
  readonly arn: string;
  readonly name: string;
}

/** Ready messages. */
export function depth(aws: AwsServer, { name }: Queue): number {
  return aws.depths().find((queue) => queue.name === name)?.ready ?? Number.NaN;
}

/** So many messages with all that SQS tells of them, acknowledged. */
export async function receive(sqs: SQSClient, { url: QueueUrl }: Queue, count: number): Promise<Message[]> {
  const received: Message[] = [];
  await eventually(
    async () => {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, ...EVERYTHING }));
      received.push(...Messages);
      for (const { ReceiptHandle } of Messages) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      assert.equal(received.length, count);
    },
    { intervalMs: 0 },
  );
  return received;
}

/** So many messages, left where they are. */
export async function peek(sqs: SQSClient, { url: QueueUrl }: Queue, count: number): Promise<Message[]> {
  const seen: Message[] = [];
  while (seen.length < count) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, ...EVERYTHING }));
    assert.ok(Messages.length > 0);
    seen.push(...Messages);
  }
  for (const { ReceiptHandle } of seen) {
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
  }
  return seen;
}

export async function receiveAndReturn(sqs: SQSClient, { url: QueueUrl }: Queue): Promise<void> {
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, ...EVERYTHING }));
  for (const { ReceiptHandle } of Messages) {
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
  }
}

const EVERYTHING = {
  MaxNumberOfMessages: 10,
  MessageSystemAttributeNames: ['All'],
  MessageAttributeNames: ['All'],
} satisfies Partial<ConstructorParameters<typeof ReceiveMessageCommand>[0]>;
