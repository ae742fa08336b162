import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { EventDirectory } from '../activities/stream-activities.ts';
import { FAILURE_TYPES } from '../contracts/failure-types.ts';
import { eventStatusKey } from '../contracts/search-attributes.ts';

/** Looks events up by their workflows, as long as the namespace keeps them. */
export function createEventDirectory(client: Client): EventDirectory {
  return {
    async stateOf(workflowId) {
      try {
        const { status, typedSearchAttributes } = await client.workflow.getHandle(workflowId).describe();
        if (status.name === 'RUNNING') return 'open';
        return typedSearchAttributes.get(eventStatusKey) === 'applied' ? 'applied' : 'absent';
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return 'absent';
        const message = `the parent could not be looked up: ${error instanceof Error ? error.message : String(error)}`;
        throw ApplicationFailure.retryable(message, FAILURE_TYPES.unavailable);
      }
    },
  };
}
