import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import proto from '@temporalio/proto';

/** Failures stand at the very end of a history, behind a few events of the next attempt at most. */
const LAST_EVENTS = 10;
const MAX_MESSAGE = 500;

const { WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;

type RawDescription = WorkflowExecutionDescription['raw'];

/** A workflow task that failed and is tried again: until it succeeds, the run takes no signal, update, query or cancellation. */
export interface TaskFailure {
  /** Of the attempt under way or to come; the first is 1. */
  readonly attempt: number;
  /** Of the last failure that Temporal keeps. */
  readonly message: string;
  /** `replay`: the workflow code does not fit the history, as after a deploy. `timeout`: its worker was lost or hangs. */
  readonly cause: 'replay' | 'timeout' | 'other';
}

/** An activity that a run waits for. */
export interface PendingActivity {
  readonly name: string;
  readonly attempt: number;
  readonly lastFailure?: string;
}

/** What Temporal tells of a run without the help of a worker. */
export interface RunFacts {
  readonly taskFailure?: TaskFailure;
  readonly pendingActivities?: readonly PendingActivity[];
  /** How a run ended that did not complete: `terminated by kim: duplicate`. */
  readonly ending?: string;
  /** One line that says what the user did, written at the start of the run. */
  readonly summary?: string;
  /** The memo `edge`: where an edge stands, as its run last wrote it. Of any shape. */
  readonly edge?: unknown;
}

export async function readRunFacts(client: Client, description: WorkflowExecutionDescription): Promise<RunFacts> {
  const { pendingActivities } = description.raw;
  const [last, summary] = await Promise.all([
    lastEvents(client, description),
    description.staticSummary().catch(() => undefined),
  ]);
  const taskFailure = taskFailureOf(description.raw, last);
  const ending = last.map((event) => endingOf(event)).find((each) => each !== undefined);
  const edge = description.memo?.['edge'];
  return {
    ...(taskFailure === undefined ? {} : { taskFailure }),
    ...(pendingActivities?.length
      ? { pendingActivities: pendingActivities.map((each) => toPendingActivity(each)) }
      : {}),
    ...(ending === undefined ? {} : { ending }),
    ...(summary === undefined ? {} : { summary }),
    ...(edge === undefined ? {} : { edge }),
  };
}

/** Why an open run answers nothing; undefined when its workflow tasks do not fail. */
export async function readTaskFailure(
  client: Client,
  description: WorkflowExecutionDescription,
): Promise<TaskFailure | undefined> {
  if (!isRepeated(description.raw)) return undefined;
  return taskFailureOf(description.raw, await lastEvents(client, description));
}

type HistoryEvents = NonNullable<
  NonNullable<Awaited<ReturnType<Client['workflowService']['getWorkflowExecutionHistoryReverse']>>['history']>['events']
>;
type HistoryEvent = HistoryEvents[number];

/** The last events of the history, latest first; none where it cannot be read. */
async function lastEvents(client: Client, { workflowId, runId }: WorkflowExecutionDescription): Promise<HistoryEvents> {
  try {
    const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
      namespace: client.options.namespace,
      execution: { workflowId, runId },
      maximumPageSize: LAST_EVENTS,
    });
    return history?.events ?? [];
  } catch {
    return [];
  }
}

function isRepeated({ pendingWorkflowTask }: RawDescription): boolean {
  return (pendingWorkflowTask?.attempt ?? 0) > 1;
}

function taskFailureOf(raw: RawDescription, last: HistoryEvents): TaskFailure | undefined {
  if (!isRepeated(raw)) return undefined;
  const attempt = raw.pendingWorkflowTask?.attempt ?? 0;
  const event = last.find((each) => each.workflowTaskFailedEventAttributes ?? each.workflowTaskTimedOutEventAttributes);
  if (event?.workflowTaskTimedOutEventAttributes) {
    return { attempt, message: 'no worker finished it in time', cause: 'timeout' };
  }
  const failed = event?.workflowTaskFailedEventAttributes;
  return {
    attempt,
    message: bounded(failed?.failure?.message) ?? 'Temporal keeps no message of it',
    cause:
      failed?.cause === WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR ? 'replay' : 'other',
  };
}

function toPendingActivity({
  activityType,
  attempt,
  lastFailure,
}: NonNullable<RawDescription['pendingActivities']>[number]): PendingActivity {
  const message = bounded(lastFailure?.cause?.message ?? lastFailure?.message);
  return {
    name: activityType?.name ?? 'unknown',
    attempt: attempt ?? 1,
    ...(message === undefined ? {} : { lastFailure: message }),
  };
}

function endingOf(event: HistoryEvent): string | undefined {
  const { workflowExecutionTerminatedEventAttributes: terminated, workflowExecutionFailedEventAttributes: failed } =
    event;
  if (terminated) return labelled(`terminated by ${terminated.identity || 'somebody'}`, terminated.reason);
  if (failed) return labelled('failed', failed.failure?.message);
  if (event.workflowExecutionCanceledEventAttributes) return 'cancelled';
  if (event.workflowExecutionTimedOutEventAttributes) return 'timed out';
  if (event.workflowExecutionContinuedAsNewEventAttributes) return 'goes on in a new run';
  return undefined;
}

function labelled(what: string, detail: string | null | undefined): string {
  const text = bounded(detail);
  return text === undefined ? what : `${what}: ${text}`;
}

function bounded(text: string | null | undefined): string | undefined {
  if (text === undefined || text === null || text === '') return undefined;
  return text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE)}…`;
}
