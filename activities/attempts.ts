import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { EdgeState } from '../contracts/events/event-workflow.ts';
import { FAILURE_TYPES } from '../contracts/events/failure-types.ts';
import type { EventActivities, FailedAttempt, RunFence, StreamActivities } from './types.ts';

/** Tells what the other runs of an edge know. */
export interface EdgeDirectory {
  /**
   * The latest that any run of the edge knows but the one given.
   *
   * @throws ApplicationFailure `Unavailable` when that cannot be told now
   */
  latestOf(workflowId: string, otherThanRunId: string): Promise<EdgeState>;
  /**
   * Whether one of the first workflow tasks of the run failed or timed out.
   *
   * @throws ApplicationFailure `Unavailable` when that cannot be told now
   */
  hasFailedTask(workflowId: string, runId: string): Promise<boolean>;
}

const WRITES = [
  'addActivity',
  'removeActivity',
  'addReaction',
  'removeReaction',
  'follow',
  'unfollow',
  'undoFollow',
] as const;
/** Reads that settle a write without an answer: what stands may be another run's. */
const VERIFICATIONS = ['hasActivity', 'hasReaction', 'hasFollow'] as const;

/**
 * The activities with what the workflow must know about their attempts: a failure and a receipt tell the number of the attempt,
 * as earlier ones may have had no answer. A run that was reset, or continues another, neither writes nor takes a write for made
 * before it knows what the event's other runs did: what an older run would write must not come after what a later one wrote.
 */
export function withAttempts(activities: StreamActivities, edges: EdgeDirectory): EventActivities {
  return {
    ...activities,
    checkRun: fence<void>(() => Promise.resolve(), edges),
    hasFailedTask: () => {
      const { workflowId = '', runId = '' } = Context.current().info.workflowExecution ?? {};
      return edges.hasFailedTask(workflowId, runId);
    },
    ...Object.fromEntries(VERIFICATIONS.map((name) => [name, fence<unknown>(activities[name], edges)])),
    ...Object.fromEntries(WRITES.map((name) => [name, tellAttempt(fence<unknown>(activities[name], edges))])),
  };
}

// oxlint-disable-next-line typescript/no-explicit-any -- inputs differ from one activity to the next and are passed on as they are
type Write<Answer> = (input: any, fence?: RunFence) => Promise<Answer>;

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

function tellAttempt(write: Write<unknown>): Write<unknown> {
  return async (input, known) => {
    const { attempt } = Context.current().info;
    try {
      const answer = await write(input, known);
      if (attempt === 1) return answer;
      return typeof answer === 'string' ? { answer, attempt } : { ...Object(answer), attempt };
    } catch (error) {
      if (!(error instanceof ApplicationFailure) || error.type === FAILURE_TYPES.staleRun) throw error;
      throw telling(error, { attempt });
    }
  };
}

/** The same failure, with what else the workflow must know of it. */
export function telling(failure: ApplicationFailure, detail: FailedAttempt): ApplicationFailure {
  const { message, type, nonRetryable, category, nextRetryDelay, details } = failure;
  return ApplicationFailure.create({
    message,
    type: type ?? FAILURE_TYPES.internal,
    nonRetryable: nonRetryable ?? false,
    details: [{ ...Object(details?.[0]), ...detail }],
    ...(category ? { category } : {}),
    ...(nextRetryDelay ? { nextRetryDelay } : {}),
  });
}
