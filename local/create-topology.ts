/**
 * Creates the topics, queues and dead-letter queues of the contracts, and ends; `docker compose` runs it once.
 *
 * Usage: `AWS_ENDPOINT_URL=http://fauxqs:4566 node local/create-topology.ts`; without `AWS_ENDPOINT_URL`, in AWS itself.
 */
import { explainError } from '../contracts/shared/text.ts';
import { ConfigError, readTopologyConfig } from './config.ts';
import { createTopology } from './topology.ts';

try {
  const config = readTopologyConfig();
  const resources = await createTopology({
    region: config.AWS_REGION,
    ...(config.AWS_ENDPOINT_URL !== undefined && { url: config.AWS_ENDPOINT_URL }),
  });
  for (const { topicArn, queueUrl } of resources) process.stdout.write(`${topicArn} -> ${queueUrl}\n`);
} catch (error) {
  process.stderr.write(
    error instanceof ConfigError ? `${error.message}\n` : `The topology was not created: ${explainError(error)}\n`,
  );
  process.exitCode = 1;
}
