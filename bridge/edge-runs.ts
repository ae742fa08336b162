import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import {
  edgePosition,
  isLater,
  latestOf,
  NOTHING_APPLIED,
  rememberEventId,
  type EdgeRegister,
} from '../contracts/events/edge-order.ts';
import { readEdgeEvent, readEdgeState, readEventInput } from '../contracts/events/event-guards.ts';
import { DEFAULT_EVENT_POLICY } from '../contracts/events/event-policy.ts';
import {
  edgeEventSignal,
  EDGE_MEMO,
  type EdgeState,
  type LateWrites,
  type SocialEventInput,
} from '../contracts/events/event-workflow.ts';
import { eventKindKey, eventStatusKey } from '../contracts/shared/search-attributes.ts';
import { isEdgeEvent, type EdgeEvent } from '../contracts/events/social-event.ts';
import { readPayload } from '../contracts/shared/tolerant-payload-converter.ts';

/** A run, by what names it; the current one when no run is given. */
export interface RunReference {
  readonly workflowId: string;
  readonly runId?: string;
}

type HistoryEvents = NonNullable<
  Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']
>;

/**
 * What a closed run leaves to the next one of its edge, or to one that was reset, read without a worker, a query or a replay:
 * from its result where it completed, else from its memo, and the messages in its history that it had no time for.
 */
export async function readClosedRun(client: Client, run: WorkflowExecutionDescription): Promise<EdgeState> {
  const kind = run.typedSearchAttributes.get(eventKindKey);
  if (kind === 'activity' || kind === 'comment') return leftOnStream(run);
  if (run.status.name === 'COMPLETED') {
    const result = await resultOf(client, run);
    const state = readEdgeState(readPayload(result)) ?? {};
    return run.memo?.[EDGE_MEMO] === undefined ? withoutGivenUp(state, run) : state;
  }
  const events = await historyOf(client, run);
  const input = startInputOf(events);
  const told =
    readEdgeState(run.memo?.[EDGE_MEMO]) ?? failedResult(run, events) ?? stateWithoutMemo(run, events, input);
  const late = latest([told.late, interruptedWrites(run, events, input)]);
  return withMessages({ ...told, ...(late ? { late } : {}) }, events, input);
}

/** Of a post or comment there is no more to know than whether it may have been written. */
function leftOnStream({ typedSearchAttributes, startTime, closeTime }: WorkflowExecutionDescription): EdgeState {
  const status = typedSearchAttributes.get(eventStatusKey);
  if (status === 'skipped' || status === 'compensated') return {};
  const closedMs = closeTime?.getTime() ?? Date.now();
  const { attemptTimeoutMs, lateCommitMs } = DEFAULT_EVENT_POLICY;
  const untilMs = status === 'pending' ? closedMs + attemptTimeoutMs + lateCommitMs : closedMs;
  return { late: { untilMs, sinceMs: startTime.getTime() } };
}

/** The argument that a run was started with; undefined when it was none of ours. */
export async function readStartInput(client: Client, run: RunReference): Promise<SocialEventInput | undefined> {
  return startInputOf(await firstPage(client, run, { maximumPageSize: 1 }));
}

/** Beyond so many events a run is past its first workflow task, unless it was sent as many messages before it. */
const FIRST_EVENTS = 200;

/** Whether a workflow task failed, or timed out, among the first events of a run. */
export async function readFailedTask(client: Client, run: RunReference): Promise<boolean> {
  const events = await firstPage(client, run, { maximumPageSize: FIRST_EVENTS });
  return events.some(
    ({ workflowTaskFailedEventAttributes: failed, workflowTaskTimedOutEventAttributes: timedOut }) =>
      failed ?? timedOut,
  );
}

/** The later of what two runs know. */
export function mergeStates(one: EdgeState, other: EdgeState): EdgeState {
  const register = latestOf(one.register, other.register);
  const eventIds = [...(one.register?.eventIds ?? []), ...(other.register?.eventIds ?? [])];
  const late = latest([one.late, other.late]);
  const unsettled = laterEvent(one.unsettled, other.unsettled);
  return withoutSettled({
    ...(register ? { register: withEventIds(register, eventIds) } : {}),
    ...(unsettled ? { unsettled } : {}),
    ...(late ? { late } : {}),
  });
}

/**
 * Events that were signalled count as known, though no workflow task may have seen them: each is taken in its turn, as the run
 * would have. Those that it did take are known by their ids, or are not later than what it knows.
 */
function withMessages(state: EdgeState, events: HistoryEvents, input: SocialEventInput | undefined): EdgeState {
  const own = input && isEdgeEvent(input.event) ? [input.event] : [];
  const messages = events.flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => {
    if (signal?.signalName !== edgeEventSignal.name) return [];
    return readEdgeEvent(readPayload(signal.input?.payloads?.[0])) ?? [];
  });
  let { unsettled } = state;
  let eventIds = own.reduce((known, { eventId }) => rememberEventId(known, eventId), state.register?.eventIds ?? []);
  for (const message of messages) {
    const { eventId } = message;
    if (eventId !== undefined && eventIds.includes(eventId)) continue;
    eventIds = rememberEventId(eventIds, eventId);
    unsettled = laterEvent(unsettled, message);
  }
  const { register = NOTHING_APPLIED } = state;
  return withoutSettled({
    ...state,
    ...(state.register || eventIds.length > 0 ? { register: withEventIds(register, eventIds) } : {}),
    ...(unsettled ? { unsettled } : {}),
  });
}

function withoutSettled({ unsettled, ...state }: EdgeState): EdgeState {
  return unsettled && isLater(edgePosition(unsettled), state.register) ? { ...state, unsettled } : state;
}

/**
 * Of a run without a memo: one that ended before it had to write one, or of an earlier version of the code. Its event counts
 * as decided on when its status says so.
 */
function stateWithoutMemo(
  run: WorkflowExecutionDescription,
  events: HistoryEvents,
  input: SocialEventInput | undefined,
): EdgeState {
  if (!input || !isEdgeEvent(input.event)) return {};
  const register = input.carried?.register ?? input.register;
  const start = { ...(register ? { register } : {}), ...(input.late ? { late: input.late } : {}) };
  const known = laterEvent(input.event, input.carried?.newer) ?? input.event;
  const status = run.typedSearchAttributes.get(eventStatusKey);
  if (status === undefined || status === 'pending' || status === 'parked') return { ...start, unsettled: known };
  const { unsettled: last = known } = withMessages({ unsettled: known }, events, undefined);
  const position = edgePosition(last);
  return withoutGivenUp({ ...start, register: latestOf<EdgeRegister>(position, register) ?? position }, run);
}

/** Earlier versions, which wrote no memo, did not tell an event that was given up from one that stands. */
function withoutGivenUp(state: EdgeState, { typedSearchAttributes }: WorkflowExecutionDescription): EdgeState {
  const status = typedSearchAttributes.get(eventStatusKey);
  const { register } = state;
  const isGivenUp = status === 'skipped' || status === 'compensated';
  return register && isGivenUp && register.stands === undefined
    ? { ...state, register: { ...register, stands: null } }
    : state;
}

/** A run of an earlier version that gave up left its result in the details of its failure. */
function failedResult(run: WorkflowExecutionDescription, events: HistoryEvents): EdgeState | undefined {
  const failed = events.at(-1)?.workflowExecutionFailedEventAttributes;
  const details = failed?.failure?.applicationFailureInfo?.details?.payloads?.[0];
  const state = readEdgeState(readPayload(details));
  return state?.register ? withoutGivenUp(state, run) : undefined;
}

/** A run that was ended from outside while it wrote, or took back: its attempt goes on, and may be carried out late. */
function interruptedWrites(
  run: WorkflowExecutionDescription,
  events: HistoryEvents,
  input: SocialEventInput | undefined,
): LateWrites | undefined {
  const hadTask = events.some(({ workflowTaskStartedEventAttributes: task }) => task);
  const isWriting = run.typedSearchAttributes.get(eventStatusKey) === 'pending' || hasOpenActivity(events);
  if ((run.status.name !== 'TERMINATED' && run.status.name !== 'TIMED_OUT') || !hadTask || !isWriting) return undefined;
  const { attemptTimeoutMs, lateCommitMs } = { ...DEFAULT_EVENT_POLICY, ...input?.policy };
  const closedMs = run.closeTime?.getTime() ?? Date.now();
  return { untilMs: closedMs + attemptTimeoutMs + lateCommitMs, sinceMs: run.startTime.getTime() };
}

function hasOpenActivity(events: HistoryEvents): boolean {
  const scheduled = events.filter((event) => event.activityTaskScheduledEventAttributes).length;
  const closed = events.filter(
    (event) =>
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes ??
      event.activityTaskCanceledEventAttributes,
  ).length;
  return scheduled > closed;
}

/**
 * Of a run that completed. Not by the handle's `result()`, which waits for the close: such calls are long polls, of which a namespace
 * has only so many at a time [Temporal: `frontend.namespaceCount`, 1,200 a host], and an undecodable result makes it throw.
 */
async function resultOf(client: Client, run: RunReference): Promise<Payload | undefined> {
  const { HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT: close } = proto.temporal.api.enums.v1.HistoryEventFilterType;
  const events = await firstPage(client, run, { historyEventFilterType: close });
  return events.at(-1)?.workflowExecutionCompletedEventAttributes?.result?.payloads?.[0];
}

type PageRequest = Parameters<Client['workflowService']['getWorkflowExecutionHistory']>[0];

async function firstPage(
  client: Client,
  { workflowId, runId }: RunReference,
  page: Pick<PageRequest, 'maximumPageSize' | 'historyEventFilterType'>,
): Promise<HistoryEvents> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, ...(runId === undefined ? {} : { runId }) },
    ...page,
  });
  return history?.events ?? [];
}

async function historyOf(client: Client, { workflowId, runId }: RunReference): Promise<HistoryEvents> {
  return (await client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? [];
}

function startInputOf(events: HistoryEvents): SocialEventInput | undefined {
  const attributes = events[0]?.workflowExecutionStartedEventAttributes;
  return readEventInput(readPayload(attributes?.input?.payloads?.[0]));
}

function laterEvent(one: EdgeEvent | undefined, other: EdgeEvent | undefined): EdgeEvent | undefined {
  if (!one || !other) return one ?? other;
  return isLater(edgePosition(other), edgePosition(one)) ? other : one;
}

function latest(writes: readonly (LateWrites | undefined)[]): LateWrites | undefined {
  const known = writes.filter((write) => write !== undefined);
  if (known.length <= 1) return known[0];
  const since = known.map(({ sinceMs }) => sinceMs).filter((ms) => ms !== undefined);
  const of = known.every((write) => write.of === known[0]?.of) ? known[0]?.of : undefined;
  return {
    untilMs: Math.max(...known.map(({ untilMs }) => untilMs)),
    ...(since.length > 0 ? { sinceMs: Math.min(...since) } : {}),
    ...(of === undefined ? {} : { of }),
  };
}

function withEventIds(register: EdgeRegister, eventIds: readonly string[]): EdgeRegister {
  const all = eventIds.reduce<readonly string[]>((known, id) => rememberEventId(known, id), []);
  return all.length > 0 ? { ...register, eventIds: all } : register;
}
