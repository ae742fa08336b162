import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { temporal } from '@temporalio/proto';
import { findSecrets, textWithin } from '../support/secret-search.ts';
import type { EdgeRegister } from '../../contracts/events/edge-order.ts';
import { readEdgeEvent, readEdgeState, readEventInput } from '../../contracts/events/event-guards.ts';
import { EDGE_MEMO, edgeEventSignal } from '../../contracts/events/event-workflow.ts';
import { eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { readPayload } from '../../contracts/shared/tolerant-payload-converter.ts';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
type Payload = temporal.api.common.v1.IPayload;

/** What the history of one run tells of the events it was given, read without the code of the workflow. */
export interface RunRecord {
  readonly workflowId: string;
  readonly runId: string;
  /** Of the workflow in Temporal: `RUNNING`, `COMPLETED`, ... */
  readonly execution: string;
  /** Whether this is the latest run of its workflow. */
  readonly isLatest: boolean;
  /** `EventStatus` as it was set last. */
  readonly status: string | undefined;
  /** Events that the run was started with or handed, and when. */
  readonly given: readonly Given[];
  /** Registers of the edge in the order in which they were written. */
  readonly registers: readonly EdgeRegister[];
  /** What an operator did that gives up the event that is open. */
  readonly givingUp: readonly { readonly what: 'skip' | 'cancel' | 'terminate'; readonly atMs: number }[];
  /** Causes of workflow tasks that failed by the code of the workflow. */
  readonly taskFailures: readonly string[];
  /** Secrets in its history, payloads decoded. */
  readonly exposed: readonly string[];
}

export interface Given {
  readonly event: SocialEvent;
  readonly atMs: number;
}

/** Temporal's own name for who terminates a run that is reset [server 1.29: `consts.IdentityResetter`]. */
const RESETTER = 'history-resetter';
const PAGE = 1_000;
const READERS = 16;

const { WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;

/** Failures of a workflow task that say nothing about the code: a message came in between, a reset, a worker that stopped. */
const HARMLESS: readonly string[] = [
  'UNHANDLED_COMMAND',
  'RESET_WORKFLOW',
  'RESET_STICKY_TASK_QUEUE',
  'FORCE_CLOSE_COMMAND',
];

/**
 * Every run of every event, by workflow id, each workflow's in the order of their starts.
 *
 * @throws Error when visibility does not list all runs
 */
export async function readRunRecords(client: Client): Promise<Map<string, RunRecord[]>> {
  const byId = Map.groupBy(await listRuns(client), ({ workflowId }) => workflowId);
  const records = new Map<string, RunRecord[]>();
  const workflows = [...byId];
  const read = async (): Promise<void> => {
    for (let next = workflows.pop(); next; next = workflows.pop()) {
      const [workflowId, runs] = next;
      const latest = (await client.workflow.getHandle(workflowId).describe()).runId;
      if (!runs.some(({ runId }) => runId === latest))
        throw new Error(`${workflowId}: visibility lacks its latest run`);
      const found: RunRecord[] = [];
      for (const { runId, execution } of runs) {
        const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
        found.push(recordOf(events ?? [], { workflowId, runId, execution, isLatest: runId === latest }));
      }
      records.set(workflowId, found);
    }
  };
  await Promise.all(Array.from({ length: READERS }, read));
  return records;
}

interface ListedRun {
  readonly workflowId: string;
  readonly runId: string;
  readonly execution: string;
  readonly startedMs: number;
}

async function listRuns(client: Client): Promise<ListedRun[]> {
  const query = 'WorkflowType="socialEvent"';
  const listed: ListedRun[] = [];
  for await (const { workflowId, runId, status, startTime } of client.workflow.list({ query, pageSize: PAGE })) {
    listed.push({ workflowId, runId, execution: status.name, startedMs: startTime.getTime() });
  }
  const { count } = await client.workflow.count(query);
  if (listed.length !== count) throw new Error(`visibility lists ${listed.length} of ${count} runs`);
  return listed.toSorted((left, right) => left.startedMs - right.startedMs);
}

type RunFacts = Pick<RunRecord, 'workflowId' | 'runId' | 'execution' | 'isLatest'>;

export function recordOf(events: readonly HistoryEvent[], facts: RunFacts): RunRecord {
  const input = readEventInput(readPayload(startPayload(events)));
  const start = input ? [input.event, ...(input.carried?.newer ? [input.carried.newer] : [])] : [];
  const register = input?.carried?.register ?? input?.register;
  const startMs = events[0] ? timeOf(events[0]) : 0;
  const registers = events.flatMap((event) => registersIn(event));
  return {
    ...facts,
    status: events.map(statusIn).findLast((status) => status !== undefined),
    given: [
      ...start.map((event) => ({ event, atMs: startMs })),
      ...events.flatMap((event) => signalledIn(event).map((given) => ({ event: given, atMs: timeOf(event) }))),
    ],
    registers: register ? [register, ...registers] : registers,
    givingUp: events.flatMap((event) => {
      const what = givingUpIn(event);
      return what ? [{ what, atMs: timeOf(event) }] : [];
    }),
    taskFailures: events.flatMap((event) => taskFailureIn(event)),
    exposed: findSecrets(textWithin(events)),
  };
}

function startPayload(events: readonly HistoryEvent[]): Payload | undefined {
  return events[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
}

function statusIn(event: HistoryEvent): string | undefined {
  const attributes =
    event.workflowExecutionStartedEventAttributes?.searchAttributes ??
    event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes;
  const value = readPayload(attributes?.indexedFields?.[eventStatusKey.name]);
  return typeof value === 'string' ? value : undefined;
}

function signalledIn({ workflowExecutionSignaledEventAttributes: signal }: HistoryEvent): SocialEvent[] {
  if (signal?.signalName !== edgeEventSignal.name) return [];
  const event = readEdgeEvent(readPayload(signal.input?.payloads?.[0]));
  return event ? [event] : [];
}

function registersIn(event: HistoryEvent): EdgeRegister[] {
  const payload =
    event.workflowPropertiesModifiedEventAttributes?.upsertedMemo?.fields?.[EDGE_MEMO] ??
    event.workflowExecutionCompletedEventAttributes?.result?.payloads?.[0];
  const register = payload && readEdgeState(readPayload(payload))?.register;
  return register ? [register] : [];
}

function givingUpIn(event: HistoryEvent): RunRecord['givingUp'][number]['what'] | undefined {
  if (event.workflowExecutionSignaledEventAttributes?.signalName === 'skip') return 'skip';
  if (event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.name === 'skip') return 'skip';
  if (event.workflowExecutionCancelRequestedEventAttributes) return 'cancel';
  const terminated = event.workflowExecutionTerminatedEventAttributes;
  return terminated && terminated.identity !== RESETTER ? 'terminate' : undefined;
}

/** The cause of a workflow task that failed by its code; none for any other event. */
export function taskFailureIn({ workflowTaskFailedEventAttributes: failed }: HistoryEvent): string[] {
  if (!failed) return [];
  const cause = String(WorkflowTaskFailedCause[failed.cause ?? 0]).replace('WORKFLOW_TASK_FAILED_CAUSE_', '');
  return HARMLESS.includes(cause) ? [] : [`${cause}: ${failed.failure?.message ?? ''}`];
}

function timeOf({ eventTime }: HistoryEvent): number {
  return Number(eventTime?.seconds ?? 0) * 1_000 + Math.floor((eventTime?.nanos ?? 0) / 1e6);
}
