import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { EdgeState } from '../contracts/event-workflow.ts';
import { FAILURE_TYPES } from '../contracts/failure-types.ts';
import type { EventActivities, RunFence, StreamActivities, WriteReceipt } from './types.ts';

/** Tells what the other runs of an edge know. */
export interface EdgeDirectory {
  /**
   * The latest that any run of the edge knows but the one given.
   *
   * @throws ApplicationFailure `Unavailable` when that cannot be told now
   */
  latestOf(workflowId: string, otherThanRunId: string): Promise<EdgeState>;
}

/** Writes of edges: what an older run would write must not come after what a later one wrote. */
const FENCED = ['addReaction', 'removeReaction', 'follow', 'unfollow'] as const;
const WRITES = [...FENCED, 'addActivity', 'removeActivity', 'undoFollow'] as const;

/**
 * The activities with what the workflow must know about their attempts: a failure and a receipt tell the number of the attempt,
 * as earlier ones may have had no answer, and writes of an edge whose run was reset or continues another are not made before
 * the workflow knows what the edge's other runs did.
 */
export function withAttempts(activities: StreamActivities, edges: EdgeDirectory): EventActivities {
  const fenced = Object.fromEntries(FENCED.map((name) => [name, fence(activities[name], edges)]));
  const all = { ...activities, ...fenced };
  return {
    ...all,
    checkRun: fence<void>(() => Promise.resolve(), edges),
    ...Object.fromEntries(WRITES.map((name) => [name, tellAttempt<unknown>(all[name])])),
  };
}

// oxlint-disable-next-line typescript/no-explicit-any -- inputs differ from one activity to the next and are passed on as they are
type Write<Answer = WriteReceipt | undefined> = (input: any, fence?: RunFence) => Promise<Answer>;

function fence<Answer>(write: Write<Answer>, edges: EdgeDirectory): Write<Answer> {
  return async (input, known) => {
    const { workflowExecution } = Context.current().info;
    // Left out by runs that began before fences, and by calls outside of a workflow.
    if (known !== undefined && workflowExecution !== undefined && known.run !== workflowExecution.runId) {
      const { workflowId, runId } = workflowExecution;
      const state = await edges.latestOf(workflowId, runId);
      throw ApplicationFailure.create({
        type: FAILURE_TYPES.staleRun,
        message: 'this run was reset, or continues another one: what other runs know comes first',
        nonRetryable: true,
        details: [{ ...state, run: runId }],
      });
    }
    return write(input);
  };
}

function tellAttempt<Answer>(write: Write<Answer>): Write<Answer | WriteReceipt> {
  return async (input, known) => {
    const { attempt } = Context.current().info;
    try {
      const receipt = await write(input, known);
      return attempt > 1 && typeof receipt !== 'string' ? { ...receipt, attempt } : receipt;
    } catch (error) {
      if (!(error instanceof ApplicationFailure) || (error.details?.length ?? 0) > 0) throw error;
      throw ApplicationFailure.create({
        message: error.message,
        type: error.type ?? FAILURE_TYPES.internal,
        nonRetryable: error.nonRetryable ?? false,
        details: [{ attempt }],
        ...(error.category ? { category: error.category } : {}),
        ...(error.nextRetryDelay ? { nextRetryDelay: error.nextRetryDelay } : {}),
      });
    }
  };
}
