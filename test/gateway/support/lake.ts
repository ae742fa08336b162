import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
  type GetObjectCommandOutput,
} from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { startFauxqs, type FauxqsServer } from 'fauxqs';
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { pino, type Logger } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import type { AccessRecord } from '../../../contracts/sessions/access-record.ts';
import { deadLetterQueueName } from '../../../contracts/shared/names.ts';
import { createAccessLog, type AccessLog, type AccessLogSettings } from '../../../access-log/access-log.ts';
import type { LakeCounts } from '../../../access-log/lake-tally.ts';
import { createLakeWriter, type LakeWriter, type LakeWriterSettings } from '../../../access-log/lake-writer.ts';
import { FaultProxy } from '../../bridge/support/fault-proxy.ts';

const row = z.looseObject({ id: z.string(), at: z.string() });
const logLine = z.looseObject({ level: z.number(), msg: z.string() });
export type Row = z.infer<typeof row>;

export interface StoredObject {
  readonly key: string;
  readonly rows: readonly Row[];
  readonly answer: Pick<GetObjectCommandOutput, 'ContentType' | 'ContentEncoding'>;
}

const CLIENT = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };

let serial = 0;

/** A queue with its dead-letter queue and a bucket's name, SQS behind a proxy with faults, S3 without. */
export class Lake implements AsyncDisposable {
  readonly server: FauxqsServer;
  readonly proxy: FaultProxy;
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  readonly logs: z.infer<typeof logLine>[] = [];
  #parts: (AccessLog | LakeWriter)[] = [];

  private constructor(server: FauxqsServer, proxy: FaultProxy) {
    this.server = server;
    this.proxy = proxy;
    this.sqs = new SQSClient({ ...CLIENT, endpoint: proxy.address, maxAttempts: 1 });
    this.s3 = new S3Client({ ...CLIENT, endpoint: server.address, forcePathStyle: true, maxAttempts: 1 });
  }

  static async start(): Promise<Lake> {
    const server = await startFauxqs({ port: 0, logger: false });
    const proxy = new FaultProxy(server.address);
    await proxy.listen();
    return new Lake(server, proxy);
  }

  /** Names of a queue that exists and of a bucket that does not yet. */
  createQueue(maximumMessageSize = 262_144): { queueName: string; bucket: string } {
    serial += 1;
    const queueName = `access-log-${serial}`;
    this.server.createQueue(deadLetterQueueName(queueName));
    this.server.createQueue(queueName, { attributes: { MaximumMessageSize: String(maximumMessageSize) } });
    return { queueName, bucket: `bucket-${serial}` };
  }

  async createBucket(bucket: string): Promise<void> {
    await this.s3.send(new CreateBucketCommand({ Bucket: bucket }));
  }

  /** SQS answers every request, or those of one action, with 503; or answers again. */
  setSqs(state: 'up' | 'down', action?: string): void {
    const fault = { kind: 'status', status: 503, type: 'ServiceUnavailable' } as const;
    this.proxy.fault = (seen) => (state === 'down' && (action ?? seen.action) === seen.action ? fault : undefined);
  }

  accessLog(
    queueName: string,
    settings: AccessLogSettings & { onDropped?: (records: number) => void } = {},
  ): AccessLog {
    const log = createAccessLog({ flushIntervalMs: 20, ...settings, queueName, sqs: this.sqs, logger: this.logger() });
    this.#parts.push(log);
    return log;
  }

  /** Starts a writer that writes objects soon. */
  writer(settings: LakeWriterSettings): LakeWriter {
    const options = { maxAgeMs: 200, longPollSeconds: 1, shutdownGraceMs: 5_000, visibilityTimeoutSeconds: 30 };
    const writer = createLakeWriter({ ...options, ...settings, sqs: this.sqs, s3: this.s3, logger: this.logger() });
    void writer.run();
    this.#parts.push(writer);
    return writer;
  }

  async objects(bucket: string): Promise<StoredObject[]> {
    const { Contents = [] } = await this.s3.send(new ListObjectsV2Command({ Bucket: bucket }));
    return await Promise.all(Contents.map(({ Key = '' }) => this.#read(bucket, Key)));
  }

  async rows(bucket: string): Promise<Row[]> {
    return (await this.objects(bucket)).flatMap(({ rows }) => rows);
  }

  messages(queueName: string) {
    const inspected = this.server.inspectQueue(queueName);
    assert.ok(inspected, `${queueName} exists`);
    return inspected.messages;
  }

  assertEmpty(queueName: string): void {
    const { ready, inflight, delayed } = this.messages(queueName);
    assert.deepEqual([ready.length, inflight.length, delayed.length], [0, 0, 0]);
  }

  /** Between tests. */
  async reset(): Promise<void> {
    this.setSqs('up');
    await Promise.all(this.#parts.map((part) => ('write' in part ? part.close(1_000) : part.stop())));
    this.#parts = [];
    this.logs.length = 0;
    this.proxy.seen.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sqs.destroy();
    this.s3.destroy();
    await this.proxy.close();
    await this.server.stop();
  }

  logger(): Logger {
    return pino({ level: 'debug' }, { write: (line: string) => this.logs.push(logLine.parse(JSON.parse(line))) });
  }

  async #read(bucket: string, key: string): Promise<StoredObject> {
    const answer = await this.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const body = gunzipSync((await answer.Body?.transformToByteArray()) ?? new Uint8Array());
    const lines = new TextDecoder('utf-8', { fatal: true }).decode(body).split('\n');
    assert.equal(lines.pop(), '', 'the last line ends');
    return { key, answer, rows: lines.map((line) => row.parse(JSON.parse(line))) };
  }
}

export function accessRecord(fields: Partial<AccessRecord> = {}): AccessRecord {
  return {
    id: uuidv7(),
    at: new Date().toISOString(),
    requestId: uuidv7(),
    method: 'POST',
    route: '/v1/users/:userId/streams',
    status: 201,
    durationMs: 3.25,
    bytes: 512,
    userId: 'zoë',
    streamId: 'stream-1',
    deviceId: 'tv',
    caller: 'zoë',
    address: '203.0.113.7',
    userAgent: 'Mozilla/5.0',
    outcome: 'granted',
    gateway: 'gateway-1',
    ...fields,
  };
}

export function accessRecords(
  count: number,
  fields: (index: number) => Partial<AccessRecord> = () => ({}),
): AccessRecord[] {
  return Array.from({ length: count }, (_, index) => accessRecord(fields(index)));
}

/** Each record stands in the lake, and none twice. */
export function assertSameIds(rows: readonly { readonly id: string }[], records: readonly AccessRecord[]): void {
  const ids = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id).toSorted();
  assert.deepEqual(ids(rows), ids(records));
}

/** Each record stands in the lake, some twice perhaps. */
export function assertNoneLost(rows: readonly { readonly id: string }[], records: readonly AccessRecord[]): void {
  const found = new Set(rows.map(({ id }) => id));
  assert.deepEqual(records.filter(({ id }) => !found.has(id)).length, 0);
  assert.equal(found.size, new Set(records.map(({ id }) => id)).size);
}

export function assertConserved(counts: LakeCounts): void {
  const { received, stored, duplicates, rejected, returned, inHand } = counts;
  assert.equal(received, stored + duplicates + rejected + returned + inHand, JSON.stringify(counts));
}
