import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';

/** Sends one signal to all workflows of a query, as `temporal workflow signal --query` does: one job of the server's. */
export async function signalBatch(client: Client, query: string, signal: string): Promise<void> {
  await client.workflowService.startBatchOperation({
    namespace: client.options.namespace,
    jobId: randomUUID(),
    reason: 'released by a test',
    visibilityQuery: query,
    signalOperation: { signal, identity: 'test' },
  });
}
