/**
 * Pace of the bridge with and without one message that Temporal refuses each time, in turns on the same SQS and Temporal: the
 * ratio is what counts. Nothing but starts: no worker runs. At the end it waits for the message in the dead-letter queue.
 *
 * Usage: `node bench/unstartable.ts [--count 3000]`
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { startBridge, type Bridge } from '../bridge/bridge.ts';
import { StartRefusedError, type EventStarter } from '../bridge/event-starter.ts';
import { createTemporalStarter } from '../bridge/start-event.ts';
import { REJECT_REASON } from '../contracts/shared/dead-letter-attributes.ts';
import { deadLetterQueueName } from '../contracts/shared/names.ts';
import { startStack } from '../local/stack.ts';
import { clientConfig } from '../local/topology.ts';

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
const UNSTARTABLE = 'unstartable';
const ROUNDS = 2;

const { values } = parseArgs({ options: { count: { type: 'string', default: '3000' } } });
const count = Number(values.count);
if (!Number.isInteger(count) || count < 100) throw new Error('--count must be a whole number of at least 100');

const stack = await startStack({ worker: false, gateway: false, rateLimits: false });
const sqs = new SQSClient(clientConfig({ url: stack.endpoints.aws, region: 'us-east-1', credentials: CREDENTIALS }));
const connection = await Connection.connect({ address: stack.endpoints.temporal });
const client = new Client({ connection, namespace: stack.endpoints.namespace });
try {
  for (let round = 0; round < ROUNDS; round++) {
    const without = await timeStarts(false);
    const held = await timeStarts(true);
    process.stdout.write(
      `${count} starts without it ${without.rate.toFixed(1)}/s, beside it ${held.rate.toFixed(1)}/s; ` +
        `ratio ${(held.rate / without.rate).toFixed(2)}; ${held.bridge.ready() ? 'ready' : 'NOT READY'}, ` +
        `it had failed ${held.refused()} times\n`,
    );
    const { reason, seconds } = await deadLetter(held);
    process.stdout.write(`in the dead-letter queue after ${seconds.toFixed(1)} s: ${reason}\n`);
    await Promise.all([without.bridge.stop(), held.bridge.stop()]);
  }
} finally {
  sqs.destroy();
  await connection.close();
  await stack.stop();
}

interface Timed {
  readonly queue: string;
  readonly bridge: Bridge;
  readonly rate: number;
  readonly begunMs: number;
  readonly refused: () => number;
}

/** The queue is filled first, the message that cannot start in front; the clock runs from the bridge's start. */
async function timeStarts(withUnstartable: boolean): Promise<Timed> {
  const queue = `unstartable-${randomUUID()}`;
  for (const name of [deadLetterQueueName(queue), queue]) await sqs.send(new CreateQueueCommand({ QueueName: name }));
  await fill(queue, withUnstartable);
  const real = createTemporalStarter({ client, eagerStart: false });
  let refused = 0;
  const starter: EventStarter = {
    ...real,
    start(event, signal) {
      if (event.kind !== 'activity' || event.objectId !== UNSTARTABLE) return real.start(event, signal);
      refused += 1;
      return Promise.reject(new StartRefusedError('refused by the bench'));
    },
  };
  const begunMs = performance.now();
  const bridge = await startBridge({
    sqs,
    starter,
    queues: [{ queue, kind: 'activity' }],
    logger: pino({ level: 'silent' }),
    meter: { counter: () => ({ add() {} }), gauge: () => ({ set() {} }) },
  });
  while (bridge.counts().started < count) await delay(20);
  const rate = count / ((performance.now() - begunMs) / 1_000);
  return { queue, bridge, rate, begunMs, refused: () => refused };
}

async function fill(queue: string, withUnstartable: boolean): Promise<void> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: queue }));
  const objects = [...(withUnstartable ? [UNSTARTABLE] : []), ...Array.from({ length: count }, () => randomUUID())];
  for (let start = 0; start < objects.length; start += 10) {
    const Entries = objects.slice(start, start + 10).map((object, offset) => ({
      Id: String(offset),
      MessageBody: JSON.stringify({
        Actor: 'alice',
        Verb: 'Post',
        ObjectID: object,
        FeedType: 'User',
        CreatedAt: '2026-01-31T12:00:00Z',
        ForeignID: `Post:alice-${object}`,
      }),
    }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  }
}

async function deadLetter({ queue, bridge, begunMs }: Timed): Promise<{ reason: string; seconds: number }> {
  while (bridge.counts().rejected === 0) await delay(100);
  const seconds = (performance.now() - begunMs) / 1_000;
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: deadLetterQueueName(queue) }));
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ['All'] }));
  return { reason: Messages?.[0]?.MessageAttributes?.[REJECT_REASON]?.StringValue ?? 'NONE', seconds };
}
