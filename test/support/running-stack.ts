import { PublishBatchCommand, SNSClient } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { Client, Connection } from '@temporalio/client';
import { connect, type StreamClient } from 'getstream';
import { startStack, type Stack } from '../../local/stack.ts';
import type { StackOptions } from '../../local/stack-parts.ts';
import { clientConfig } from '../../local/topology.ts';
import { sharedTemporal } from './temporal.ts';
import type { TrafficMessage } from './traffic.ts';

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
const BRIDGE_OUTCOMES = ['started', 'joined', 'deduplicated', 'rejected', 'returned'] as const;

/** The whole local stack with clients for everything a test asks. */
export interface RunningStack {
  readonly stack: Stack;
  readonly stream: StreamClient;
  readonly temporal: Client;
  readonly sqs: SQSClient;
  publish(messages: readonly TrafficMessage[]): Promise<void>;
  /** Messages in all four queues or all four dead-letter queues, in flight included. */
  queued(which: 'queueUrl' | 'deadLetterQueueUrl'): Promise<number>;
  /** The bridge's counters, summed over queues, as the worker exports them. */
  counters(): Promise<Record<'received' | 'in_flight' | (typeof BRIDGE_OUTCOMES)[number], number>>;
  setFaults(faults: readonly object[]): Promise<void>;
  /** How many requests the Stream server answered with this status. */
  streamAnswers(status: number): Promise<number>;
  stop(): Promise<void>;
}

/** On the Temporal server the whole run shares; everything else is this stack's own, on free ports, in memory. */
export async function startRunningStack(options: StackOptions = {}): Promise<RunningStack> {
  const { address, namespace } = await sharedTemporal();
  const stack = await startStack({
    temporalAddress: address,
    namespace,
    rateLimits: false,
    gateway: false,
    ...options,
  });
  const { endpoints } = stack;
  const config = clientConfig({ url: endpoints.aws, region: 'us-east-1', credentials: CREDENTIALS });
  const [sns, sqs] = [new SNSClient(config), new SQSClient(config)];
  const connection = await Connection.connect({ address });
  const stream = connect(endpoints.stream.apiKey, endpoints.stream.apiSecret, endpoints.stream.appId, {
    urlOverride: { api: `${endpoints.stream.url}/api/` },
  });
  return {
    stack,
    stream,
    sqs,
    temporal: new Client({ connection, namespace }),
    publish: (messages) => publish(sns, stack, messages),
    async queued(which) {
      const depths = await Promise.all(stack.routes.map((route) => depthOf(sqs, route[which])));
      return depths.reduce((sum, depth) => sum + depth, 0);
    },
    counters: () => readCounters(endpoints.metrics[0] ?? ''),
    async setFaults(faults) {
      await fetch(`${endpoints.stream.url}/_control/faults`, { method: 'DELETE' });
      if (faults.length === 0) return;
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify(faults);
      const response = await fetch(`${endpoints.stream.url}/_control/faults`, { method: 'POST', headers, body });
      if (!response.ok) throw new Error(await response.text());
    },
    async streamAnswers(status) {
      const stats: unknown = await (await fetch(`${endpoints.stream.url}/_control/stats`)).json();
      const requests: object = Object(Reflect.get(Object(stats), 'requests'));
      return Object.values(requests)
        .map((request: unknown) =>
          Number(Reflect.get(Object(Reflect.get(Object(request), 'byStatus')), String(status)) ?? 0),
        )
        .reduce((sum, count) => sum + count, 0);
    },
    async stop() {
      await stack.stop();
      await connection.close();
      sns.destroy();
      sqs.destroy();
    },
  };
}

async function publish(sns: SNSClient, stack: Stack, messages: readonly TrafficMessage[]): Promise<void> {
  for (const { route, topicArn } of stack.routes) {
    const bodies = messages.filter(({ topic }) => topic === route.topic).map(({ body }) => JSON.stringify(body));
    for (let start = 0; start < bodies.length; start += 10) {
      const entries = bodies.slice(start, start + 10).map((Message, index) => ({ Id: String(index), Message }));
      const { Failed } = await sns.send(
        new PublishBatchCommand({ TopicArn: topicArn, PublishBatchRequestEntries: entries }),
      );
      if (Failed?.length) throw new Error(`SNS refused: ${JSON.stringify(Failed)}`);
    }
  }
}

async function depthOf(sqs: SQSClient, url: string): Promise<number> {
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }));
  return (
    Number(Attributes?.['ApproximateNumberOfMessages'] ?? 0) +
    Number(Attributes?.['ApproximateNumberOfMessagesNotVisible'] ?? 0)
  );
}

async function readCounters(url: string): ReturnType<RunningStack['counters']> {
  const text = await (await fetch(url)).text();
  const sum = (name: string): number =>
    [...text.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'gm'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  const [started = 0, joined = 0, deduplicated = 0, rejected = 0, returned = 0] = BRIDGE_OUTCOMES.map((outcome) =>
    sum(`bridge_messages_${outcome}_total`),
  );
  const received = sum('bridge_messages_received_total');
  return { received, started, joined, deduplicated, rejected, returned, in_flight: sum('bridge_messages_in_flight') };
}
