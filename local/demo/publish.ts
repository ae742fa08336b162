import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { setTimeout as delay } from 'node:timers/promises';
import { clientConfig, type AwsEndpoint, type RouteResources } from '../topology.ts';
import type { DemoMessage } from './generate.ts';

export interface PublishOptions {
  readonly endpoint: AwsEndpoint;
  readonly routes: readonly RouteResources[];
  /** Messages a second; default 60, so that progress can be watched. */
  readonly rate?: number;
  readonly onPublished?: (count: number) => void;
  readonly signal?: AbortSignal;
}

/** Publishes the messages in their order, one after another. Stops early, without error, when the signal says so. */
export async function publishDemo(messages: readonly DemoMessage[], options: PublishOptions): Promise<void> {
  const { endpoint, routes, rate = 60, onPublished, signal } = options;
  const topicArns = new Map<string, string>(routes.map(({ route, topicArn }) => [route.topic, topicArn]));
  const sns = new SNSClient(clientConfig(endpoint));
  const startedAt = Date.now();
  try {
    for (const [index, { topic, body }] of messages.entries()) {
      const dueInMs = startedAt + (index * 1000) / rate - Date.now();
      if (dueInMs > 0) await delay(dueInMs, undefined, { signal }).catch(() => undefined);
      if (signal?.aborted) return;
      await sns.send(new PublishCommand({ TopicArn: topicArns.get(topic), Message: body }));
      onPublished?.(index + 1);
    }
  } finally {
    sns.destroy();
  }
}
