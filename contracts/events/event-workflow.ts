import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { EdgeRegister } from './edge-order.ts';
import type { EventPolicy } from './event-policy.ts';
import type { FailureType } from './failure-types.ts';
import type { EventStatus } from '../shared/names.ts';
import type { EdgeEvent, SocialEvent } from './social-event.ts';
import { encodeIdComponent } from '../shared/id-component.ts';

/** Argument of the workflow `socialEvent`. */
/**
 * Told with the start, because a run can tell by nothing else, without two more events of history, which code it began with.
 */
export const EVENT_CODE_VERSION = 2;

export interface SocialEventInput {
  /** Version of the workflow's code that the bridge started the run for; bridges of the first version wrote none. */
  readonly version?: typeof EVENT_CODE_VERSION;
  readonly event: SocialEvent;
  /** What earlier runs of the same edge left; a run that carries it lingers before it closes. */
  readonly register?: EdgeRegister;
  /** Writes of earlier runs of the same edge that GetStream may still carry out. */
  readonly late?: LateWrites;
  /** Overrides of the default policy, fixed when the workflow starts. */
  readonly policy?: Partial<EventPolicy>;
  /** State of the run this one continues; set by the workflow itself on continue-as-new. */
  readonly carried?: EventLedgerState;
}

/** Writes that had no answer: GetStream may carry them out until `untilMs`. */
export interface LateWrites {
  /** Milliseconds since the Unix epoch. */
  readonly untilMs: number;
  /** When the attempts that made them began, milliseconds since the epoch. */
  readonly sinceMs?: number;
  /** The event that made them, by its `positionKey`; left out when they are of several, or not known. */
  readonly of?: string;
}

/** What is known of an edge beyond one run: in the memo `edge` of each run, and in the result of one that completes. */
export interface EdgeState {
  readonly register?: EdgeRegister;
  /** Latest event that was taken and not decided on. */
  readonly unsettled?: EdgeEvent;
  readonly late?: LateWrites;
}

/** Name of the memo field that holds the {@link EdgeState} of a run. */
export const EDGE_MEMO = 'edge';

/** Everything a run knows of its event; plain data, so that a continued run takes it over. */
export interface EventLedgerState {
  readonly event: SocialEvent;
  readonly status: EventStatus;
  readonly rounds: number;
  readonly audit: readonly AuditEntry[];
  readonly register?: EdgeRegister;
  readonly failure?: EventFailureView;
  /** Latest event of the edge that came after the current one and is not yet applied. */
  readonly newer?: EdgeEvent;
  /** A later event was applied while this one was parked. */
  readonly overtaken: boolean;
  /** An event that was parked when a later one came: acknowledged by an operator once that one is applied. */
  readonly waiting?: {
    readonly event: SocialEvent;
    readonly failure?: EventFailureView;
    readonly decision?: 'retry' | 'skip';
  };
  /** When the first attempt of the event began, milliseconds since the epoch: what is older on GetStream it did not make. */
  readonly beganMs?: number;
  /** The event's write was made, or may have been, and was not taken back. */
  readonly mayBeWritten?: boolean;
  readonly late?: LateWrites;
  /** How long earlier runs tried the event since its attempts began anew, milliseconds, without waits for the quota. */
  readonly spentMs?: number;
  /** Automatic retries made since the event was first parked. */
  readonly autoRetries?: number;
  /** When the wait for an operator began, milliseconds since the epoch. */
  readonly parkedMs?: number;
  /** An operator's decision that was accepted and not yet carried out. */
  readonly decision?: 'retry' | 'skip';
  /** It was given up, and what it wrote could not be taken back so far: only a `retry` that somebody asks for writes it again. */
  readonly givenUp?: boolean;
  /** Messages that made no sense and were ignored, latest last. */
  readonly ignored?: readonly string[];
}

/** Result of the workflow `socialEvent`; of an edge, its register is where the next run goes on from. */
export interface SocialEventResult {
  readonly status: EventStatus;
  readonly register?: EdgeRegister;
  readonly late?: LateWrites;
}

/** Workflow id of an event: one id for every delivery of a post or comment, one id for every event of an edge. */
export function eventWorkflowId(event: SocialEvent): string {
  switch (event.kind) {
    case 'activity':
      return `activity/${encodeIdComponent(event.foreignId)}`;
    case 'comment':
      return `comment/${encodeIdComponent(event.foreignId)}`;
    case 'reaction':
      return `reaction/${encodeIdComponent(event.edgeId)}`;
    case 'follow':
      return `follow/${encodeIdComponent(event.source)}/${encodeIdComponent(event.target)}`;
  }
}

/** Type of the workflow `socialEvent`, for handles. */
export type SocialEventWorkflow = (input: SocialEventInput) => Promise<SocialEventResult>;

/** Who asked for a retry or a skip, and why. All of it may be missing: the Web UI and batches send signals bare. */
export interface OperatorRequest {
  readonly by?: string;
  readonly reason?: string;
}

/** What became of an operator's request. */
export interface OperatorReply {
  readonly accepted: boolean;
  readonly status: EventStatus;
  readonly message: string;
  /** The event that is written again, or given up: of an edge, it is the one that was parked just then. */
  readonly event?: SocialEvent;
}

/** One operator's request, as it was decided. */
export interface AuditEntry extends OperatorRequest {
  readonly action: 'retry' | 'skip';
  readonly accepted: boolean;
  /** RFC 3339. */
  readonly at: string;
}

/** What went wrong last, and whether what the event had written was undone. */
export interface EventFailureView {
  readonly type: FailureType;
  readonly message: string;
  readonly step: string;
  /** Steps that were taken back after the failure. */
  readonly undone: readonly string[];
  /** Present when an undo failed as well. */
  readonly compensationFailure?: string;
}

/** Answer of the query `event`. */
export interface EventView {
  readonly status: EventStatus;
  readonly event: SocialEvent;
  readonly failure?: EventFailureView;
  /** How many times the event's plan was started, retries by operators included. */
  readonly rounds: number;
  readonly register?: EdgeRegister;
  readonly audit: readonly AuditEntry[];
}

export const retrySignal = defineSignal<[request?: OperatorRequest]>('retry');
export const skipSignal = defineSignal<[request?: OperatorRequest]>('skip');
// Without the `?`, which the client's types cannot take on an update; sent bare they work all the same.
export const retryUpdate = defineUpdate<OperatorReply, [request: OperatorRequest]>('retry');
export const skipUpdate = defineUpdate<OperatorReply, [request: OperatorRequest]>('skip');
export const eventQuery = defineQuery<EventView>('event');

/** Hands a further event of the same edge to the run that is open; sent by the bridge. */
export const edgeEventSignal = defineSignal<[event: EdgeEvent]>('edgeEvent');
