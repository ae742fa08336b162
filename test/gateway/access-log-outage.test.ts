import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { pino } from 'pino';
import { ACCESS_LOG_BUCKET, ACCESS_LOG_QUEUE } from '../../contracts/sessions/access-record.ts';
import { deadLetterQueueName } from '../../contracts/shared/names.ts';
import { createAccessLog } from '../../access-log/access-log.ts';
import { createLakeWriter } from '../../access-log/lake-writer.ts';
import { startAws } from '../../local/aws.ts';
import { eventually } from '../support/eventually.ts';
import { accessRecords, assertNoneLost } from './support/lake.ts';

const CLIENT = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' }, maxAttempts: 1 };

describe('the access log, while AWS is gone altogether', () => {
  it('keeps every record, from before, during and after', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'access-log-outage-'));
    const dataDirectory = join(directory, 'aws');
    let aws = await startAws({ dataDirectory });
    const { port, url: endpoint } = aws;
    const sqs = new SQSClient({ ...CLIENT, endpoint });
    const s3 = new S3Client({ ...CLIENT, endpoint, forcePathStyle: true });
    for (const QueueName of [ACCESS_LOG_QUEUE, deadLetterQueueName(ACCESS_LOG_QUEUE)]) {
      await sqs.send(new CreateQueueCommand({ QueueName }));
    }
    await s3.send(new CreateBucketCommand({ Bucket: ACCESS_LOG_BUCKET }));
    const logger = pino({ level: 'silent' });
    const limits = { maxBufferedRecords: 400, flushIntervalMs: 20, spoolDirectory: join(directory, 'spool') };
    const log = createAccessLog({ ...limits, sqs, logger, queueName: ACCESS_LOG_QUEUE });
    const timing = { maxAgeMs: 200, longPollSeconds: 1, visibilityTimeoutSeconds: 4, shutdownGraceMs: 2_000 };
    const writer = createLakeWriter({ ...timing, sqs, s3, logger });
    const running = writer.run();
    const records = accessRecords(700);
    const write = (from: number, to: number) => records.slice(from, to).forEach((record) => log.write(record));
    const readIds = async () => {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: ACCESS_LOG_BUCKET }));
      const texts = await Promise.all(
        Contents.map(async ({ Key }) => {
          const { Body } = await s3.send(new GetObjectCommand({ Bucket: ACCESS_LOG_BUCKET, Key }));
          return gunzipSync((await Body?.transformToByteArray()) ?? new Uint8Array()).toString();
        }),
      );
      const lines = texts.flatMap((text) => text.trimEnd().split('\n'));
      return lines.map((line) => ({ id: String(Object(JSON.parse(line)).id) }));
    };
    try {
      write(0, 300);
      // Memory has room for 400: what a burst finds no room for, before the disk has taken it, is dropped as documented.
      await eventually(() => assert.equal(log.counts().buffered, 0));
      await eventually(() => assert.ok(writer.counts().received > 0));
      await aws.stop();
      write(300, 600);
      await eventually(() => assert.ok(log.counts().failures >= 2 && writer.counts().sqsFailures >= 2));
      await eventually(() => assert.ok(log.counts().spooled > 0));
      await eventually(() => assert.ok(log.counts().buffered <= 300));
      assert.equal(writer.ready(), false);
      aws = await startAws({ dataDirectory, port });
      write(600, 700);
      await eventually(async () => assertNoneLost(await readIds(), records), { timeoutMs: 30_000 });
      // A batch whose answer was lost is in the lake before it counts as sent.
      await eventually(() => assert.deepEqual([log.counts().dropped, log.counts().sent], [0, 700]));
    } finally {
      await log.close(1_000);
      await writer.stop();
      await running;
      await aws.stop();
      sqs.destroy();
      s3.destroy();
      await rm(directory, { recursive: true });
    }
  }).timeout(60_000);
});
