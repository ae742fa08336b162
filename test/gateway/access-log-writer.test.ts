import assert from 'node:assert/strict';
import { z } from 'zod';
import { deadLetterQueueName } from '../../contracts/shared/names.ts';
import { toAccessLine } from '../../access-log/access-line.ts';
import { createLakeWriter } from '../../access-log/lake-writer.ts';
import { eventually } from '../support/eventually.ts';
import { accessRecord, accessRecords, assertConserved, assertNoneLost, assertSameIds, Lake } from './support/lake.ts';

const hourOf = (at: string) => `dt=${at.slice(0, 10)}/hour=${at.slice(11, 13)}`;
const bodyOf = (records: readonly ReturnType<typeof accessRecord>[]) => records.map(toAccessLine).join('\n');

describe('the lake writer', () => {
  let lake: Lake;
  before(async () => {
    lake = await Lake.start();
  });
  afterEach(() => lake.reset());
  after(() => lake[Symbol.asyncDispose]());

  it('brings 10,000 records from a gateway into compressed objects of their hours, each once', async () => {
    const { queueName, bucket } = lake.createQueue();
    await lake.createBucket(bucket);
    const records = accessRecords(10_000, (index) => ({
      at: new Date(Date.UTC(2026, 1, 28, 22, 59, 30) + index * 500).toISOString(),
      status: index % 2 === 0 ? 201 : 409,
    }));
    const writer = lake.writer({ queueName, bucket, prefix: 'logs/access', maxAgeMs: 1_500 });
    const log = lake.accessLog(queueName);
    for (const record of records) log.write(record);
    await eventually(async () => assert.equal((await lake.rows(bucket)).length, 10_000), { timeoutMs: 20_000 });
    const objects = await lake.objects(bucket);
    assertSameIds(
      objects.flatMap(({ rows }) => rows),
      records,
    );
    for (const { key, rows, answer } of objects) {
      const at = rows[0]?.at ?? '';
      assert.ok(key.startsWith(`logs/access/${hourOf(at)}/`), key);
      assert.ok(rows.every((row) => hourOf(row.at) === hourOf(at)));
      assert.deepEqual([answer.ContentType, answer.ContentEncoding], ['application/x-ndjson', 'gzip']);
    }
    assert.deepEqual([...new Set(objects.map(({ key }) => key.split('/').slice(2, 4).join('/')))].toSorted(), [
      'dt=2026-02-28/hour=22',
      'dt=2026-02-28/hour=23',
      'dt=2026-03-01/hour=00',
    ]);
    await eventually(() => lake.assertEmpty(queueName));
    assert.deepEqual(log.counts().sent, 10_000);
    const counts = await writer.stop();
    assertConserved(counts);
    assert.deepEqual([counts.records, counts.objects, counts.inHand], [10_000, objects.length, 0]);
  }).timeout(40_000);

  it('writes every column under its name', async () => {
    const { queueName, bucket } = lake.createQueue();
    await lake.createBucket(bucket);
    lake.writer({ queueName, bucket });
    const record = accessRecord({ problem: 'stream-limit-reached' });
    lake.accessLog(queueName).write(record);
    await eventually(async () => assert.equal((await lake.rows(bucket)).length, 1), { timeoutMs: 25_000 });
    assert.deepEqual((await lake.rows(bucket))[0], {
      id: record.id,
      at: record.at,
      request_id: record.requestId,
      method: 'POST',
      route: '/v1/users/:userId/streams',
      status: 201,
      duration_ms: 3.25,
      bytes: 512,
      user_id: 'zoë',
      stream_id: 'stream-1',
      device_id: 'tv',
      caller: 'zoë',
      address: '203.0.113.7',
      user_agent: 'Mozilla/5.0',
      problem: 'stream-limit-reached',
      outcome: 'granted',
      gateway: 'gateway-1',
    });
  });

  it('keeps everything in the queue while S3 is away, receives no more than it has memory for, and catches up', async () => {
    const { queueName, bucket } = lake.createQueue();
    const records = accessRecords(3_000);
    for (let start = 0; start < records.length; start += 50) {
      lake.server.sendMessage(queueName, bodyOf(records.slice(start, start + 50)));
    }
    const writer = lake.writer({ queueName, bucket, maxObjectBytes: 100_000, maxHeldBytes: 300_000 });
    await eventually(() => assert.ok(writer.counts().s3Failures >= 2));
    const { received } = writer.counts();
    assert.ok(received < 40, `${received} of 60 messages were received`);
    assert.equal(writer.ready(), false);
    const receives = lake.proxy.of('ReceiveMessage').length;
    assert.ok(receives < 20, `${receives} receives`);
    await eventually(() => assert.ok(writer.counts().s3Failures >= 3));
    assert.deepEqual([writer.counts().received, writer.counts().stored], [received, 0]);
    await lake.createBucket(bucket);
    await eventually(() => lake.assertEmpty(queueName), { timeoutMs: 20_000 });
    assertSameIds(await lake.rows(bucket), records);
    assert.equal(writer.ready(), true);
    assertConserved(writer.counts());
  }).timeout(40_000);

  it('extends what it gathers, so that a long outage of S3 costs no second delivery', async () => {
    const { queueName, bucket } = lake.createQueue();
    const records = accessRecords(30);
    for (const record of records) lake.server.sendMessage(queueName, toAccessLine(record));
    const writer = lake.writer({ queueName, bucket, visibilityTimeoutSeconds: 8 });
    const since = performance.now();
    await eventually(() => assert.ok(performance.now() - since > 10_000 && writer.counts().received === 30), {
      timeoutMs: 25_000,
    });
    await lake.createBucket(bucket);
    // The pause before the next attempt has grown to as much as 16 s.
    await eventually(() => lake.assertEmpty(queueName), { timeoutMs: 30_000 });
    const { received, duplicates } = writer.counts();
    assert.deepEqual([received, duplicates], [30, 0]);
    assertSameIds(await lake.rows(bucket), records);
  }).timeout(70_000);

  it('loses nothing when it dies between writing and deleting; a second writer doubles records by id at most', async () => {
    const { queueName, bucket } = lake.createQueue();
    await lake.createBucket(bucket);
    const records = accessRecords(500);
    for (let start = 0; start < 500; start += 50) {
      lake.server.sendMessage(queueName, bodyOf(records.slice(start, start + 50)));
    }
    lake.setSqs('down', 'DeleteMessageBatch');
    const dying = lake.writer({ queueName, bucket, visibilityTimeoutSeconds: 3, shutdownGraceMs: 100 });
    await eventually(async () => assertSameIds(await lake.rows(bucket), records));
    await dying.stop();
    const { ready, inflight } = lake.messages(queueName);
    // Some may be visible again already.
    assert.equal(ready.length + inflight.length, 10, 'nothing was deleted');
    lake.setSqs('up');
    lake.writer({ queueName, bucket });
    await eventually(() => lake.assertEmpty(queueName), { timeoutMs: 20_000 });
    assertNoneLost(await lake.rows(bucket), records);
  }).timeout(40_000);

  it('overwrites the object when the same messages are gathered again', async () => {
    const { queueName, bucket } = lake.createQueue();
    await lake.createBucket(bucket);
    const records = accessRecords(3);
    const bodies = records.map((record) => toAccessLine(record));
    for (const round of [bodies, bodies.toReversed()]) {
      for (const body of round) lake.server.sendMessage(queueName, body);
      // Short: the receive that the first writer broke off when it stopped may still take messages along.
      const writer = lake.writer({ queueName, bucket, visibilityTimeoutSeconds: 2 });
      await eventually(() => assert.equal(writer.counts().stored, 3));
      await writer.stop();
    }
    assertSameIds(await lake.rows(bucket), records);
  });

  it('writes a message once that was sent twice, gathered together or one after the other', async () => {
    const { queueName, bucket } = lake.createQueue();
    await lake.createBucket(bucket);
    const body = toAccessLine(accessRecord());
    lake.server.sendMessage(queueName, body);
    lake.server.sendMessage(queueName, body);
    const writer = lake.writer({ queueName, bucket });
    await eventually(() => assert.equal(writer.counts().stored, 1));
    lake.server.sendMessage(queueName, body);
    await eventually(() => assert.equal(writer.counts().duplicates, 2));
    await eventually(() => lake.assertEmpty(queueName));
    assert.equal((await lake.rows(bucket)).length, 1);
    assertConserved(writer.counts());
  });

  it('puts what is no access log into the dead-letter queue with the reason, while its neighbours pass', async () => {
    const { queueName, bucket } = lake.createQueue();
    await lake.createBucket(bucket);
    const line = toAccessLine(accessRecord());
    const change = (fields: object) => JSON.stringify({ ...z.looseObject({}).parse(JSON.parse(line)), ...fields });
    const poison: readonly (readonly [string, RegExp])[] = [
      ['not JSON at all', /^InvalidJson: line 1 is not JSON/],
      [`${line}\n{"id":`, /^InvalidJson: line 2/],
      ['[1]', /^InvalidRecord: line 1 is no JSON object/],
      [' \n ', /^EmptyMessage: /],
      [change({ id: 7 }), /^InvalidRecord: .*needs id to be a string/],
      [change({ status: 'ok' }), /^InvalidRecord: .*needs status to be a integer/],
      [change({ at: '2026-02-30T00:00:00.000Z' }), /^InvalidRecord: .*needs at/],
      [change({ at: undefined }), /^InvalidRecord: .*needs at/],
      [change({ nested: {} }), /^InvalidRecord: .*nested/],
      [change({ Status: 1 }), /^InvalidRecord: .*lower case/],
    ];
    const records = accessRecords(poison.length);
    for (const [index, [body]] of poison.entries()) {
      lake.server.sendMessage(queueName, body);
      lake.server.sendMessage(queueName, bodyOf(records.slice(index, index + 1)));
    }
    const writer = lake.writer({ queueName, bucket });
    await eventually(() => lake.assertEmpty(queueName));
    assertSameIds(await lake.rows(bucket), records);
    const letters = lake.messages(deadLetterQueueName(queueName)).ready;
    assert.equal(letters.length, poison.length);
    for (const [body, reason] of poison) {
      const letter = letters.find((candidate) => candidate.body === body);
      assert.match(letter?.messageAttributes.RejectReason?.StringValue ?? 'absent', reason);
    }
    assert.equal(writer.counts().rejected, poison.length);
    assertConserved(writer.counts());
  });

  it('keeps poison in its queue while the dead-letter queue fails', async () => {
    const { queueName, bucket } = lake.createQueue();
    await lake.createBucket(bucket);
    lake.setSqs('down', 'SendMessage');
    lake.server.sendMessage(queueName, 'poison');
    lake.server.sendMessage(queueName, toAccessLine(accessRecord()));
    const writer = lake.writer({ queueName, bucket, visibilityTimeoutSeconds: 1 });
    await eventually(() => assert.equal(writer.counts().stored, 1));
    await eventually(() => assert.ok(writer.counts().returned >= 1));
    lake.setSqs('up');
    await eventually(() => assert.equal(writer.counts().rejected, 1));
    await eventually(() => lake.assertEmpty(queueName));
    assertConserved(writer.counts());
  });

  it('writes what it has gathered when it stops', async () => {
    const { queueName, bucket } = lake.createQueue();
    await lake.createBucket(bucket);
    const records = accessRecords(20);
    for (const record of records) lake.server.sendMessage(queueName, toAccessLine(record));
    const writer = lake.writer({ queueName, bucket, maxAgeMs: 600_000 });
    await eventually(() => assert.equal(writer.counts().received, 20));
    const counts = await writer.stop();
    assert.deepEqual([counts.stored, counts.inHand], [20, 0]);
    assertSameIds(await lake.rows(bucket), records);
    lake.assertEmpty(queueName);
  });

  it('hands back within its grace what it cannot write', async () => {
    const { queueName, bucket } = lake.createQueue();
    for (const record of accessRecords(20)) lake.server.sendMessage(queueName, toAccessLine(record));
    const writer = lake.writer({ queueName, bucket, shutdownGraceMs: 5_000 });
    await eventually(() => assert.ok(writer.counts().received === 20 && writer.counts().s3Failures > 0));
    const counts = await writer.stop();
    assert.deepEqual([counts.returned, counts.inHand], [20, 0]);
    assertConserved(counts);
    assert.equal(lake.messages(queueName).ready.length, 20);
  });

  it('says which queue is missing', async () => {
    const options = { sqs: lake.sqs, s3: lake.s3, logger: lake.logger() };
    await assert.rejects(
      createLakeWriter({ ...options, queueName: 'absent' }).run(),
      /SQS queue absent(-dlq)? does not exist; create it/,
    );
  });
});
