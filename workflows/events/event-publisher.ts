import { metricMeter, setCurrentDetails, upsertMemo, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { EDGE_MEMO, type EdgeState, type EventLedgerState } from '../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES, type FailureType } from '../../contracts/events/failure-types.ts';
import { eventFailureKey, eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import { describeRetrying, describeState } from './event-details.ts';
import type { StepFailure } from './step-failure.ts';

const transitions = metricMeter.createCounter(
  'social_event_transitions_total',
  'transition',
  'Changes of EventStatus, by kind of event and new status',
);

const failures = metricMeter.createCounter(
  'social_event_failures_total',
  'failure',
  'First failures that are retried, and failures events are parked with, by kind of event and failure type',
);

/** Tells of a change of state: shows it, and counts it. */
export function publishState(state: EventLedgerState, note?: string): void {
  showState(state, note);
  const { kind } = state.event;
  const failure = shownFailure(state);
  if (state.status === 'parked' && failure) failures.add(1, { kind, type: failure });
  transitions.add(1, { kind, status: state.status });
}

/** Shows the state in the Web UI: search attributes for queries, current details for reading. */
export function showState(state: EventLedgerState, note?: string): void {
  const failure = shownFailure(state);
  const hadFailure = workflowInfo().typedSearchAttributes.get(eventFailureKey) !== undefined;
  upsertSearchAttributes([
    { key: eventStatusKey, value: state.status },
    ...(failure !== undefined || hadFailure ? [{ key: eventFailureKey, value: failure ?? null }] : []),
  ]);
  setCurrentDetails(describeState(state, note));
}

function shownFailure({ failure }: EventLedgerState): FailureType | undefined {
  return failure?.compensationFailure ? FAILURE_TYPES.compensationFailed : failure?.type;
}

/** Shows that a failed step is tried again. */
export function publishRetrying(kind: string, failure: StepFailure): void {
  upsertSearchAttributes([{ key: eventFailureKey, value: failure.type }]);
  setCurrentDetails(describeRetrying(failure));
  failures.add(1, { kind, type: failure.type });
}

/**
 * Keeps what the next run of the edge must know where it can be read without a worker, a query or a replay: a run that is
 * terminated, or does not replay after a deploy, must not stop its edge.
 */
export class EdgeMemo {
  /** A run that continues another one was given it with its start. */
  #written = JSON.stringify(workflowInfo().memo?.[EDGE_MEMO]) ?? '';

  write(state: EdgeState | undefined): void {
    const text = JSON.stringify(state);
    if (!state || text === this.#written) return;
    this.#written = text;
    upsertMemo({ [EDGE_MEMO]: state });
  }
}
