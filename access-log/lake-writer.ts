import type { S3Client } from '@aws-sdk/client-s3';
import { QueueDoesNotExist, type SQSClient } from '@aws-sdk/client-sqs';
import type { Logger } from 'pino';
import { ACCESS_LOG_BUCKET, ACCESS_LOG_QUEUE } from '../contracts/sessions/access-record.ts';
import { deadLetterQueueName } from '../contracts/shared/names.ts';
import type { LakeCounts } from './lake-tally.ts';
import { LakeRun, type LakeLack } from './lake-run.ts';
import { findQueueUrl } from './queue-address.ts';

export interface LakeWriterSettings {
  /** Default `stream-access-log`; its dead-letter queue must exist too, see `deadLetterQueueName`. */
  readonly queueName?: string;
  /** Default `stream-access-log`; must exist. */
  readonly bucket?: string;
  /** Folder in the bucket, default `access`; empty for none. */
  readonly prefix?: string;
  /** An object is closed when it reaches this, bytes before compression; default 8 MB, about 1 MB compressed. */
  readonly maxObjectBytes?: number;
  /** An object is closed this long after its first record came, default 60,000. */
  readonly maxAgeMs?: number;
  /** Records in memory; beyond it nothing is received. Default four times `maxObjectBytes`; ten messages may come on top. */
  readonly maxHeldBytes?: number;
  /** For each delivery and each extension; default 60 s above `maxAgeMs`, so that it seldom needs an extension. */
  readonly visibilityTimeoutSeconds?: number;
  /** 1 to 20, default 20. */
  readonly longPollSeconds?: number;
  /** Longest `stop()`, default 20,000. The last fifth is kept for handing back what could not be written. */
  readonly shutdownGraceMs?: number;
}

export interface LakeWriterOptions extends LakeWriterSettings {
  readonly sqs: SQSClient;
  readonly s3: S3Client;
  readonly logger: Logger;
}

export interface LakeWriter {
  /**
   * Writes until `stop()`.
   *
   * @throws Error naming a queue that does not exist, or what SQS answered when it was looked up
   */
  run(): Promise<void>;
  /** Receives nothing more, writes what is gathered within the grace, and hands back the rest. The same promise each time. */
  stop(): Promise<LakeCounts>;
  /** Whether records flow: false before the start, while requests to SQS or S3 fail, and once the writer stops. */
  ready(): boolean;
  /** Why it is not ready; empty when it is. */
  lacks(): readonly LakeLack[];
  counts(): LakeCounts;
}

/** Drains the queue of access records into S3. Any number of writers may share the queue. */
export function createLakeWriter(options: LakeWriterOptions): LakeWriter {
  const { maxObjectBytes = 8_000_000, maxAgeMs = 60_000, queueName = ACCESS_LOG_QUEUE } = options;
  const { prefix = 'access' } = options;
  const settings = {
    bucket: options.bucket ?? ACCESS_LOG_BUCKET,
    prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
    maxObjectBytes,
    maxAgeMs,
    maxHeldBytes: options.maxHeldBytes ?? 4 * maxObjectBytes,
    visibilitySeconds: options.visibilityTimeoutSeconds ?? Math.ceil(maxAgeMs / 1_000) + 60,
    longPollSeconds: options.longPollSeconds ?? 20,
    shutdownGraceMs: options.shutdownGraceMs ?? 20_000,
  };
  const { sqs, s3, logger } = options;
  const run = new LakeRun({ ...settings, s3, logger });
  return {
    run: async () => {
      const names = { source: queueName, deadLetters: deadLetterQueueName(queueName) };
      const [source, deadLetters] = await Promise.all([lookUp(sqs, names.source), lookUp(sqs, names.deadLetters)]);
      logger.info({ ...names, ...settings }, 'the lake writer drains its queue');
      await run.run(sqs, { source, deadLetters });
    },
    stop: () => run.stop(),
    ready: () => run.lacks().length === 0,
    lacks: () => run.lacks(),
    counts: () => run.counts(),
  };
}

async function lookUp(sqs: SQSClient, queueName: string): Promise<string> {
  try {
    return await findQueueUrl(sqs, { queueName }, AbortSignal.timeout(10_000));
  } catch (cause) {
    const fault =
      cause instanceof QueueDoesNotExist ? 'does not exist; create it' : `cannot be found: ${String(cause)}`;
    throw new Error(`SQS queue ${queueName} ${fault}`, { cause });
  }
}
