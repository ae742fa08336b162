import type { Logger } from 'pino';
import { ACCESS_LOG_QUEUE } from '../contracts/sessions/access-record.ts';
import { createAccessLog, type AccessLog } from '../access-log/access-log.ts';
import { createLakeWriter, type LakeWriter } from '../access-log/lake-writer.ts';
import { toAccessLogOptions, toLakeWriterOptions } from '../access-log/settings.ts';
import { createS3Client, createSqsClient } from './aws-clients.ts';
import type { WorkerConfig } from './config.ts';
import type { ProcessRuntime } from './runtime.ts';
import { SetupError } from './setup-error.ts';

const METRICS_INTERVAL_MS = 5_000;

/** The access log of this process's gateway; undefined when no queue is set. */
export function createGatewayAccessLog(
  config: WorkerConfig,
  logger: Logger,
  onDropped?: (records: number) => void,
): AccessLog | undefined {
  const settings = toAccessLogOptions(config.environment);
  return (
    settings &&
    createAccessLog({ ...settings, sqs: createSqsClient(config), logger, ...(onDropped ? { onDropped } : {}) })
  );
}

/** Writes the records of all gateways to S3, as a role of its own. */
export function createAccessLogWriter(config: WorkerConfig, logger: Logger, runtime: ProcessRuntime): LakeWriter {
  const { environment } = config;
  const queue = environment.ACCESS_LOG_QUEUE ?? ACCESS_LOG_QUEUE;
  const writer = createLakeWriter({
    ...toLakeWriterOptions({ ...environment, ACCESS_LOG_QUEUE: queue }),
    sqs: createSqsClient(config),
    s3: createS3Client(config),
    logger: logger.child({ component: 'access-log' }),
    shutdownGraceMs: environment.SHUTDOWN_GRACE_MS / 2,
  });
  exportCounts(writer, runtime);
  return {
    ...writer,
    // It runs on through all trouble but this: its queues are not there.
    run: () =>
      writer.run().catch((cause: unknown) => {
        throw new SetupError('The writer of the access log cannot start; check ACCESS_LOG_QUEUE and AWS_*', cause);
      }),
  };
}

function exportCounts(writer: LakeWriter, runtime: ProcessRuntime): void {
  const gauge = runtime.gauge('access_log_writer', 'What the writer of the access log did, by count');
  setInterval(() => {
    for (const [count, value] of Object.entries(writer.counts()))
      if (typeof value === 'number') gauge.set(value, { count });
  }, METRICS_INTERVAL_MS).unref();
}
