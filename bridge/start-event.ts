import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import { edgePosition, isLater, type EdgeRegister } from '../contracts/edge-order.ts';
import { DEFAULT_EVENT_POLICY, type EventPolicy } from '../contracts/event-policy.ts';
import {
  edgeEventSignal,
  eventQuery,
  type SocialEventInput,
  type SocialEventWorkflow,
} from '../contracts/event-workflow.ts';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../contracts/names.ts';
import { eventActorKey, eventKindKey, eventStatusKey } from '../contracts/search-attributes.ts';
import { actorOf, describeEvent, isEdgeEvent, type EdgeEvent, type SocialEvent } from '../contracts/social-event.ts';
import { boundedSummary } from '../contracts/summary.ts';
import { eventWorkflowId } from '../contracts/workflow-ids.ts';
import type { EventStarter, StartOutcome } from './event-starter.ts';

/** How often an edge that closes and opens under our hands is read again before the message is left for later. */
const MAX_EDGE_READS = 10;
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
  /** Told of a post whose ForeignID is known, but with other content: it is not applied. */
  readonly onIgnoredEdit?: (event: SocialEvent) => void;
}

/**
 * Starts one workflow for each event. A second start of a known id is refused by Temporal as long as the namespace keeps
 * the closed run; an edge then hands its event to the open run, or goes on from the closed run's register.
 */
export function createTemporalStarter(options: TemporalStarterOptions): EventStarter {
  const starter = new TemporalStarter(options);
  return { start: (event) => starter.start(event) };
}

class TemporalStarter {
  readonly #client: Client;
  readonly #options: TemporalStarterOptions;
  readonly #resumeWindowMs: number;

  constructor(options: TemporalStarterOptions) {
    this.#client = options.client;
    this.#options = options;
    // A resumed run must be started while any run that another bridge resumed from the same register still lingers.
    this.#resumeWindowMs = (options.policy?.resumedLingerMs ?? DEFAULT_EVENT_POLICY.resumedLingerMs) / 2;
  }

  async start(event: SocialEvent): Promise<StartOutcome> {
    for (let reads = 0; reads < MAX_EDGE_READS; reads++) {
      if (await this.#tryStart(event, undefined, Date.now() + START_DEADLINE_MS)) return 'started';
      if (!isEdgeEvent(event)) return 'deduplicated';
      const outcome = await this.#handToEdge(event);
      if (outcome) return outcome;
    }
    throw new Error(`${eventWorkflowId(event)} kept changing while it was read; the event is tried again later`);
  }

  /** Hands the event to the edge's existing run; undefined when that run changed meanwhile. */
  async #handToEdge(event: EdgeEvent): Promise<StartOutcome | undefined> {
    const readAt = Date.now();
    try {
      const existing = await this.#client.workflow.getHandle(eventWorkflowId(event)).describe();
      if (existing.status.name === 'RUNNING') {
        await this.#client.workflow.getHandle(existing.workflowId, existing.runId).signal(edgeEventSignal, event);
        return 'joined';
      }
      if (existing.status.name === 'CONTINUED_AS_NEW') return undefined;
      const register = await this.#registerOf(existing);
      if (!isLater(edgePosition(event), register)) return 'deduplicated';
      return (await this.#tryStart(event, register ?? NEVER_APPLIED, readAt + this.#resumeWindowMs))
        ? 'started'
        : undefined;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  /** @returns false when Temporal refuses because the id is taken */
  async #tryStart(event: SocialEvent, register: EdgeRegister | undefined, deadlineMs: number): Promise<boolean> {
    const input: SocialEventInput = {
      event,
      ...(register ? { register } : {}),
      ...(this.#options.policy ? { policy: this.#options.policy } : {}),
    };
    const client = register ? (this.#options.resumeClient ?? this.#client) : this.#client;
    try {
      await client.withDeadline(deadlineMs, () =>
        client.workflow.start(WORKFLOW_TYPES.socialEvent, {
          workflowId: eventWorkflowId(event),
          taskQueue: this.#options.taskQueue ?? TASK_QUEUES.socialEvents,
          args: [input],
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

  async #registerOf(closed: WorkflowExecutionDescription): Promise<EdgeRegister | undefined> {
    const handle = this.#client.workflow.getHandle<SocialEventWorkflow>(closed.workflowId, closed.runId, {
      followRuns: false,
    });
    if (closed.status.name === 'COMPLETED' || closed.status.name === 'FAILED') {
      try {
        return (await handle.result()).register;
      } catch (error) {
        if (!(error instanceof WorkflowFailedError)) throw error;
        const details = error.cause instanceof ApplicationFailure ? error.cause.details?.[0] : undefined;
        const result = failedResultSchema.safeParse(details);
        if (result.success) return result.data.register;
      }
    }
    // Cancelled, terminated or timed out: no result says where the edge stands, but its history does.
    return (await handle.query(eventQuery)).register;
  }
}

/** A workflow that gave up leaves its result in the details of its failure. */
const failedResultSchema = z.object({
  register: z.object({ eventTimeMicros: z.number(), present: z.boolean(), tieBreak: z.string() }),
});

/** Marks a run as resumed although nothing was applied before it: it must linger all the same. */
const NEVER_APPLIED: EdgeRegister = { eventTimeMicros: -1, present: false, tieBreak: '' };
