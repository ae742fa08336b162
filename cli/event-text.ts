import type { EventInfo, EventInspection } from '../client/event-info.ts';
import type { TaskFailure } from '../client/run-facts.ts';
import type { EventView } from '../contracts/events/event-workflow.ts';
import { describeEvent } from '../contracts/events/social-event.ts';
import { shellWord } from './event-id.ts';
import { edgeFacts, formatMicros } from './edge-text.ts';
import { formatTable, formatTime } from './table.ts';

export function eventTable(events: readonly EventInfo[]): string[] {
  const rows = events.map((event) => [
    event.status ?? '-',
    event.failure ?? '-',
    event.kind ?? '-',
    event.actor ?? '-',
    formatTime(event.startedAt),
    // An event's own status may stay behind where no code could run.
    isOrdinary(event) ? event.workflowId : `${event.workflowId} (${event.execution})`,
  ]);
  return formatTable(['STATUS', 'FAILURE', 'KIND', 'ACTOR', 'STARTED', 'WORKFLOW'], rows);
}

function isOrdinary({ execution }: EventInfo): boolean {
  return execution === 'RUNNING' || execution === 'COMPLETED';
}

export function inspectionText(event: EventInspection): string[] {
  const facts: [string, string][] = [
    ['workflow', event.workflowId],
    ['run', event.runId],
    ['status', `${event.status ?? 'unknown'} (workflow ${event.execution.toLowerCase().replaceAll('_', ' ')})`],
    ...(event.ending === undefined ? [] : [['ending', event.ending] satisfies [string, string]]),
    ['started', formatTime(event.startedAt)],
    ['closed', formatTime(event.closedAt)],
    ['history', `${event.historyLength} events`],
    ...(event.view ? viewFacts(event.view) : descriptionFacts(event)),
    // Runs of older builds have no memo.
    ...edgeFacts(event.edge ?? { register: event.view?.register }),
    ...pendingFacts(event),
  ];
  return [...aligned(facts), ...(event.view ? audit(event.view) : silence(event)), ...advice(event)];
}

function viewFacts({ event, rounds, failure }: EventView): [string, string][] {
  const facts: [string, string][] = [
    ['event', describeEvent(event)],
    ['event time', formatMicros(event.eventTimeMicros)],
    ['rounds', String(rounds)],
  ];
  if (!failure) return facts;
  facts.push(['failure', `${failure.type}: ${failure.message}`], ['failed step', failure.step]);
  for (const step of failure.undone) facts.push(['undone', step]);
  if (failure.compensationFailure !== undefined) facts.push(['undoing failed', failure.compensationFailure]);
  return facts;
}

/** What stands in the search attributes and the summary, where the event itself does not answer. */
function descriptionFacts({ summary, kind, actor, failure }: EventInspection): [string, string][] {
  const named = { event: summary, kind, actor, failure };
  return Object.entries(named).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
}

function pendingFacts({ pendingActivities = [], taskFailure }: EventInspection): [string, string][] {
  const facts = pendingActivities.map(({ name, attempt, lastFailure }): [string, string] => [
    'waits for',
    `${name}, attempt ${attempt}${lastFailure === undefined ? '' : `: ${lastFailure}`}`,
  ]);
  if (taskFailure) facts.push(['task fails', `attempt ${taskFailure.attempt}: ${taskFailure.message}`]);
  return facts;
}

function silence({ unanswered, taskFailure }: EventInspection): string[] {
  return ['', taskFailure ? 'The event itself cannot answer.' : `The event itself gave no answer: ${unanswered ?? ''}`];
}

function audit({ audit }: EventView): string[] {
  if (audit.length === 0) return [];
  const lines = audit.map(({ at, action, accepted, by, reason }) =>
    [
      `  ${at}  ${action}${accepted ? '' : ' (not accepted)'}`,
      by === undefined ? '' : ` by ${by}`,
      reason === undefined ? '' : `: ${reason}`,
    ].join(''),
  );
  return ['', 'requests', ...lines];
}

function advice(event: EventInspection): string[] {
  const { status, execution, taskFailure } = event;
  const word = shellWord(event.workflowId);
  if (execution !== 'RUNNING') return closedAdvice(event);
  if (taskFailure) return taskAdvice(event, taskFailure);
  if (event.view === undefined)
    return ['', 'Is a worker running? GET /readyz of the workers tells. Nothing of the event is lost meanwhile.'];
  if (status !== 'parked') return [];
  return ['', `Decide: npm run cli -- events retry ${word} --by <you> --reason <why>   (or: skip)`];
}

function taskAdvice({ workflowId, kind }: EventInspection, { cause }: TaskFailure): string[] {
  const word = shellWord(workflowId);
  const isEdge = kind === 'reaction' || kind === 'follow';
  const lost = isEdge
    ? 'the edge forgets what was applied last, so that a late older event would be applied'
    : 'the event is gone unless it is published again';
  const replay = [
    'The workflow code does not fit its history: roll back to the build before, see docs/runbook.md,',
    '"Workflow tasks fail after a deploy". Nothing is lost meanwhile.',
  ];
  const timeout = ['A worker took the task and did not finish it: look at the workers first.'];
  const free = [
    'Until the task succeeds, no retry, skip, signal or cancellation is taken. To free it when a signal broke it:',
    `  temporal workflow reset --workflow-id ${word} --type LastWorkflowTask --reapply-exclude Signal --reason '<why>'`,
    `It writes again what its last good task wrote, with the same ids, and leaves out the signals since${isEdge ? ', later events of the edge among them' : ''}.`,
    `As a last resort (${lost}):`,
    `  temporal workflow delete --workflow-id ${word}`,
  ];
  return ['', ...(cause === 'replay' ? replay : cause === 'timeout' ? [...timeout, ...free] : free)];
}

/** A run that was ended from outside, or could not undo, keeps a status that says it waits. */
function closedAdvice({ status, execution }: EventInspection): string[] {
  if (execution === 'CONTINUED_AS_NEW' || (status !== 'pending' && status !== 'parked')) return [];
  return [
    '',
    'This run is closed: nobody can decide on it, and nothing was taken back. What to do: docs/runbook.md, "Terminated, reset',
    'and deleted events".',
  ];
}

function aligned(facts: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}
