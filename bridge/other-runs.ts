import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EdgeState } from '../contracts/events/event-workflow.ts';
import { WORKFLOW_TYPES } from '../contracts/shared/names.ts';
import { eventActorKey, eventKindKey } from '../contracts/shared/search-attributes.ts';
import { mergeStates, readClosedRun } from './edge-runs.ts';

/** Later runs know what earlier ones knew; so many are read for those that were reset one after the other. */
const MOST_RUNS = 20;
/** Visibility is a moment behind [docs.temporal.io/visibility: eventually consistent]. */
const VISIBLE_WITHIN_MS = 2_000;
const LOOK_EVERY_MS = 100;

/**
 * What an edge's latest run knows, which is closed. One that was started by hand, or was ended from outside after a reset, may
 * not have asked what the others know: then all are read.
 */
export async function readEdge(client: Client, run: WorkflowExecutionDescription): Promise<EdgeState> {
  const isByHand = run.typedSearchAttributes.get(eventKindKey) === undefined;
  const isFirst = run.raw.workflowExecutionInfo?.firstRunId === run.runId;
  // Of the other ends a run's own code is the author: it asks before it closes.
  const isEndedFromOutside = run.status.name === 'TERMINATED' || run.status.name === 'TIMED_OUT';
  if (!isByHand && (isFirst || !isEndedFromOutside)) return readClosedRun(client, run);
  const others = await readOtherRuns(client, run.workflowId, run.runId);
  return run.type === WORKFLOW_TYPES.socialEvent ? mergeStates(others, await readClosedRun(client, run)) : others;
}

/**
 * The latest that any closed run of an edge knows but the one given, by the list of them that visibility keeps.
 *
 * @throws Error when visibility does not list the run given within 2 s
 */
export async function readOtherRuns(client: Client, workflowId: string, otherThanRunId: string): Promise<EdgeState> {
  const runs = await listRuns(client, workflowId, otherThanRunId);
  let known: EdgeState = {};
  for (const runId of runs.filter((other) => other !== otherThanRunId)) {
    const run = await client.workflow.getHandle(workflowId, runId).describe();
    // One that is open is this one's successor at most; what one that was continued knew, the next one got.
    if (run.status.name === 'RUNNING' || run.status.name === 'CONTINUED_AS_NEW') continue;
    known = mergeStates(known, await readClosedRun(client, run));
  }
  return known;
}

/** Latest first. The runs that began before this one are there once it is there itself. */
async function listRuns(client: Client, workflowId: string, ownRunId: string): Promise<string[]> {
  const query = await queryFor(client, workflowId, ownRunId);
  for (const deadline = performance.now() + VISIBLE_WITHIN_MS; ;) {
    const runIds: string[] = [];
    for await (const run of client.workflow.list({ query, pageSize: MOST_RUNS })) {
      if (run.workflowId === workflowId) runIds.push(run.runId);
      if (runIds.length >= MOST_RUNS) break;
    }
    // Of very many runs this one may not be among the latest: it is not waited for then.
    if (runIds.includes(ownRunId) || runIds.length >= MOST_RUNS) return runIds;
    if (performance.now() > deadline) throw new Error('visibility does not list this run yet');
    await sleep(LOOK_EVERY_MS);
  }
}

/**
 * Ids with quotation marks or backslashes cannot be asked for [server 1.29 with SQLite finds none, however they are escaped]:
 * those are looked for among the events of the same user whose ids begin alike.
 */
async function queryFor(client: Client, workflowId: string, ownRunId: string): Promise<string> {
  const [askable = ''] = /^[^"\\]*/.exec(workflowId) ?? [];
  const quoted = `'${askable.replaceAll("'", String.raw`\'`)}'`;
  if (askable === workflowId) return `WorkflowId = ${quoted}`;
  const own = await client.workflow.getHandle(workflowId, ownRunId).describe();
  const actor = own.typedSearchAttributes.get(eventActorKey);
  return `WorkflowId STARTS_WITH ${quoted}${actor === undefined ? '' : ` AND EventActor = '${actor}'`}`;
}
