import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { EdgeDirectory } from '../activities/attempts.ts';
import { readFailedTask } from '../bridge/edge-runs.ts';
import { readOtherRuns } from '../bridge/other-runs.ts';
import { FAILURE_TYPES } from '../contracts/events/failure-types.ts';

/** Finds what the runs of an edge know; what cannot be told now is tried again. */
export function createEdgeDirectory(client: Client): EdgeDirectory {
  return {
    latestOf: (workflowId, ownRunId) => told(readOtherRuns(client, workflowId, ownRunId)),
    hasFailedTask: (workflowId, runId) => told(readFailedTask(client, { workflowId, runId })),
  };
}

async function told<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw ApplicationFailure.retryable(`the edge's runs could not be read: ${reason}`, FAILURE_TYPES.unavailable);
  }
}
