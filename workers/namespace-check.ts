import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { SEARCH_ATTRIBUTES } from '../contracts/names.ts';

/** SQS keeps a message 14 days at most, and a dead-letter queue as long again. */
const LONGEST_REDELIVERY_DAYS = 28;
const SECONDS_PER_DAY = 86_400;

/**
 * Checks that the namespace can do what the events need.
 *
 * @throws Error naming the search attributes that are not registered and the command that registers them
 */
export async function checkNamespace(connection: NativeConnection, namespace: string, logger: Logger): Promise<void> {
  const [{ config }, { customAttributes }] = await Promise.all([
    connection.workflowService.describeNamespace({ namespace }),
    connection.operatorService.listSearchAttributes({ namespace }),
  ]);
  const missing = Object.entries(SEARCH_ATTRIBUTES).filter(([name]) => customAttributes[name] === undefined);
  if (missing.length > 0) {
    const flags = missing.map(([name, type]) => `--name ${name} --type ${type}`).join(' ');
    throw new Error(
      `Namespace ${namespace} lacks search attributes. Register them: ` +
        `temporal operator search-attribute create --namespace ${namespace} ${flags}`,
    );
  }
  const days = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / SECONDS_PER_DAY;
  if (days >= LONGEST_REDELIVERY_DAYS) return;
  logger.warn(
    { namespace, retentionDays: days, neededDays: LONGEST_REDELIVERY_DAYS },
    'closed workflows are forgotten before the last redelivery from a queue or dead-letter queue can come: such a ' +
      'message would be written again. Raise the retention: temporal operator namespace update --retention 28d',
  );
}
