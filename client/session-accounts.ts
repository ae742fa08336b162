import type { Client } from '@temporalio/client';
import { WORKFLOW_TYPES } from '../contracts/shared/names.ts';
import { userIdOfSessions } from '../contracts/sessions/stream-sessions.ts';

const OF_ACCOUNTS = `WorkflowType = '${WORKFLOW_TYPES.streamSessions}'`;
const PLAYING = `${OF_ACCOUNTS} AND ExecutionStatus = 'Running' AND ActiveStreams > 0`;
/** Of runs that no code of ours ended, or only after it was told to. */
const FROM_OUTSIDE = `ExecutionStatus IN ('Terminated', 'Canceled', 'Failed', 'TimedOut')`;

/**
 * Accounts with active streams, as the visibility of Temporal knows them: what happened in the last second or two may be
 * missing.
 */
export async function* accountsThatPlay(client: Client): AsyncGenerator<string> {
  yield* usersIn(client, PLAYING);
}

/**
 * Accounts of which a run was ended from outside since then: terminated, reset, cancelled or timed out. No code of theirs may
 * have run, so nobody was told; what plays now, in a new run, they answer to `list`. A run that was deleted is not among them:
 * it is just missing among those that play.
 *
 * @param since by the clock of Temporal; some seconds to spare cover those of visibility
 */
export async function* accountsEndedFromOutside(client: Client, since: Date): AsyncGenerator<string> {
  yield* usersIn(client, `${OF_ACCOUNTS} AND ${FROM_OUTSIDE} AND CloseTime > '${since.toISOString()}'`);
}

async function* usersIn(client: Client, query: string): AsyncGenerator<string> {
  for await (const { workflowId } of client.workflow.list({ query, pageSize: 1_000 })) {
    const userId = userIdOfSessions(workflowId);
    if (userId !== undefined) yield userId;
  }
}
