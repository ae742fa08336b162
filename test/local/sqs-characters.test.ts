import assert from 'node:assert/strict';
import {
  CreateTopicCommand,
  PublishBatchCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import { SendMessageBatchCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import fc from 'fast-check';
import type { AwsServer } from '../../local/aws.ts';
import { configFor, createQueue, depth, receive, startSqs } from './support/queues.ts';

/** The ends of the ranges of XML 1.0, and what people send. */
const TAKEN = [
  '\t',
  '\n',
  '\r',
  ' ',
  '~',
  '\u0080',
  '\uD7FF',
  '\uE000',
  '\uFFFD',
  '\u{10000}',
  '\u{10FFFF}',
  '🎉',
  '👩‍👩‍👧‍👦',
  '𝒳',
];
const REFUSED = ['\0', '\u0008', '\u000B', '\u000C', '\u001F', '\uD83C', '\uDF89', '\uFFFE', '\uFFFF'];

describe('the characters of the local SQS', () => {
  let aws: AwsServer;
  let sqs: SQSClient;
  let sns: SNSClient;
  before(async () => {
    ({ aws, sqs } = await startSqs());
    sns = new SNSClient(configFor(aws));
  });
  after(async () => {
    sqs.destroy();
    sns.destroy();
    await aws.stop();
  });

  it('are all of XML 1.0, however they are sent, and come back as they were', async () => {
    const queue = await createQueue(sqs);
    const attribute = (value: string) => ({ Note: { DataType: 'String', StringValue: value } });
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: 'characters' }));
    const raw = { Protocol: 'sqs', Endpoint: queue.arn, TopicArn, Attributes: { RawMessageDelivery: 'true' } };
    await sns.send(new SubscribeCommand(raw));
    const texts = [...TAKEN.map((character) => `<${character}>`), TAKEN.join('')];
    for (const text of texts) {
      const message = { MessageBody: text, MessageAttributes: attribute(text) };
      await sqs.send(new SendMessageCommand({ QueueUrl: queue.url, ...message }));
      await sqs.send(new SendMessageBatchCommand({ QueueUrl: queue.url, Entries: [{ Id: '1', ...message }] }));
      const published = { Message: text, MessageAttributes: attribute(text) };
      await sns.send(new PublishCommand({ TopicArn, ...published }));
      await sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: [{ Id: '1', ...published }] }));
    }
    const received = await receive(sqs, queue, texts.length * 4);
    const seen = received.map(({ Body, MessageAttributes }) => [Body, MessageAttributes?.Note?.StringValue]);
    const sent = texts.flatMap((text) => Array.from({ length: 4 }, () => [text, text]));
    assert.deepEqual(seen.map(String).toSorted(byText), sent.map(String).toSorted(byText));
  });

  it('make any text', async () => {
    const queue = await createQueue(sqs);
    const texts = fc.sample(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }), 30);
    for (const MessageBody of texts) await sqs.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody }));
    const received = await receive(sqs, queue, texts.length);
    assert.deepEqual(received.map(({ Body = '' }) => Body).toSorted(byText), texts.toSorted(byText));
  });

  it('stand in the envelope of SNS as they are', async () => {
    const queue = await createQueue(sqs);
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: 'envelopes' }));
    await sns.send(new SubscribeCommand({ Protocol: 'sqs', Endpoint: queue.arn, TopicArn }));
    await sns.send(new PublishCommand({ TopicArn, Message: '{"HashTags":["🎉"]}' }));
    const [message] = await receive(sqs, queue, 1);
    const envelope: unknown = JSON.parse(message?.Body ?? '');
    assert.partialDeepStrictEqual(envelope, { Message: '{"HashTags":["🎉"]}' });
  });

  it('are no others: refused in a body, by the name AWS has for it', async () => {
    const queue = await createQueue(sqs);
    for (const character of REFUSED) {
      await assert.rejects(
        sqs.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: `🎉${character}` })),
        (error) => error instanceof Error && error.name.endsWith('InvalidMessageContents'),
        JSON.stringify(character),
      );
    }
    const Entries = [...REFUSED, '🎉'].map((text, index) => ({ Id: `${index}`, MessageBody: text }));
    const { Successful, Failed } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: queue.url, Entries }));
    assert.deepEqual(
      Successful?.map(({ Id }) => Id),
      [`${REFUSED.length}`],
    );
    assert.deepEqual(new Set(Failed?.map(({ Code }) => Code)), new Set(['InvalidMessageContents']));
    await receive(sqs, queue, 1);
    assert.deepEqual(depth(aws, queue), 0);
  });

  it('are no others: refused in an attribute, alone and among the messages of a batch', async () => {
    const queue = await createQueue(sqs);
    const withNote = (note: string) => ({
      MessageBody: 'body',
      MessageAttributes: { Note: { DataType: 'String', StringValue: note } },
    });
    for (const character of REFUSED) {
      await assert.rejects(
        sqs.send(new SendMessageCommand({ QueueUrl: queue.url, ...withNote(`🎉${character}`) })),
        (error) => error instanceof Error && error.name === 'InvalidParameterValue' && /Note/.test(error.message),
        JSON.stringify(character),
      );
    }
    const send = (notes: string[]) => {
      const Entries = notes.map((note, index) => ({ Id: `${index}`, ...withNote(note) }));
      return sqs.send(new SendMessageBatchCommand({ QueueUrl: queue.url, Entries }));
    };
    const mixed = await send(['🎉', '\uFFFF', 'plain']);
    assert.deepEqual(
      mixed.Successful?.map(({ Id }) => Id),
      ['0', '2'],
    );
    assert.deepEqual(
      mixed.Failed?.map(({ Id, Code }) => [Id, Code]),
      [['1', 'InvalidParameterValue']],
    );
    const none = await send(['\0', '\uFFFF']);
    assert.deepEqual([none.Successful?.length, none.Failed?.length], [0, 2]);
    await receive(sqs, queue, 2);
    assert.deepEqual(depth(aws, queue), 0);
  });
});

const byText = (one: string, other: string): number => (one < other ? -1 : Number(one > other));
