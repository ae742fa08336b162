import type { EventInfo, EventInspection } from '../client/event-info.ts';
import type { EventView } from '../contracts/event-workflow.ts';
import { describeEvent } from '../contracts/social-event.ts';
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
    ['status', `${event.status ?? 'unknown'} (workflow ${event.execution.toLowerCase()})`],
    ['started', formatTime(event.startedAt)],
    ['closed', formatTime(event.closedAt)],
    ['history', `${event.historyLength} events`],
  ];
  if (event.view) return [...aligned([...facts, ...viewFacts(event.view)]), ...audit(event.view), ...advice(event)];
  return [...aligned(facts), '', `The event itself gave no answer: ${event.unanswered ?? ''}`];
}

function viewFacts({ event, rounds, failure }: EventView): [string, string][] {
  const facts: [string, string][] = [
    ['event', describeEvent(event)],
    ['event time', formatTime(new Date(event.eventTimeMicros / 1_000))],
    ['rounds', String(rounds)],
  ];
  if (!failure) return facts;
  facts.push(['failure', `${failure.type}: ${failure.message}`], ['failed step', failure.step]);
  for (const step of failure.undone) facts.push(['undone', step]);
  if (failure.compensationFailure !== undefined) facts.push(['undoing failed', failure.compensationFailure]);
  return facts;
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

function advice({ status, workflowId }: EventInspection): string[] {
  if (status !== 'parked') return [];
  return ['', `Decide: npm run cli -- events retry ${shellWord(workflowId)} --by <you> --reason <why>   (or: skip)`];
}

/** Quoted where a shell would take it apart. */
function shellWord(word: string): string {
  return /^[\w%+,./:=@-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function aligned(facts: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}
