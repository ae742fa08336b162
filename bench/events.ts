/**
 * Events per second from SNS to GetStream, beside the rate of bare workflows (one start, one normal activity that does
 * nothing) on the same Temporal server in the same run. Machines are noisy: the ratio is what counts.
 *
 * Usage: `npm run bench [-- --count 1000]`
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PublishBatchCommand, SNSClient } from '@aws-sdk/client-sns';
import { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { startStack, type Stack } from '../local/stack.ts';
import { clientConfig } from '../local/topology.ts';
import { startWorkerProcess } from '../local/worker-process.ts';
import { bareActivities } from './bare/activities.ts';

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
const STARTS_IN_FLIGHT = 50;

interface Timing {
  readonly count: number;
  readonly seconds: number;
}

const { values } = parseArgs({ options: { count: { type: 'string', default: '1000' } } });
const count = Number(values.count);
if (!Number.isInteger(count) || count < 100) throw new Error('--count must be a whole number of at least 100');

Runtime.install({ logger: new DefaultLogger('ERROR') });
const stack = await startStack({ worker: false, gateway: false, rateLimits: false });
try {
  // Twice, alternating, so that a machine that slows down half-way is seen.
  const rounds: { bare: Timing; events: Timing }[] = [];
  for (let round = 0; round < 2; round++) {
    rounds.push({ bare: await timeBare(stack, Math.round(count / 2)), events: await timeEvents(stack, count) });
  }
  for (const { bare, events } of rounds) {
    const [bareRate, eventRate] = [bare.count / bare.seconds, events.count / events.seconds];
    process.stdout.write(
      `bare start + normal activity ${bareRate.toFixed(1)}/s; events SNS to GetStream ${eventRate.toFixed(1)}/s; ` +
        `ratio ${(eventRate / bareRate).toFixed(2)}\n`,
    );
  }
} finally {
  await stack.stop();
}

async function timeBare({ endpoints }: Stack, workflows: number): Promise<Timing> {
  const connection = await NativeConnection.connect({ address: endpoints.temporal });
  const client = new Client({ connection, namespace: endpoints.namespace });
  const taskQueue = `bare-${randomUUID()}`;
  const worker = await Worker.create({
    connection,
    namespace: endpoints.namespace,
    taskQueue,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: fileURLToPath(import.meta.resolve('./bare/workflows.ts')),
      logger: new DefaultLogger('ERROR'),
    }),
    activities: bareActivities,
  });
  const seconds = await worker.runUntil(async () => {
    const begun = performance.now();
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next++ < workflows) await client.workflow.execute('bare', { workflowId: randomUUID(), taskQueue });
    };
    await Promise.all(Array.from({ length: STARTS_IN_FLIGHT }, lane));
    return (performance.now() - begun) / 1000;
  });
  await connection.close();
  return { count: workflows, seconds };
}

/** The queue is filled first; the clock runs from the worker being ready until the last activity stands on the server. */
async function timeEvents(running: Stack, events: number): Promise<Timing> {
  const { endpoints } = running;
  const before = await activitiesCreated(endpoints.stream.url);
  await publishPosts(running, events);
  const worker = await startWorkerProcess({
    temporalAddress: endpoints.temporal,
    namespace: endpoints.namespace,
    awsUrl: endpoints.aws,
    stream: endpoints.stream,
    logLevel: 'warn',
    env: { SHUTDOWN_GRACE_MS: '10000' },
  });
  const done = async (): Promise<number> => (await activitiesCreated(endpoints.stream.url)) - before;
  // Timed from the first write: what comes before is the start of the process.
  while ((await done()) === 0) await delay(100);
  const begun = performance.now();
  const already = await done();
  while ((await done()) < events) await delay(100);
  const seconds = (performance.now() - begun) / 1000;
  await worker.stop();
  return { count: events - already, seconds };
}

async function publishPosts({ endpoints, routes }: Stack, events: number): Promise<void> {
  const sns = new SNSClient(clientConfig({ url: endpoints.aws, region: 'us-east-1', credentials: CREDENTIALS }));
  const topicArn = routes.find(({ route }) => route.topic === 'activities')?.topicArn;
  const run = randomUUID().slice(0, 8);
  for (let start = 0; start < events; start += 10) {
    const entries = Array.from({ length: Math.min(10, events - start) }, (_, offset) => {
      const actor = `u${(start + offset) % 100}-${run}`;
      const object = String(start + offset);
      const CreatedAt = new Date(Date.UTC(2026, 0, 1) + (start + offset) * 1000).toISOString();
      const ForeignID = `Post:${actor}-${object}`;
      const message = { Actor: actor, Verb: 'Post', ObjectID: object, FeedType: 'User', CreatedAt, ForeignID };
      return { Id: String(offset), Message: JSON.stringify(message) };
    });
    await sns.send(new PublishBatchCommand({ TopicArn: topicArn, PublishBatchRequestEntries: entries }));
  }
  sns.destroy();
}

async function activitiesCreated(streamUrl: string): Promise<number> {
  const stats: unknown = await (await fetch(`${streamUrl}/_control/stats`)).json();
  return Number(Reflect.get(Object(Reflect.get(Object(stats), 'effects')), 'activitiesCreated'));
}
