import { SQSClient } from '@aws-sdk/client-sqs';
import type { CliConfig } from './config.ts';
import { chosenQueues } from './dead-letter.ts';
import { DeadLetterQueue } from './dead-letter-queue.ts';

/** Runs `use` with a client of SQS and destroys it afterwards. */
export async function withSqs<Result>(config: CliConfig, use: (sqs: SQSClient) => Promise<Result>): Promise<Result> {
  // A request that hangs must not hold an operator up; receives poll for a second only.
  const sqs = new SQSClient({ ...config.sqs, requestHandler: { requestTimeout: 15_000, throwOnRequestTimeout: true } });
  try {
    return await use(sqs);
  } finally {
    sqs.destroy();
  }
}

/**
 * Runs `use` with the dead-letter queues that `choice` means, all of them by default.
 *
 * @throws QueueError
 */
export function withDeadLetterQueues<Result>(
  config: CliConfig,
  choice: string | undefined,
  use: (queues: readonly DeadLetterQueue[]) => Promise<Result>,
): Promise<Result> {
  return withSqs(config, async (sqs) =>
    use(await Promise.all(chosenQueues(config.queues, choice).map((queue) => DeadLetterQueue.of(sqs, queue)))),
  );
}
