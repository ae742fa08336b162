import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  CancelMessageMoveTaskCommand,
  ListMessageMoveTasksCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  StartMessageMoveTaskCommand,
  type Message,
  type MessageAttributeValue,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { AwsServer } from '../../local/aws.ts';
import { eventually } from '../support/eventually.ts';
import { createQueue, depth, peek, receive, receiveAndReturn, startSqs, type Queue } from './support/queues.ts';

describe('redrive of the local SQS', () => {
  let aws: AwsServer;
  let sqs: SQSClient;
  before(async () => {
    ({ aws, sqs } = await startSqs());
  });
  after(async () => {
    sqs.destroy();
    await aws.stop();
  });

  async function pair(client = sqs, fifo: Record<string, string> = {}): Promise<{ source: Queue; letters: Queue }> {
    const letters = await createQueue(client, fifo);
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: letters.arn, maxReceiveCount: 1 });
    return { letters, source: await createQueue(client, { ...fifo, RedrivePolicy }) };
  }

  /** Sends messages and receives them until the redrive policy has moved them. */
  async function letThemDie(queues: { source: Queue; letters: Queue }, bodies: string[], client = sqs, server = aws) {
    const QueueUrl = queues.source.url;
    const group = queues.source.name.endsWith('.fifo') ? { MessageGroupId: 'group' } : {};
    for (const MessageBody of bodies) {
      const MessageDeduplicationId = 'MessageGroupId' in group ? MessageBody : undefined;
      const MessageAttributes: Record<string, MessageAttributeValue> = {
        Note: { DataType: 'String', StringValue: `🎉 ${MessageBody}` },
        Bytes: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255]) },
      };
      await client.send(
        new SendMessageCommand({ QueueUrl, MessageBody, MessageAttributes, MessageDeduplicationId, ...group }),
      );
    }
    const before = depth(server, queues.letters);
    await eventually(
      async () => {
        await receiveAndReturn(client, queues.source);
        assert.equal(depth(server, queues.letters), before + bodies.length);
      },
      { intervalMs: 0 },
    );
  }

  const move = (SourceArn: string, more: { DestinationArn?: string; MaxNumberOfMessagesPerSecond?: number } = {}) =>
    sqs.send(new StartMessageMoveTaskCommand({ SourceArn, ...more }));
  const tasksOf = async (SourceArn: string, client = sqs) =>
    (await client.send(new ListMessageMoveTasksCommand({ SourceArn, MaxResults: 10 }))).Results ?? [];
  const ended = (arn: string, expected: Record<string, unknown>, client = sqs): Promise<void> =>
    eventually(async () => {
      const [task] = await tasksOf(arn, client);
      assert.partialDeepStrictEqual(task, expected);
    });

  it('moves messages back to the queues they came from, as new ones with the old body and attributes', async () => {
    const { source, letters } = await pair();
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: letters.arn, maxReceiveCount: 1 });
    const other = { letters, source: await createQueue(sqs, { RedrivePolicy }) };
    const bodies = Array.from({ length: 23 }, (_, index) => `message ${index}`);
    await letThemDie({ source, letters }, bodies);
    await letThemDie(other, ['of another queue']);
    const dead = await peek(sqs, letters, 24);

    const startedMs = Date.now();
    const { TaskHandle } = await move(letters.arn);
    assert.ok(TaskHandle);
    await ended(letters.arn, {
      Status: 'COMPLETED',
      SourceArn: letters.arn,
      ApproximateNumberOfMessagesMoved: 24,
      ApproximateNumberOfMessagesToMove: 24,
    });
    assert.deepEqual([depth(aws, letters), depth(aws, source), depth(aws, other.source)], [0, 23, 1]);
    const [moved, elsewhere] = [await receive(sqs, source, 23), await receive(sqs, other.source, 1)];
    assert.equal(elsewhere[0]?.Body, 'of another queue');
    const key = ({ Body }: Message): string => Body ?? '';
    assert.deepEqual(moved.map(key).toSorted(), bodies.toSorted());
    for (const message of moved) {
      const old = dead.find(({ Body }) => Body === message.Body);
      assert.deepEqual(message.MessageAttributes, old?.MessageAttributes);
      assert.equal(message.MessageAttributes?.Note?.StringValue, `🎉 ${message.Body}`);
      assert.notEqual(message.MessageId, old?.MessageId);
      assert.ok(Number(message.Attributes?.SentTimestamp) >= startedMs);
      assert.equal(message.Attributes?.ApproximateReceiveCount, '1');
    }
  });

  it('moves them to the dead-letter queue again when they die again, and back, as often as asked', async () => {
    const queues = await pair();
    await letThemDie(queues, ['one', 'two']);
    for (let round = 1; round <= 2; round += 1) {
      await move(queues.letters.arn);
      await ended(queues.letters.arn, { Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 2 });
      assert.equal((await tasksOf(queues.letters.arn)).length, round);
      await eventually(async () => {
        await receiveAndReturn(sqs, queues.source);
        assert.equal(depth(aws, queues.letters), 2);
      });
    }
  });

  it('moves what was sent to the dead-letter queue by itself only where it is told to, as AWS does', async () => {
    const { source, letters } = await pair();
    await sqs.send(new SendMessageCommand({ QueueUrl: letters.url, MessageBody: 'poison' }));
    await move(letters.arn);
    await ended(letters.arn, { Status: 'FAILED', FailureReason: 'CouldNotDetermineMessageSource' });
    assert.deepEqual([depth(aws, letters), depth(aws, source)], [1, 0]);
    await move(letters.arn, { DestinationArn: source.arn });
    await ended(letters.arn, {
      Status: 'COMPLETED',
      DestinationArn: source.arn,
      ApproximateNumberOfMessagesMoved: 1,
    });
    assert.equal((await receive(sqs, source, 1))[0]?.Body, 'poison');
  });

  it('keeps the group and order of a FIFO queue', async () => {
    const queues = await pair(sqs, { FifoQueue: 'true' });
    await letThemDie(queues, ['one', 'two', 'three']);
    await move(queues.letters.arn);
    await ended(queues.letters.arn, { Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 3 });
    const moved = await receive(sqs, queues.source, 3);
    assert.deepEqual(
      moved.map(({ Body }) => Body),
      ['one', 'two', 'three'],
    );
    assert.deepEqual(new Set(moved.map(({ Attributes }) => Attributes?.MessageGroupId)), new Set(['group']));
  });

  it('moves at the pace that is asked for, one task at a time, until it is cancelled', async () => {
    const queues = await pair();
    await letThemDie(queues, ['one', 'two', 'three']);
    const { TaskHandle } = await move(queues.letters.arn, { MaxNumberOfMessagesPerSecond: 1 });
    const running = { Status: 'RUNNING', TaskHandle, MaxNumberOfMessagesPerSecond: 1 };
    await ended(queues.letters.arn, { ...running, ApproximateNumberOfMessagesMoved: 1 });
    await assert.rejects(move(queues.letters.arn), { name: 'UnsupportedOperation' });
    const cancelled = await sqs.send(new CancelMessageMoveTaskCommand({ TaskHandle }));
    assert.equal(cancelled.ApproximateNumberOfMessagesMoved, 1);
    await ended(queues.letters.arn, { Status: 'CANCELLED', ApproximateNumberOfMessagesMoved: 1 });
    assert.deepEqual([depth(aws, queues.letters), depth(aws, queues.source)], [2, 1]);
    await assert.rejects(sqs.send(new CancelMessageMoveTaskCommand({ TaskHandle })), /active/);
    await move(queues.letters.arn);
    await ended(queues.letters.arn, { Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 2 });
  });

  it('leaves what another reader holds', async () => {
    const queues = await pair();
    await letThemDie(queues, ['one', 'two']);
    await sqs.send(new ReceiveMessageCommand({ QueueUrl: queues.letters.url, VisibilityTimeout: 60 }));
    await move(queues.letters.arn);
    await ended(queues.letters.arn, { Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 1 });
    assert.equal(depth(aws, queues.source), 1);
  });

  it('knows after a restart where messages came from', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'local-redrive-'));
    let server = await startSqs(directory);
    const queues = await pair(server.sqs);
    await letThemDie(queues, ['kept'], server.sqs, server.aws);
    server.sqs.destroy();
    await server.aws.stop();
    server = await startSqs(directory);
    await server.sqs.send(new StartMessageMoveTaskCommand({ SourceArn: queues.letters.arn }));
    await ended(queues.letters.arn, { Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 1 }, server.sqs);
    assert.equal(depth(server.aws, queues.source), 1);
    server.sqs.destroy();
    await server.aws.stop();
    await rm(directory, { recursive: true });
  });

  it('refuses what AWS refuses, by its names', async () => {
    const { source, letters } = await pair();
    const fifo = await createQueue(sqs, { FifoQueue: 'true' });
    const nowhere = letters.arn.replace(letters.name, 'nowhere');
    const refusals: [request: Promise<unknown>, name: string][] = [
      [move(nowhere), 'ResourceNotFoundException'],
      [move(letters.arn, { DestinationArn: nowhere }), 'ResourceNotFoundException'],
      [move('letters'), 'InvalidParameterValue'],
      [move(source.arn), 'InvalidParameterValue'],
      [move(letters.arn, { DestinationArn: letters.arn }), 'InvalidParameterValue'],
      [move(letters.arn, { DestinationArn: fifo.arn }), 'InvalidParameterValue'],
      [move(letters.arn, { MaxNumberOfMessagesPerSecond: 501 }), 'InvalidParameterValue'],
      [move(letters.arn, { MaxNumberOfMessagesPerSecond: 0 }), 'InvalidParameterValue'],
      [tasksOf(nowhere), 'ResourceNotFoundException'],
      [sqs.send(new CancelMessageMoveTaskCommand({ TaskHandle: 'none' })), 'ResourceNotFoundException'],
    ];
    for (const [request, name] of refusals) await assert.rejects(request, { name });
    assert.deepEqual(await tasksOf(letters.arn), []);
  });
});
