import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { ACCESS_LOG_BUCKET, ACCESS_LOG_QUEUE } from '../contracts/sessions/access-record.ts';
import { deadLetterQueueName, MESSAGE_ROUTES, type MessageRoute } from '../contracts/shared/names.ts';

const VISIBILITY_TIMEOUT_SECONDS = 30;
const MAX_RECEIVE_COUNT = 5;
/** The longest SQS allows. */
const RETENTION = { MessageRetentionPeriod: String(14 * 86_400) };

export interface AwsEndpoint {
  /** Left out: AWS itself. */
  readonly url?: string;
  readonly region: string;
  /** Left out: the SDK's own chain. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Where one route's messages are published and received. */
export interface RouteResources {
  readonly route: MessageRoute;
  readonly topicArn: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
}

type Attributes = Readonly<Record<string, string>>;

/** A client configuration of both SDKs. */
export function clientConfig({ url, region, credentials }: AwsEndpoint) {
  return { region, ...(url !== undefined && { endpoint: url }), ...(credentials && { credentials }) };
}

/**
 * Creates every topic, queue, dead-letter queue and subscription the contracts name, and leaves alone what is as it should
 * be already: it can be run again at any time. The bucket of the access log as well, but not in AWS itself, where names of
 * buckets are everybody's and have owners.
 */
export async function createTopology(endpoint: AwsEndpoint): Promise<RouteResources[]> {
  const sqs = new SQSClient(clientConfig(endpoint));
  const sns = new SNSClient(clientConfig(endpoint));
  try {
    const routes = Promise.all(MESSAGE_ROUTES.map((route) => createRoute(sns, sqs, route)));
    await Promise.all([routes, createQueueOfAccessLog(sqs), createBucketOfAccessLog(endpoint)]);
    return await routes;
  } finally {
    sqs.destroy();
    sns.destroy();
  }
}

async function createRoute(sns: SNSClient, sqs: SQSClient, route: MessageRoute): Promise<RouteResources> {
  const [topic, deadLetters] = await Promise.all([
    sns.send(new CreateTopicCommand({ Name: route.topic })),
    ensureQueue(sqs, deadLetterQueueName(route.queue), () => RETENTION),
  ]);
  const topicArn = given(topic.TopicArn, `the ARN of topic ${route.topic}`);
  const queue = await ensureQueue(sqs, route.queue, (queueArn) => ({
    ...attributesBeside(deadLetters.arn),
    Policy: JSON.stringify(sendPolicy(topicArn, queueArn)),
  }));
  // In an SNS envelope, not raw: the envelope's Timestamp orders events that bear no EventTime.
  await sns.send(new SubscribeCommand({ TopicArn: topicArn, Protocol: 'sqs', Endpoint: queue.arn }));
  return { route, topicArn, queueUrl: queue.url, deadLetterQueueUrl: deadLetters.url };
}

/** The gateways send to it directly, so it has no topic. */
async function createQueueOfAccessLog(sqs: SQSClient): Promise<void> {
  const deadLetters = await ensureQueue(sqs, deadLetterQueueName(ACCESS_LOG_QUEUE), () => RETENTION);
  await ensureQueue(sqs, ACCESS_LOG_QUEUE, () => attributesBeside(deadLetters.arn));
}

async function createBucketOfAccessLog(endpoint: AwsEndpoint): Promise<void> {
  if (endpoint.url === undefined) return;
  const s3 = new S3Client({ ...clientConfig(endpoint), forcePathStyle: true });
  try {
    await s3.send(new CreateBucketCommand({ Bucket: ACCESS_LOG_BUCKET }));
  } catch (error) {
    if (!(error instanceof Error && error.name === 'BucketAlreadyOwnedByYou')) throw error;
  } finally {
    s3.destroy();
  }
}

function attributesBeside(deadLettersArn: string): Attributes {
  return {
    ...RETENTION,
    VisibilityTimeout: String(VISIBILITY_TIMEOUT_SECONDS),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLettersArn, maxReceiveCount: MAX_RECEIVE_COUNT }),
  };
}

async function ensureQueue(
  sqs: SQSClient,
  name: string,
  desired: (arn: string) => Attributes,
): Promise<{ readonly url: string; readonly arn: string }> {
  // Bare: with attributes, CreateQueue refuses a queue that exists with others.
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  const url = given(QueueUrl, `the URL of queue ${name}`);
  const { Attributes: present = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }),
  );
  const arn = given(present.QueueArn, `the ARN of queue ${name}`);
  const found = new Map(Object.entries(present));
  const changes = Object.fromEntries(Object.entries(desired(arn)).filter(([key, value]) => found.get(key) !== value));
  if (Object.keys(changes).length > 0) {
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: changes }));
  }
  return { url, arn };
}

/** Lets this topic, and no other, send to the queue; AWS delivers nothing without it. */
function sendPolicy(topicArn: string, queueArn: string) {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'sns.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: queueArn,
        Condition: { ArnEquals: { 'aws:SourceArn': topicArn } },
      },
    ],
  };
}

function given(value: string | undefined, what: string): string {
  if (value === undefined) throw new Error(`the endpoint did not tell ${what}`);
  return value;
}
