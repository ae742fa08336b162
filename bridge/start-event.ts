import { randomUUID } from 'node:crypto';
import {
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type Client,
} from '@temporalio/client';
import { edgePosition, isLater, NOTHING_APPLIED, positionKey, standingOf } from '../contracts/events/edge-order.ts';
import { DEFAULT_EVENT_POLICY, type EventPolicy } from '../contracts/events/event-policy.ts';
import {
  edgeEventSignal,
  EVENT_CODE_VERSION,
  type EdgeState,
  type LateWrites,
  type SocialEventInput,
  eventWorkflowId,
} from '../contracts/events/event-workflow.ts';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../contracts/shared/names.ts';
import { eventActorKey, eventKindKey, eventStatusKey } from '../contracts/shared/search-attributes.ts';
import {
  actorOf,
  describeEvent,
  isEdgeEvent,
  type EdgeEvent,
  type SocialEvent,
} from '../contracts/events/social-event.ts';
import { boundedSummary } from '../contracts/shared/summary.ts';
import { CongestionWindow } from './congestion-window.ts';
import { readStartInput } from './edge-runs.ts';
import { StartRefusedError, type EventStarter, type StartOutcome, type Waiting } from './event-starter.ts';
import { readEdge } from './other-runs.ts';

/** How often an edge that closes and opens under our hands is read again before the message is left for later. */
const MAX_EDGE_READS = 10;
/** How many starts that go on from a closed run may come too late in a row before that counts as a failure of Temporal. */
const MAX_LATE_RESUMES = 3;
/** Hand-overs to edges under way at once, where Temporal keeps up. */
const MOST_EDGES_AT_ONCE = 50;
/** Code of gRPC [grpc.io: status codes]. */
const DEADLINE_EXCEEDED = 4;
/** Longest wait for Temporal to accept a start, milliseconds. */
const START_DEADLINE_MS = 10_000;

export interface TemporalStarterOptions {
  readonly client: Client;
  /**
   * Makes the starts that go on from a closed run; its retries must end with the deadline of the call, as those of a
   * `Connection` do. A `NativeConnection` gives each of its retries the whole time anew [sdk-core `client/src/retry.rs`],
   * so that such a start could be carried out after another run came and went, and write a stale event. Default `client`.
   */
  readonly resumeClient?: Client;
  /** Task queue of the event workers; default `social-events`. */
  readonly taskQueue?: string;
  /** Overrides of the event policy, given to every workflow at its start. */
  readonly policy?: Partial<EventPolicy>;
  /** Asks Temporal to hand the first task to a worker on the client's own connection; default true, harmless without one. */
  readonly eagerStart?: boolean;
  /** Told of a post or comment whose `ForeignID` is known with another content: it is not written. Costs a read for each duplicate. */
  readonly onIgnoredEdit?: (event: SocialEvent) => void;
}

/**
 * Starts one workflow for each event. A second start of a known id is refused by Temporal as long as the namespace keeps
 * the closed run; an edge then hands its event to the open run, or goes on from the closed run's register.
 */
export function createTemporalStarter(options: TemporalStarterOptions): EventStarter {
  const starter = new TemporalStarter(options);
  return {
    start: (event, signal, waiting) => starter.start(event, signal, waiting),
    probe: () => starter.probe(),
  };
}

class TemporalStarter {
  readonly #client: Client;
  readonly #options: TemporalStarterOptions;
  readonly #resumeWindowMs: number;
  /**
   * Each hand-over is several calls, the last of which must come within the window. More of them at once than Temporal answers in
   * that time would all come too late, be begun again, and keep it from answering for ever.
   */
  readonly #handing = new CongestionWindow({ most: MOST_EDGES_AT_ONCE });

  constructor(options: TemporalStarterOptions) {
    this.#client = options.client;
    this.#options = options;
    // A resumed run must be started while any run that another bridge resumed from the same register still lingers.
    this.#resumeWindowMs = (options.policy?.resumedLingerMs ?? DEFAULT_EVENT_POLICY.resumedLingerMs) / 2;
  }

  async start(event: SocialEvent, signal: AbortSignal, waiting: Waiting = (wait) => wait): Promise<StartOutcome> {
    let isKnown = false;
    for (let changes = 0, lateResumes = 0; changes < MAX_EDGE_READS;) {
      if (!isKnown && (await this.#tryStart({ event }, Date.now() + START_DEADLINE_MS))) return 'started';
      if (!isEdgeEvent(event)) return await this.#deduplicate(event);
      const place = await waiting(this.#handing.enter(signal));
      try {
        const outcome = await this.#handToEdge(event);
        place.leave(false);
        if (outcome) return outcome;
        isKnown = false;
        changes++;
      } catch (error) {
        place.leave(!(error instanceof StartRefusedError));
        // The window for it was short on purpose: what was read may be out of date, so the edge is read again.
        if (!(error instanceof LateResumeError)) throw error;
        isKnown = true;
        // With others under way it says no more than that they were too many, which is mended by now.
        if (place.size === 1) lateResumes++;
        if (lateResumes >= MAX_LATE_RESUMES) throw error.cause;
      }
    }
    throw new StartRefusedError(`${eventWorkflowId(event)} kept changing while it was read`);
  }

  /** Reaches what starts need: the frontend, the history service and its store. */
  async probe(): Promise<void> {
    try {
      await this.#client.workflow.getHandle(`probe/${randomUUID()}`).describe();
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }

  async #deduplicate(event: SocialEvent): Promise<StartOutcome> {
    const { onIgnoredEdit } = this.#options;
    if (onIgnoredEdit) {
      const first = await readStartInput(this.#client, { workflowId: eventWorkflowId(event) });
      if (first && contentOf(first.event) !== contentOf(event)) onIgnoredEdit(event);
    }
    return 'deduplicated';
  }

  /** Hands the event to the edge's existing run; undefined when that run changed meanwhile. */
  async #handToEdge(event: EdgeEvent): Promise<StartOutcome | undefined> {
    const readAt = Date.now();
    try {
      const existing = await this.#client.workflow.getHandle(eventWorkflowId(event)).describe();
      if (existing.status.name === 'RUNNING') {
        if (existing.type !== WORKFLOW_TYPES.socialEvent)
          throw new StartRefusedError(`${existing.workflowId} is taken by a workflow of the type ${existing.type}`);
        await this.#client.workflow.getHandle(existing.workflowId, existing.runId).signal(edgeEventSignal, event);
        return 'joined';
      }
      if (existing.status.name === 'CONTINUED_AS_NEW') return undefined;
      const state = await readEdge(this.#client, existing);
      const next = nextEventOf(event, state);
      if (!next) return 'deduplicated';
      const { register = NOTHING_APPLIED } = state;
      const late = openWrites(state);
      const input = { event: next, register, ...(late ? { late } : {}) };
      return (await this.#tryResume(input, readAt + this.#resumeWindowMs)) ? 'started' : undefined;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  /** @throws LateResumeError */
  async #tryResume(input: SocialEventInput, deadlineMs: number): Promise<boolean> {
    try {
      return await this.#tryStart(input, deadlineMs);
    } catch (error) {
      const cause = error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error;
      const code: number | undefined = isGrpcServiceError(cause) ? cause.code : undefined;
      throw code === DEADLINE_EXCEEDED ? new LateResumeError('the edge may have changed', { cause: error }) : error;
    }
  }

  /** @returns false when Temporal refuses because the id is taken */
  async #tryStart(input: SocialEventInput, deadlineMs: number): Promise<boolean> {
    const { event, register } = input;
    const { policy } = this.#options;
    const client = register ? (this.#options.resumeClient ?? this.#client) : this.#client;
    try {
      await client.withDeadline(deadlineMs, () =>
        client.workflow.start(WORKFLOW_TYPES.socialEvent, {
          workflowId: eventWorkflowId(event),
          taskQueue: this.#options.taskQueue ?? TASK_QUEUES.socialEvents,
          args: [{ version: EVENT_CODE_VERSION, ...input, ...(policy ? { policy } : {}) }],
          workflowIdReusePolicy: register ? 'ALLOW_DUPLICATE' : 'REJECT_DUPLICATE',
          workflowIdConflictPolicy: 'FAIL',
          requestEagerStart: client === this.#client && (this.#options.eagerStart ?? true),
          staticSummary: boundedSummary(describeEvent(event)),
          typedSearchAttributes: [
            { key: eventKindKey, value: event.kind },
            { key: eventStatusKey, value: 'pending' },
            { key: eventActorKey, value: actorOf(event) },
          ],
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
      throw error;
    }
  }
}

/** A start that goes on from a closed run was not done within its window. */
class LateResumeError extends Error {
  override readonly name = 'LateResumeError';
}

/**
 * What the next run of an edge begins with: the latest of the event and what was left undecided. An event that changes nothing
 * still has a run look after what one that was terminated may have left on GetStream. Undefined when there is nothing to do.
 */
function nextEventOf(event: EdgeEvent, state: EdgeState): EdgeEvent | undefined {
  const { register, unsettled, late } = state;
  const isRepeated = event.eventId !== undefined && register?.eventIds?.includes(event.eventId) === true;
  const isLatest = isLater(edgePosition(event), register);
  if (isLatest && !isRepeated)
    return unsettled && !isLater(edgePosition(event), edgePosition(unsettled)) ? unsettled : event;
  return unsettled ?? (late && !isOfStanding(state) && !isLatest ? event : undefined);
}

/** Clocks of bridges and of Temporal may stand apart by this much, milliseconds. */
const CLOCK_TOLERANCE_MS = 10_000;

/** Writes that the next run must look after: not those of the event that stands, once their time is over. */
function openWrites(state: EdgeState): LateWrites | undefined {
  const { late } = state;
  return late && isOfStanding(state) && late.untilMs + CLOCK_TOLERANCE_MS < Date.now() ? undefined : late;
}

function isOfStanding({ register, late }: EdgeState): boolean {
  const standing = standingOf(register);
  return standing !== undefined && late?.of === positionKey(standing);
}

/** What an event writes, without when it happened. */
function contentOf(event: SocialEvent): string {
  const { eventTimeMicros: _time, sentMicros: _sent, eventId: _id, ...content } = event;
  return JSON.stringify(Object.entries(content).toSorted(([left], [right]) => left.localeCompare(right)));
}
