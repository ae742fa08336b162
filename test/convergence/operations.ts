import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  isGrpcServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import proto from '@temporalio/proto';
import { defaultPayloadConverter } from '@temporalio/common';
import {
  retryUpdate,
  skipUpdate,
  type OperatorReply,
  type SocialEventWorkflow,
  eventWorkflowId,
} from '../../contracts/events/event-workflow.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import type { Act, Operation } from './schedule-operations.ts';
import { BRIDGE_DELAY_MS, type Stage } from './stage.ts';

/** From a bridge's reading of an edge to its start, three requests later, milliseconds. */
const LONGEST_RESUME_MS = 3 * BRIDGE_DELAY_MS + 500;

type Handle = WorkflowHandle<SocialEventWorkflow>;

/** An operation that may have given an event up, and what is known of which. */
export interface Licence {
  readonly by: 'skip' | 'cancel' | 'terminate' | 'limit';
  /** When it had an answer, by `performance.now()`: what came later it does not cover. */
  readonly beforeMs: number;
  /** The event that it surely gave up. */
  readonly event?: SocialEvent;
}

/** Whatever the operation meets: workflows that are not there yet, or gone. @returns what it may have given up */
export async function operate({ on, act }: Operation, stage: Stage): Promise<Licence | undefined> {
  try {
    return await perform(act, on, stage);
  } catch (error) {
    if (isNothingToDo(error)) return undefined;
    throw error;
  }
}

/**
 * Gives the parked event up, or writes it again. Nothing is queried: a query that waits while the worker is away is answered
 * before the workflow task that is due, with events of it, and an update in that task then makes the run replay no more [SDK
 * 1.24; docs/runbook.md].
 */
export async function request(
  handle: Handle,
  name: 'retry' | 'skip',
  argument?: unknown,
): Promise<Licence | undefined> {
  const update = name === 'retry' ? retryUpdate : skipUpdate;
  const { accepted, event } =
    argument === undefined
      ? await handle.executeUpdate<OperatorReply, []>(update.name)
      : await handle.executeUpdate<OperatorReply, [unknown]>(update.name, { args: [argument] });
  if (name === 'retry' || !accepted) return undefined;
  return { by: 'skip', beforeMs: performance.now(), ...(event ? { event } : {}) };
}

async function perform(act: Act, on: SocialEvent, stage: Stage): Promise<Licence | undefined> {
  const handle = stage.handle(on);
  switch (act.name) {
    case 'retry':
    case 'skip':
      if (act.by === 'update') return request(handle, act.name, act.argument);
      await handle.signal(act.name, ...(act.argument === undefined ? [] : [act.argument]));
      return act.name === 'skip' ? { by: 'skip', beforeMs: performance.now() } : undefined;
    case 'cancel':
      await handle.cancel();
      return { by: 'cancel', beforeMs: performance.now() };
    case 'terminate':
      await untilBridgesKnow(handle);
      await handle.terminate('by the schedule');
      return { by: 'terminate', beforeMs: performance.now() };
    case 'reset':
      await reset(act, on, stage);
      return undefined;
    case 'garbage':
      await sendGarbage(act, on, stage);
      return undefined;
    case 'restart worker':
      await stage.restartWorker();
      return undefined;
    case 'new bridge':
      await stage.bridges.renew(act.starter);
      return undefined;
  }
}

/**
 * A bridge that read the edge just before a run began, and starts its own when that one is gone already, knows nothing of it:
 * the README names this limit. Operators are not that fast, except where bridges are slowed down as they are here.
 */
async function untilBridgesKnow(handle: Handle): Promise<void> {
  const { startTime } = await handle.describe();
  await sleep(Math.max(0, startTime.getTime() + LONGEST_RESUME_MS - Date.now()));
}

async function reset(
  { run, to, reapplies }: Extract<Act, { name: 'reset' }>,
  on: SocialEvent,
  stage: Stage,
): Promise<void> {
  const runId = await runOf(run, on, stage);
  if (runId !== undefined) await resetRun(stage.client, { workflowId: eventWorkflowId(on), runId }, { to, reapplies });
}

/** Takes a run back to one of its workflow tasks, which a new run goes on from; nothing where it had none. */
export async function resetRun(
  client: Client,
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
  { to, reapplies }: Pick<Extract<Act, { name: 'reset' }>, 'to' | 'reapplies'>,
): Promise<void> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const tasks = (events ?? []).flatMap(({ eventId, workflowTaskCompletedEventAttributes: task }) =>
    task && eventId ? [eventId] : [],
  );
  const task = at(tasks, to);
  if (task === undefined) return;
  const { ResetReapplyExcludeType: Excluded } = proto.temporal.api.enums.v1;
  await client.workflowService.resetWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId, runId },
    reason: 'by a test',
    workflowTaskFinishEventId: task,
    requestId: randomUUID(),
    resetReapplyExcludeTypes: reapplies
      ? []
      : [Excluded.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL, Excluded.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE],
  });
}

/** Oldest first, as far as visibility lists them. */
async function runOf(
  which: Extract<Act, { name: 'reset' }>['run'],
  on: SocialEvent,
  { client }: Stage,
): Promise<string | undefined> {
  const workflowId = eventWorkflowId(on);
  if (which === 'last') return (await client.workflow.getHandle(workflowId).describe()).runId;
  const runIds: string[] = [];
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) runIds.unshift(runId);
  return at(runIds, which);
}

function at<Item>(items: readonly Item[], which: 'first' | 'last' | number): Item | undefined {
  if (which === 'first') return items[0];
  return which === 'last' ? items.at(-1) : items[Math.floor(which * items.length)];
}

/** A payload of any content, now and then one that is no JSON at all. */
async function sendGarbage(
  { signal, argument, isBroken }: Extract<Act, { name: 'garbage' }>,
  on: SocialEvent,
  { client }: Stage,
): Promise<void> {
  const payload = isBroken
    ? { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"by":') }
    : defaultPayloadConverter.toPayload(argument);
  await client.workflowService.signalWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId: eventWorkflowId(on) },
    signalName: signal,
    input: { payloads: payload ? [payload] : [] },
    requestId: randomUUID(),
  });
}

/** Codes of gRPC [grpc.io: status codes]: CANCELLED, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, FAILED_PRECONDITION. */
const NOTHING_TO_DO: ReadonlySet<number> = new Set([1, 3, 4, 5, 9]);

/** The workflow is not there, or closed meanwhile, was just being reset, or has no worker that answers. */
function isNothingToDo(error: unknown): boolean {
  if (error instanceof WorkflowNotFoundError || error instanceof WorkflowUpdateFailedError) return true;
  const cause = error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error;
  return isGrpcServiceError(cause) && NOTHING_TO_DO.has(cause.code);
}
