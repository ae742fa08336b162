import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { EventDirectory } from '../activities/stream-activities.ts';
import { readStartInput } from '../bridge/edge-runs.ts';
import { FAILURE_TYPES } from '../contracts/events/failure-types.ts';
import { eventStatusKey } from '../contracts/shared/search-attributes.ts';
import { activityId } from '../contracts/events/stream-activity-id.ts';
import { parseTimestampMicros } from '../contracts/shared/timestamps.ts';

/** Looks events up by their workflows, as long as the namespace keeps them. */
export function createEventDirectory(client: Client): EventDirectory {
  return {
    async stateOf(workflowId) {
      const run = await lookUp(() => client.workflow.getHandle(workflowId).describe());
      if (run?.status.name === 'RUNNING') return 'open';
      if (run?.typedSearchAttributes.get(eventStatusKey) !== 'applied') return 'absent';
      const event = (await lookUp(() => readStartInput(client, run)))?.event;
      if (event?.kind !== 'activity' && event?.kind !== 'comment') return 'applied';
      return { activityId: activityId(event.foreignId, parseTimestampMicros(event.time) ?? 0) };
    },
  };
}

/** @returns undefined when there is no such workflow */
async function lookUp<Found>(read: () => Promise<Found>): Promise<Found | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    const message = `the parent could not be looked up: ${error instanceof Error ? error.message : String(error)}`;
    throw ApplicationFailure.retryable(message, FAILURE_TYPES.unavailable);
  }
}
