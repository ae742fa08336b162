import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { ACCESS_LOG_QUEUE } from '../../contracts/sessions/access-record.ts';
import { MESSAGE_ROUTES } from '../../contracts/shared/names.ts';
import { startAws, type AwsOptions, type AwsServer } from '../../local/aws.ts';
import { inheritedEnvironment, PROJECT_DIRECTORY } from '../../local/config.ts';
import { OwnedProcess } from '../../local/owned-process.ts';
import { freePort } from '../../local/ports.ts';
import { clientConfig, createTopology } from '../../local/topology.ts';
import { eventually } from '../support/eventually.ts';

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };

describe('the local SQS and SNS', () => {
  const closers: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });

  async function start(options: AwsOptions = {}): Promise<{ aws: AwsServer; sqs: SQSClient; sns: SNSClient }> {
    const aws = await startAws(options);
    const config = clientConfig(endpointOf(aws));
    const clients = { sqs: new SQSClient(config), sns: new SNSClient(config) };
    closers.push(() => aws.stop());
    closers.push(() => clients.sqs.destroy());
    closers.push(() => clients.sns.destroy());
    return { aws, ...clients };
  }

  it('listens on the loopback address alone and gives queue URLs that its clients can reach', async () => {
    const { aws, sqs } = await start();
    assert.match(aws.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'some-queue' }));
    assert.equal(QueueUrl, `${aws.url}/000000000000/some-queue`);
  });

  it('has every topic, queue and dead-letter queue of the contracts, however often they are created', async () => {
    const { aws, sqs } = await start();
    const first = await createTopology(endpointOf(aws));
    const second = await createTopology(endpointOf(aws));
    assert.deepEqual(second, first);
    assert.deepEqual(
      aws.depths().map((queue) => queue.name),
      [...MESSAGE_ROUTES.map(({ queue }) => queue), ACCESS_LOG_QUEUE]
        .flatMap((queue) => [queue, `${queue}-dlq`])
        .toSorted((a, b) => a.localeCompare(b)),
    );
    for (const { queueUrl, deadLetterQueueUrl } of first) {
      const queue = await attributesOf(sqs, queueUrl);
      const deadLetters = await attributesOf(sqs, deadLetterQueueUrl);
      assert.equal(queue['VisibilityTimeout'], '30');
      assert.equal(queue['MessageRetentionPeriod'], '1209600');
      assert.equal(deadLetters['MessageRetentionPeriod'], '1209600');
      assert.deepEqual(JSON.parse(queue['RedrivePolicy'] ?? ''), {
        deadLetterTargetArn: deadLetters['QueueArn'],
        maxReceiveCount: 5,
      });
    }
  });

  it('delivers what is published to a topic to its queue once, in an SNS envelope', async () => {
    const { aws, sqs, sns } = await start();
    const [route] = await createTopology(endpointOf(aws));
    assert.ok(route);
    await createTopology(endpointOf(aws));
    await sns.send(new PublishCommand({ TopicArn: route.topicArn, Message: '{"Actor":"alice"}' }));
    const bodies = await receiveAll(sqs, route.queueUrl, 1);
    const envelope: unknown = JSON.parse(bodies[0] ?? '');
    assert.ok(typeof envelope === 'object' && envelope !== null && 'Message' in envelope && 'Timestamp' in envelope);
    assert.equal(envelope.Message, '{"Actor":"alice"}');
    assert.deepEqual(depth(aws, route.route.queue), { ready: 0, inFlight: 0, delayed: 0 });
  });

  it('gives back a message whose visibility time-out is set to 0, also when it keeps its data on disk', async () => {
    const dataDirectory = await temporaryDirectory();
    const { sqs } = await start({ dataDirectory });
    const url = await createQueue(sqs, 'returned');
    await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'again' }));
    const { Messages: [message] = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: url }));
    await sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: url,
        ReceiptHandle: message?.ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    assert.deepEqual(await receiveAll(sqs, url, 1), ['again']);
  });

  it('keeps its messages over a restart and serves them on another port', async () => {
    const dataDirectory = await temporaryDirectory();
    const first = await startAws({ dataDirectory });
    const [before] = await createTopology(endpointOf(first));
    assert.ok(before);
    const publisher = new SQSClient(clientConfig(endpointOf(first)));
    closers.push(() => publisher.destroy());
    await publisher.send(new SendMessageCommand({ QueueUrl: before.queueUrl, MessageBody: 'kept' }));
    await first.stop();

    const { aws, sqs } = await start({ dataDirectory, port: await freePort() });
    const [after] = await createTopology(endpointOf(aws));
    assert.ok(after);
    assert.ok(after.queueUrl.startsWith(aws.url), after.queueUrl);
    assert.deepEqual(await receiveAll(sqs, after.queueUrl, 1), ['kept']);
  });

  it('says which port is in use and how to change it', async () => {
    const { aws } = await start();
    await assert.rejects(startAws({ port: aws.port }), new RegExp(`port ${aws.port} is in use.*AWS_PORT`));
  });

  it('runs as a process of its own, which keeps its data and says what keeps it from starting', async () => {
    const dataDirectory = await temporaryDirectory();
    const port = await freePort();
    const entry = path.join(PROJECT_DIRECTORY, 'local', 'aws-server.ts');
    const env = { ...inheritedEnvironment(), AWS_PORT: String(port), AWS_DATA_DIRECTORY: dataDirectory };
    const lines: string[] = [];
    const run = () => OwnedProcess.start(process.execPath, [entry], { env, onLine: (line) => lines.push(line) });
    const sqs = new SQSClient({ region: 'us-east-1', endpoint: `http://127.0.0.1:${port}`, credentials: CREDENTIALS });
    closers.push(() => sqs.destroy());
    const running = () => eventually(() => assert.match(lines.splice(0).join(), /SQS, SNS and S3 on http/));

    const first = await run();
    await running();
    const url = await createQueue(sqs, 'kept');
    await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: '🎉' }));
    const second = await run();
    assert.equal((await second.exited).code, 1);
    assert.match(lines.splice(0).join('\n'), new RegExp(`^port ${port} is in use: .* AWS_PORT=<port> `));
    assert.equal((await first.stop(10_000)).code, 0);

    const third = await run();
    await running();
    assert.deepEqual(await receiveAll(sqs, url, 1), ['🎉']);
    assert.equal((await third.stop(10_000)).code, 0);
  }).timeout(60_000);

  describe('with disorder', () => {
    const sent = Array.from({ length: 60 }, (_, index) => String(index));
    const disorder = { seed: 7, duplicateRate: 0.2, reorderRate: 0.3, maxDelayMs: 200 };

    it('delivers messages of standard queues late and twice, but loses none', async () => {
      const { aws, sqs } = await start({ disorder });
      const url = await createQueue(sqs, 'standard');
      for (const body of sent) await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body }));
      const { duplicated, reordered } = aws.disorderCounts();
      assert.ok(duplicated > 0 && reordered > 0);
      const received = await receiveAll(sqs, url, sent.length + duplicated);
      assert.deepEqual(new Set(received), new Set(sent));
      assert.notDeepEqual([...new Set(received)], sent);
    });

    it('does the same to the same messages for the same seed', async () => {
      const outcomes = [];
      for (let round = 0; round < 2; round += 1) {
        const { aws, sqs } = await start({ disorder });
        const url = await createQueue(sqs, 'standard');
        for (const body of sent) await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body }));
        const received = await receiveAll(sqs, url, sent.length + aws.disorderCounts().duplicated);
        outcomes.push(received.filter((body, index) => received.indexOf(body) !== index).toSorted());
      }
      assert.deepEqual(outcomes[0], outcomes[1]);
    });

    it('leaves FIFO and dead-letter queues in order', async () => {
      const { aws, sqs } = await start({ disorder: { seed: 7, duplicateRate: 1, reorderRate: 1 } });
      const fifo = await createQueue(sqs, 'ordered.fifo', { FifoQueue: 'true', ContentBasedDeduplication: 'true' });
      const deadLetters = await createQueue(sqs, 'some-queue-dlq');
      const few = sent.slice(0, 5);
      for (const body of few) {
        await sqs.send(new SendMessageCommand({ QueueUrl: fifo, MessageBody: body, MessageGroupId: 'one' }));
        await sqs.send(new SendMessageCommand({ QueueUrl: deadLetters, MessageBody: body }));
      }
      assert.deepEqual(aws.disorderCounts(), { duplicated: 0, reordered: 0 });
      assert.deepEqual(await receiveAll(sqs, fifo, few.length), few);
      assert.deepEqual(await receiveAll(sqs, deadLetters, few.length), few);
    });
  });

  async function temporaryDirectory(): Promise<string> {
    const directory = await mkdtemp(path.join(tmpdir(), 'local-aws-'));
    closers.unshift(() => rm(directory, { recursive: true, force: true }));
    return directory;
  }
});

function endpointOf(aws: AwsServer) {
  return { url: aws.url, region: 'us-east-1', credentials: CREDENTIALS };
}

async function createQueue(sqs: SQSClient, name: string, attributes: Record<string, string> = {}): Promise<string> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
  assert.ok(QueueUrl);
  return QueueUrl;
}

async function attributesOf(sqs: SQSClient, url: string): Promise<Record<string, string>> {
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }));
  return Attributes;
}

/** The bodies of so many deliveries, each acknowledged, in the order they came. */
async function receiveAll(sqs: SQSClient, url: string, count: number): Promise<string[]> {
  const bodies: string[] = [];
  await eventually(
    async () => {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
      );
      for (const message of Messages) {
        bodies.push(message.Body ?? '');
        await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message.ReceiptHandle }));
      }
      assert.equal(bodies.length, count);
    },
    { intervalMs: 0 },
  );
  return bodies;
}

function depth(aws: AwsServer, name: string) {
  const found = aws.depths().find((queue) => queue.name === name);
  assert.ok(found);
  const { ready, inFlight, delayed } = found;
  return { ready, inFlight, delayed };
}
