import { SendMessageCommand } from '@aws-sdk/client-sqs';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { deadLetterQueueName } from '../../contracts/shared/names.ts';
import { postMessage } from '../bridge/support/messages.ts';
import { Harness } from '../bridge/support/harness.ts';
import { startEventWorker } from '../support/event-worker.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream } from '../support/fake-stream.ts';
import { CliFixture } from './support.ts';

const redriven = z.object({
  queues: z.array(z.object({ redriven: z.number(), left: z.number(), repeated: z.number() })),
});

describe('the commands for dead letters', function () {
  this.timeout(60_000);
  let harness: Harness;
  let cli: CliFixture;

  before(async function () {
    // The first run on a machine may have to build the Temporal server.
    this.timeout(900_000);
    harness = await Harness.start();
    cli = await CliFixture.create(harness.server.address);
  });
  afterEach(() => harness.reset());
  after(async () => {
    await cli.remove();
    await harness[Symbol.asyncDispose]();
  });

  const urlOf = (queue: string): string => `${harness.server.address}/000000000000/${queue}`;

  /** Puts a message into a queue's dead-letter queue, as the bridge does. */
  const deadLetter = async (queue: string, body: unknown, reason = 'InvalidMessage: test', groupId = 'g') => {
    const { MessageId = '' } = await harness.sqs.send(
      new SendMessageCommand({
        QueueUrl: urlOf(deadLetterQueueName(queue)),
        MessageBody: typeof body === 'string' ? body : JSON.stringify(body),
        MessageAttributes: {
          RejectReason: { DataType: 'String', StringValue: reason },
          trace: { DataType: 'String', StringValue: 'abc' },
          blob: { DataType: 'Binary', BinaryValue: new Uint8Array([1, 2]) },
        },
        ...(queue.endsWith('.fifo') ? { MessageGroupId: groupId, MessageDeduplicationId: randomUUID() } : {}),
      }),
    );
    return MessageId;
  };

  const redrive = async (...words: string[]) => {
    const { code, data } = await cli.json(['dead-letters', 'redrive', '--rate', '1000', ...words]);
    assert.equal(code, 0);
    return redriven.parse(data).queues[0];
  };

  it('list and show messages without consuming them', async () => {
    const queue = harness.createQueue();
    const ids: string[] = [];
    for (let n = 0; n < 25; n++) ids.push(await deadLetter(queue, { n }, `InvalidMessage: number ${n}`));

    const { stdout, code } = await cli.run(['dead-letters', 'list', '--queue', queue]);
    assert.equal(code, 0);
    for (const [n, id] of ids.entries()) assert.match(stdout, new RegExp(`${id} .* InvalidMessage: number ${n}$`, 'm'));
    const limited = await cli.run(['dead-letters', 'list', '--queue', queue, '--limit', '3']);
    assert.equal(limited.stdout.trim().split('\n').length, 4);
    assert.match(limited.stderr, /3 of about 25 messages/);

    const shown = await cli.run(['dead-letters', 'show', ids[24] ?? '', '--queue', queue]);
    assert.match(shown.stdout, /^reason +InvalidMessage: number 24$/m);
    assert.match(shown.stdout, /^attribute +blob \(Binary\): AQI=$/m);
    assert.match(shown.stdout, /^\{"n":24\}$/m);
    assert.equal((await cli.run(['dead-letters', 'show', 'nothing', '--queue', queue])).code, 1);
    assert.equal(harness.deadLetters(queue).length, 25, 'all are visible again');
  });

  it('send messages back as they were, without the reason, and only those that match', async () => {
    const queue = harness.createQueue();
    const body = '{"a": "ü",\n "b" : 1}';
    await deadLetter(queue, body, 'InvalidMessage: kept back by a policy');
    await deadLetter(queue, { other: 1 }, 'InvalidJson: broken');
    const mine = await deadLetter(queue, { mine: 1 }, 'InvalidJson: broken');

    const dry = await redrive('--queue', queue, '--dry-run');
    assert.equal(dry?.redriven, 3);
    assert.equal(harness.deadLetters(queue).length, 3);

    assert.deepEqual(await redrive('--queue', queue, '--reason', '^invalidmessage: kept'), {
      redriven: 1,
      left: 2,
      repeated: 0,
    });
    const [back, ...others] = harness.messages(queue).ready;
    assert.equal(others.length, 0);
    assert.equal(back?.body, body);
    assert.deepEqual(Object.keys(back.messageAttributes).toSorted(), ['FirstSentTimestamp', 'blob', 'trace']);

    assert.equal((await redrive('--queue', queue, '--message', mine))?.redriven, 1);
    assert.equal(harness.messages(queue).ready.at(-1)?.body, '{"mine":1}');
    assert.equal(harness.deadLetters(queue).length, 1);
    assert.equal((await redrive('--queue', queue, '--limit', '1'))?.redriven, 1);
    assert.equal(harness.deadLetters(queue).length, 0);
  });

  it('send messages of a FIFO queue back into their groups, in order', async () => {
    const queue = harness.createQueue({ fifo: true });
    for (const [n, group] of ['a', 'b', 'a', 'b', 'a'].entries()) await deadLetter(queue, { n }, undefined, group);
    assert.equal((await redrive('--queue', queue))?.redriven, 5);
    const { ready } = harness.messages(queue);
    const inGroup = (group: string) =>
      ready.filter(({ messageGroupId }) => messageGroupId === group).map(({ body }) => body);
    assert.deepEqual(inGroup('a'), ['{"n":0}', '{"n":2}', '{"n":4}']);
    assert.deepEqual(inGroup('b'), ['{"n":1}', '{"n":3}']);
  });

  it('keep to the rate, and go on where an interruption left off', async () => {
    const queue = harness.createQueue();
    for (let n = 0; n < 8; n++) await deadLetter(queue, { n });
    const abort = new AbortController();
    const begun = performance.now();
    const run = cli.run(['dead-letters', 'redrive', '--queue', queue, '--rate', '10'], abort.signal);
    await eventually(() => assert.ok(harness.messages(queue).ready.length >= 3), { intervalMs: 5 });
    abort.abort();
    assert.ok(performance.now() - begun >= 190, 'the third a fifth of a second after the first');
    const { code, stderr } = await run;
    assert.equal(code, 1);
    assert.match(stderr, /Interrupted/);
    const moved = harness.messages(queue).ready.length;
    assert.equal(harness.deadLetters(queue).length, 8 - moved);
    assert.equal((await redrive('--queue', queue))?.redriven, 8 - moved);
    assert.equal(harness.messages(queue).ready.length, 8);
  });

  it('delete nothing without --yes, and then only what matches', async () => {
    const queue = harness.createQueue();
    await deadLetter(queue, { n: 1 }, 'TooDeep: test');
    await deadLetter(queue, { n: 2 }, 'InvalidJson: test');
    const refused = await cli.run(['dead-letters', 'purge', '--queue', queue]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /would delete 2 messages for good; add --yes/);
    assert.equal(harness.deadLetters(queue).length, 2);
    await cli.run(['dead-letters', 'purge', '--queue', queue, '--reason', 'TooDeep', '--yes']);
    assert.equal(harness.deadLetters(queue).length, 1);
    assert.equal((await cli.run(['dead-letters', 'purge', '--queue', queue, '--yes'])).code, 0);
    harness.assertEmpty(deadLetterQueueName(queue));
  });

  it('leave poison alone that comes back while they are at it', async () => {
    const queue = harness.createQueue();
    for (let n = 0; n < 15; n++) await deadLetter(queue, { poison: n });
    await harness.bridge(queue);
    const counts = await redrive('--queue', queue);
    assert.equal(counts?.redriven, 15);
    await eventually(() => assert.equal(harness.deadLetters(queue).length, 15));
  });

  it('say which queue is not there', async () => {
    const missing = await cli.run(['dead-letters', 'list', '--queue', 'nowhere']);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /there is no queue nowhere-dlq/);
  });

  it('change nothing by redriving events that were applied, or overtaken, meanwhile', async () => {
    const stream = new FakeStream();
    const worker = await startEventWorker(stream.activities);
    try {
      const [posts, follows] = [harness.createQueue(), harness.createQueue()];
      const send = (queue: string, body: unknown) =>
        harness.sqs.send(new SendMessageCommand({ QueueUrl: urlOf(queue), MessageBody: JSON.stringify(body) }));
      const post = postMessage(`post-${randomUUID()}`);
      const edge = { SourceFeedID: `timeline:alice-${randomUUID()}`, TargetFeedID: 'user:bob', ActivityCopyLimit: 0 };
      const follow = { ...edge, EventTime: '2026-01-31T12:00:00Z' };
      const unfollow = { ...edge, Kind: 'Unfollow', EventTime: '2026-01-31T12:00:01Z' };
      await deadLetter(posts, post);
      await deadLetter(follows, follow);
      await harness.bridge(posts, 'activity', { starter: worker.starter() });
      const bridge = await harness.bridge(follows, 'follow', { starter: worker.starter() });
      await Promise.all([send(posts, post), send(follows, unfollow)]);
      await eventually(() => assert.deepEqual(stream.names().toSorted(), ['addActivity', 'unfollow']));
      // Closed, so that the follow meets the register of the edge and not its open run.
      await worker.client.workflow.getHandle(`follow/${edge.SourceFeedID}/user:bob`).result();

      for (const queue of [posts, follows]) assert.equal((await redrive('--queue', queue))?.redriven, 1);
      await eventually(() => assert.equal(bridge.counts().deduplicated, 1));
      await eventually(() => [posts, follows].forEach((queue) => harness.assertEmpty(queue)));
      assert.deepEqual(stream.names().toSorted(), ['addActivity', 'unfollow']);
    } finally {
      await harness.reset();
      await worker.stop();
    }
  });
});
