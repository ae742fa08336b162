import type { TaskFailure } from './run-facts.ts';

/** No event has this workflow id: nothing has, its retention is over, or it is a workflow of another type. */
export class EventNotFoundError extends Error {
  override readonly name = 'EventNotFoundError';
  readonly workflowId: string;

  /** @param options `workflowType`: of the workflow that has this id */
  constructor(workflowId: string, options: ErrorOptions & { readonly workflowType?: string } = {}) {
    const { workflowType, ...rest } = options;
    super(
      workflowType === undefined
        ? `no event has the workflow id ${JSON.stringify(workflowId)}, or its retention is over`
        : `${JSON.stringify(workflowId)} is no event but a workflow of the type ${workflowType}`,
      rest,
    );
    this.workflowId = workflowId;
  }
}

/** The event is closed: there is nothing left to retry or skip. */
export class EventClosedError extends Error {
  override readonly name = 'EventClosedError';
  readonly workflowId: string;
  /** How the event ended: its `EventStatus`, where it has one. */
  readonly status: string | undefined;

  /** @param options `execution`: status of the workflow in Temporal */
  constructor(
    workflowId: string,
    status: string | undefined,
    options: ErrorOptions & { readonly execution?: string } = {},
  ) {
    const { execution, ...rest } = options;
    super(`${workflowId} is closed already${describeEnd(status, execution)}: nothing was changed`, rest);
    this.workflowId = workflowId;
    this.status = status;
  }
}

function describeEnd(status: string | undefined, execution: string | undefined): string {
  const isOrdinary = execution === undefined || execution === 'COMPLETED';
  const parts = [
    ...(status === undefined ? [] : [status]),
    ...(isOrdinary ? [] : [`workflow ${execution.toLowerCase().replaceAll('_', ' ')}`]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

/**
 * The event is open and gave no answer: no worker took the request in time, or its workflow task fails. Whether the request
 * still takes effect is not known; asking again does no harm.
 */
export class EventUnansweredError extends Error {
  override readonly name = 'EventUnansweredError';
  readonly workflowId: string;
  /** Why, in a few words. */
  readonly reason: string;
  /** Present when its workflow task fails: asking again is of no use until that is mended. */
  readonly taskFailure: TaskFailure | undefined;

  constructor(workflowId: string, options: ErrorOptions & { readonly taskFailure?: TaskFailure } = {}) {
    const { taskFailure, ...rest } = options;
    const reason =
      taskFailure === undefined
        ? 'no worker answered'
        : `its workflow task fails (attempt ${taskFailure.attempt}): ${taskFailure.message}`;
    super(`${workflowId} gave no answer: ${reason}`, rest);
    this.workflowId = workflowId;
    this.reason = reason;
    this.taskFailure = taskFailure;
  }
}

/** The visibility query cannot be used; the message says why. */
export class InvalidEventQueryError extends Error {
  override readonly name = 'InvalidEventQueryError';
}
