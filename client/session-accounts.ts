import type { Client } from '@temporalio/client';
import { WORKFLOW_TYPES } from '../contracts/names.ts';
import { userIdOfSessions } from '../contracts/workflow-ids.ts';

const PLAYING = `WorkflowType = '${WORKFLOW_TYPES.streamSessions}' AND ExecutionStatus = 'Running' AND ActiveStreams > 0`;

/**
 * Accounts with active streams, as the visibility of Temporal knows them: what happened in the last second or two may be
 * missing.
 */
export async function* accountsThatPlay(client: Client): AsyncGenerator<string> {
  for await (const { workflowId } of client.workflow.list({ query: PLAYING, pageSize: 1_000 })) {
    const userId = userIdOfSessions(workflowId);
    if (userId !== undefined) yield userId;
  }
}
