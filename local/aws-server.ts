/**
 * SQS, SNS and S3 as a process of their own, as `docker compose` runs them: those of `npm start`, and not fauxqs itself, which
 * refuses an emoji, loses a message that is given back, and knows no redrive.
 *
 * Usage: `AWS_HOST=0.0.0.0 AWS_PORT=4566 AWS_DATA_DIRECTORY=/data node local/aws-server.ts`
 */
import { explainError } from '../contracts/shared/text.ts';
import { startAws } from './aws.ts';
import { ConfigError, readAwsConfig } from './config.ts';

try {
  const { AWS_PORT: port, AWS_HOST: host, AWS_DATA_DIRECTORY: dataDirectory } = readAwsConfig();
  const aws = await startAws({ port, host, ...(dataDirectory !== undefined && { dataDirectory }) });
  process.stdout.write(`SQS, SNS and S3 on ${aws.url}\n`);
  let stopped: Promise<void> | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void (stopped ??= aws.stop()));
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : explainError(error)}\n`);
  process.exitCode = 1;
}
