import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { PublishBatchCommand, SNSClient } from '@aws-sdk/client-sns';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOCAL_AWS } from '../../local/stack-parts.ts';
import { clientConfig, type RouteResources } from '../../local/topology.ts';
import type { TrafficMessage } from '../support/traffic.ts';

const RETRY_MS = 300;

/** Publishing to, looking at and redriving the queues of a run, patient with outages. */
export class Queues {
  readonly #sns: SNSClient;
  readonly #sqs: SQSClient;
  readonly #routes: readonly RouteResources[];
  readonly #rejected = new Set<string>();

  constructor(url: string, routes: readonly RouteResources[]) {
    const config = clientConfig({ url, ...LOCAL_AWS });
    this.#sns = new SNSClient(config);
    this.#sqs = new SQSClient(config);
    this.#routes = routes;
  }

  /** What an outage leaves in doubt is published again. */
  async publish(messages: readonly TrafficMessage[]): Promise<void> {
    for (const { route, topicArn } of this.#routes) {
      const bodies = messages.filter(({ topic }) => topic === route.topic).map(({ body }) => JSON.stringify(body));
      for (let start = 0; start < bodies.length; start += 10) {
        const entries = bodies.slice(start, start + 10).map((Message, index) => ({ Id: String(index), Message }));
        await this.#publishBatch(new PublishBatchCommand({ TopicArn: topicArn, PublishBatchRequestEntries: entries }));
      }
    }
  }

  /** Messages in all four queues, held back and in flight ones included. */
  async depth(): Promise<number> {
    const depths = await Promise.all(
      this.#routes.map(async ({ queueUrl }) => {
        const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] });
        const { Attributes = {} } = await this.#sqs.send(command);
        return (
          Number(Attributes.ApproximateNumberOfMessages) +
          Number(Attributes.ApproximateNumberOfMessagesNotVisible) +
          Number(Attributes.ApproximateNumberOfMessagesDelayed)
        );
      }),
    );
    return depths.reduce((total, depth) => total + depth, 0);
  }

  /**
   * Sends what was received too often back to its queue; what the bridge rejected stays, and is not seen again for a while.
   *
   * @returns how many
   */
  async redrive(): Promise<number> {
    let redriven = 0;
    for (const { queueUrl, deadLetterQueueUrl: QueueUrl } of this.#routes) {
      for (;;) {
        const { Messages = [] } = await this.#sqs.send(
          new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
        );
        if (Messages.length === 0) break;
        for (const { Body = '', ReceiptHandle, MessageAttributes } of Messages) {
          if (MessageAttributes?.['RejectReason']) {
            this.#rejected.add(Body);
            continue;
          }
          await this.#sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: Body }));
          await this.#sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
          redriven += 1;
        }
      }
    }
    return redriven;
  }

  /** Different messages that {@link redrive} found rejected: each may have been delivered several times. */
  get rejected(): number {
    return new Set(Array.from(this.#rejected, messageIn)).size;
  }

  close(): void {
    this.#sns.destroy();
    this.#sqs.destroy();
  }

  async #publishBatch(command: PublishBatchCommand): Promise<void> {
    for (;;) {
      try {
        const { Failed = [] } = await this.#sns.send(command);
        if (Failed.length === 0) return;
      } catch {
        // Down for the moment.
      }
      await sleep(RETRY_MS);
    }
  }
}

/** What was published, out of the envelope that SNS puts around it: one message published twice has two envelopes. */
function messageIn(body: string): string {
  const envelope: unknown = JSON.parse(body);
  return String(Reflect.get(Object(envelope), 'Message') ?? body);
}
