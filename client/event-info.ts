import type { WorkflowExecutionInfo } from '@temporalio/client';
import type { EventView } from '../contracts/events/event-workflow.ts';
import type { RunFacts } from './run-facts.ts';
import { eventActorKey, eventFailureKey, eventKindKey, eventStatusKey } from '../contracts/shared/search-attributes.ts';

/** An event as visibility lists it; some hundred milliseconds behind the event itself. */
export interface EventInfo {
  readonly workflowId: string;
  readonly runId: string;
  /** Status of the workflow in Temporal: `RUNNING`, `COMPLETED`, `FAILED`, `CANCELLED`, ... */
  readonly execution: string;
  /** `EventStatus`, and the other search attributes of the contracts, where set. */
  readonly status?: string;
  readonly kind?: string;
  readonly actor?: string;
  readonly failure?: string;
  readonly startedAt: Date;
  readonly closedAt?: Date;
}

/** An event with everything it knows of itself, and what Temporal knows of its run. */
export interface EventInspection extends EventInfo, RunFacts {
  /** Events in the workflow's history. */
  readonly historyLength: number;
  /** Answer of the query `event`; left out when no worker answered. */
  readonly view?: EventView;
  /** Why there is no view. */
  readonly unanswered?: string;
}

/** What a listing and a description of a workflow have in common. */
type Execution = Pick<
  WorkflowExecutionInfo,
  'workflowId' | 'runId' | 'status' | 'typedSearchAttributes' | 'startTime'
> & {
  readonly closeTime?: Date | undefined;
};

export function toEventInfo(info: Execution): EventInfo {
  const attributes = info.typedSearchAttributes;
  const found = {
    status: attributes.get(eventStatusKey),
    kind: attributes.get(eventKindKey),
    actor: attributes.get(eventActorKey),
    failure: attributes.get(eventFailureKey),
  };
  return {
    workflowId: info.workflowId,
    runId: info.runId,
    execution: info.status.name,
    ...(found.status === undefined ? {} : { status: found.status }),
    ...(found.kind === undefined ? {} : { kind: found.kind }),
    ...(found.actor === undefined ? {} : { actor: found.actor }),
    ...(found.failure === undefined ? {} : { failure: found.failure }),
    startedAt: info.startTime,
    ...(info.closeTime === undefined ? {} : { closedAt: info.closeTime }),
  };
}
