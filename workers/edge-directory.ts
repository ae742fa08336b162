import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { EdgeDirectory } from '../activities/attempts.ts';
import { readOtherRuns } from '../bridge/other-runs.ts';
import { FAILURE_TYPES } from '../contracts/failure-types.ts';

/** Finds what the runs of an edge know; what cannot be told now is tried again. */
export function createEdgeDirectory(client: Client): EdgeDirectory {
  return {
    async latestOf(workflowId, ownRunId) {
      try {
        return await readOtherRuns(client, workflowId, ownRunId);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw ApplicationFailure.retryable(`the edge's runs could not be read: ${reason}`, FAILURE_TYPES.unavailable);
      }
    },
  };
}
