import { z } from 'zod';
import { ACCESS_LOG_BUCKET, ACCESS_LOG_QUEUE } from '../contracts/sessions/access-record.ts';
import { queueName, wholeNumber } from '../contracts/shared/settings-fields.ts';
import type { AccessLogSettings } from './access-log.ts';
import type { LakeWriterSettings } from './lake-writer.ts';

/** Settings of a gateway's access log, by environment variable; to be spread into a schema. */
export const accessLogSettings = {
  /** Without it there is no access log. */
  ACCESS_LOG_QUEUE: queueName.optional(),
  ACCESS_LOG_SPOOL_DIRECTORY: z.string().optional(),
  ACCESS_LOG_MAX_SPOOL_BYTES: wholeNumber(1_000_000, 1024 ** 4, 'bytes on disk, at least a full message').default(
    1024 ** 3,
  ),
  ACCESS_LOG_MAX_BUFFERED_RECORDS: wholeNumber(8, 10_000_000, 'records in memory, about 0.5 KB each').default(50_000),
  ACCESS_LOG_MAX_BUFFERED_BYTES: wholeNumber(1_000_000, 1024 ** 4, 'bytes in memory, at least a full message').default(
    32 * 1024 ** 2,
  ),
  ACCESS_LOG_FLUSH_MS: wholeNumber(10, 60_000, 'milliseconds, in which a crash loses what was not sent').default(1_000),
};

/** Settings of the writer, which is a role of its own. */
export const lakeWriterSettings = {
  ACCESS_LOG_QUEUE: queueName.default(ACCESS_LOG_QUEUE),
  ACCESS_LOG_BUCKET: z.string().default(ACCESS_LOG_BUCKET),
  ACCESS_LOG_PREFIX: z.string().default('access'),
  ACCESS_LOG_MAX_OBJECT_BYTES: wholeNumber(1_000, 1024 ** 3, 'bytes, which are gathered in memory').default(8_000_000),
  ACCESS_LOG_MAX_AGE_MS: wholeNumber(1, 3_600_000, 'milliseconds, for which messages are kept in hand').default(60_000),
  ACCESS_LOG_VISIBILITY_TIMEOUT_SECONDS: wholeNumber(6, 43_200, 'seconds, 12 hours at most in SQS').optional(),
};

type Settings<Shape extends z.ZodRawShape> = z.output<z.ZodObject<Shape>>;

/** @returns undefined when there is to be no access log */
export function toAccessLogOptions(
  settings: Settings<typeof accessLogSettings>,
): (AccessLogSettings & { readonly queueName: string }) | undefined {
  if (settings.ACCESS_LOG_QUEUE === undefined) return undefined;
  return {
    queueName: settings.ACCESS_LOG_QUEUE,
    flushIntervalMs: settings.ACCESS_LOG_FLUSH_MS,
    maxBufferedRecords: settings.ACCESS_LOG_MAX_BUFFERED_RECORDS,
    maxBufferedBytes: settings.ACCESS_LOG_MAX_BUFFERED_BYTES,
    maxSpoolBytes: settings.ACCESS_LOG_MAX_SPOOL_BYTES,
    ...(settings.ACCESS_LOG_SPOOL_DIRECTORY === undefined
      ? {}
      : { spoolDirectory: settings.ACCESS_LOG_SPOOL_DIRECTORY }),
  };
}

export function toLakeWriterOptions(settings: Settings<typeof lakeWriterSettings>): LakeWriterSettings {
  const visibilityTimeoutSeconds = settings.ACCESS_LOG_VISIBILITY_TIMEOUT_SECONDS;
  return {
    queueName: settings.ACCESS_LOG_QUEUE,
    bucket: settings.ACCESS_LOG_BUCKET,
    prefix: settings.ACCESS_LOG_PREFIX,
    maxObjectBytes: settings.ACCESS_LOG_MAX_OBJECT_BYTES,
    maxAgeMs: settings.ACCESS_LOG_MAX_AGE_MS,
    ...(visibilityTimeoutSeconds === undefined ? {} : { visibilityTimeoutSeconds }),
  };
}
