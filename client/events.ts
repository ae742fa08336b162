import {
  isGrpcServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type Client,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import proto from '@temporalio/proto';
import {
  eventQuery,
  retryUpdate,
  skipUpdate,
  type OperatorReply,
  type OperatorRequest,
} from '../contracts/events/event-workflow.ts';
import { WORKFLOW_TYPES, type EventStatus } from '../contracts/shared/names.ts';
import { EventClosedError, EventNotFoundError, EventUnansweredError, InvalidEventQueryError } from './event-errors.ts';
import { toEventInfo, type EventInfo, type EventInspection } from './event-info.ts';
import { eventQueryOf } from './event-query.ts';
import {
  releasePaced,
  unansweredReason,
  type OperatorAction,
  type ReleaseOptions,
  type ReleaseResult,
} from './release.ts';
import { readRunFacts, readTaskFailure } from './run-facts.ts';

const DEFAULT_ANSWER_TIMEOUT_MS = 10_000;
const DEFAULT_LIST_LIMIT = 100;
/** A worker asks for tasks anew at least every minute, even when there are none. */
const POLLER_SEEN_WITHIN_MS = 90_000;
/** Codes of gRPC [grpc.io: status codes]. */
const INVALID_ARGUMENT = 3;
/** Temporal refuses an update with one of these when workflow tasks of the run fail, or too many updates wait for a worker. */
const UNANSWERED_CODES: readonly number[] = [8, 9];

export interface EventsClientOptions {
  readonly client: Client;
  /** How long a worker has for a query or an update, milliseconds; default 10,000. */
  readonly answerTimeoutMs?: number;
}

/** Selects events: a condition in Temporal's list filter syntax, and the `EventStatus` they must have. */
export interface EventSelection {
  readonly query?: string;
  /** `pending` and `parked` find open runs only: one that was terminated keeps its status, and waits for nobody. */
  readonly status?: EventStatus;
}

/** Inspects events and decides on parked ones, from services and tools. Touches no workflow that is not an event. */
export interface EventsClient {
  /**
   * What an event is and how far it is; works on closed ones as long as they are retained. All but the view also when it
   * cannot answer: without a worker, or while its workflow task fails.
   *
   * @throws EventNotFoundError
   */
  inspect(workflowId: string): Promise<EventInspection>;
  /**
   * Has a parked event written again. An event that is not parked refuses; so does one another request came first to.
   *
   * @throws EventNotFoundError, EventClosedError, EventUnansweredError
   */
  retry(workflowId: string, request?: OperatorRequest): Promise<OperatorReply>;
  /** Gives a parked event up; what may be left of it is taken back. Refuses and throws as {@link retry} does. */
  skip(workflowId: string, request?: OperatorRequest): Promise<OperatorReply>;
  /**
   * @param limit default 100
   * @throws InvalidEventQueryError
   */
  list(selection?: EventSelection, limit?: number): Promise<readonly EventInfo[]>;
  /** @throws InvalidEventQueryError */
  count(selection?: EventSelection): Promise<number>;
  /**
   * Retries or skips all parked events of a query, paced. Goes on past events that give no answer, and names them.
   *
   * @throws InvalidEventQueryError
   * @throws ReleaseBrokenOffError with the result so far, when nothing can answer: no worker polls, or Temporal is down
   */
  release(options: ReleaseOptions): Promise<ReleaseResult>;
}

export function createEventsClient(options: EventsClientOptions): EventsClient {
  return new TemporalEventsClient(options);
}

class TemporalEventsClient implements EventsClient {
  readonly #client: Client;
  readonly #answerTimeoutMs: number;

  constructor({ client, answerTimeoutMs = DEFAULT_ANSWER_TIMEOUT_MS }: EventsClientOptions) {
    this.#client = client;
    this.#answerTimeoutMs = answerTimeoutMs;
  }

  async inspect(workflowId: string): Promise<EventInspection> {
    const description = await this.#describe(workflowId);
    const facts = {
      ...toEventInfo(description),
      historyLength: description.historyLength,
      ...(await readRunFacts(this.#client, description)),
    };
    // The query of such a run waits for its time-out only to fail.
    if (facts.taskFailure?.cause === 'replay' || facts.taskFailure?.cause === 'other') {
      const { reason } = new EventUnansweredError(workflowId, { taskFailure: facts.taskFailure });
      return { ...facts, unanswered: reason };
    }
    try {
      // Of this very run: a later one of the same edge may have begun since.
      const handle = this.#client.workflow.getHandle(workflowId, description.runId);
      return { ...facts, view: await this.#withinTimeout(() => handle.query(eventQuery)) };
    } catch (error) {
      return { ...facts, unanswered: unansweredReason(error) };
    }
  }

  retry(workflowId: string, request: OperatorRequest = {}): Promise<OperatorReply> {
    return this.#decideOnEvent('retry', workflowId, request);
  }

  skip(workflowId: string, request: OperatorRequest = {}): Promise<OperatorReply> {
    return this.#decideOnEvent('skip', workflowId, request);
  }

  async list({ query, status }: EventSelection = {}, limit = DEFAULT_LIST_LIMIT): Promise<readonly EventInfo[]> {
    const events: EventInfo[] = [];
    if (limit <= 0) return events;
    const listing = this.#client.workflow.list({
      query: eventQueryOf(query, status),
      pageSize: Math.min(limit, 1_000),
    });
    await explainingQuery(async () => {
      for await (const info of listing) {
        events.push(toEventInfo(info));
        if (events.length >= limit) return;
      }
    });
    return events;
  }

  async count({ query, status }: EventSelection = {}): Promise<number> {
    return (await explainingQuery(() => this.#client.workflow.count(eventQueryOf(query, status)))).count;
  }

  async release(options: ReleaseOptions): Promise<ReleaseResult> {
    const selection = { status: 'parked', ...(options.query === undefined ? {} : { query: options.query }) } as const;
    const found = await this.count(selection);
    const { action, by, reason } = options;
    const request = { ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { reason }) };
    return releasePaced(
      {
        found,
        workflowIds: this.#parkedIds(eventQueryOf(options.query, 'parked')),
        request: (workflowId) => this.#decide(action, workflowId, request),
        hasWorker: (workflowId) => this.#hasWorker(workflowId),
      },
      options,
    );
  }

  async *#parkedIds(query: string): AsyncIterable<string> {
    // A page may bring an event again that changed while the pages were read.
    const seen = new Set<string>();
    for await (const { workflowId } of this.#client.workflow.list({ query })) {
      if (seen.has(workflowId)) continue;
      seen.add(workflowId);
      yield workflowId;
    }
  }

  /** For ids from outside: nothing is sent to a workflow that is no event. */
  async #decideOnEvent(action: OperatorAction, workflowId: string, request: OperatorRequest): Promise<OperatorReply> {
    const { execution, status } = toEventInfo(await this.#describe(workflowId));
    if (execution !== 'RUNNING') throw new EventClosedError(workflowId, status, { execution });
    return this.#decide(action, workflowId, request);
  }

  async #decide(action: OperatorAction, workflowId: string, request: OperatorRequest): Promise<OperatorReply> {
    const update = action === 'retry' ? retryUpdate : skipUpdate;
    const handle = this.#client.workflow.getHandle(workflowId);
    try {
      return await this.#withinTimeout(() => handle.executeUpdate(update, { args: [request] }));
    } catch (cause) {
      if (!mayBeOfTheRun(cause)) throw cause;
      // Closed, failing or without a worker: only the description tells.
      const description = await this.#withinTimeout(() => this.#describe(workflowId));
      const { execution, status } = toEventInfo(description);
      if (execution !== 'RUNNING') throw new EventClosedError(workflowId, status, { execution, cause });
      const taskFailure = await readTaskFailure(this.#client, description);
      throw new EventUnansweredError(workflowId, { cause, ...(taskFailure === undefined ? {} : { taskFailure }) });
    }
  }

  async #hasWorker(workflowId: string): Promise<boolean> {
    const { taskQueue } = await this.#withinTimeout(() => this.#describe(workflowId));
    const { pollers } = await this.#withinTimeout(() =>
      this.#client.workflowService.describeTaskQueue({
        namespace: this.#client.options.namespace,
        taskQueue: { name: taskQueue },
        taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
      }),
    );
    const seenSince = Date.now() - POLLER_SEEN_WITHIN_MS;
    return (pollers ?? []).some(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1_000 >= seenSince);
  }

  async #describe(workflowId: string): Promise<WorkflowExecutionDescription> {
    let description: WorkflowExecutionDescription;
    try {
      description = await this.#client.workflow.getHandle(workflowId).describe();
    } catch (cause) {
      // Invalid: longer than any workflow id may be.
      if (cause instanceof WorkflowNotFoundError || grpcCodeOf(cause) === INVALID_ARGUMENT) {
        throw new EventNotFoundError(workflowId, { cause });
      }
      throw cause;
    }
    const { type } = description;
    if (type !== WORKFLOW_TYPES.socialEvent) throw new EventNotFoundError(workflowId, { workflowType: type });
    return description;
  }

  #withinTimeout<Result>(call: () => Promise<Result>): Promise<Result> {
    return this.#client.withDeadline(Date.now() + this.#answerTimeoutMs, call);
  }
}

/** A failed update that says something of the run it was for, and not of Temporal. */
function mayBeOfTheRun(error: unknown): boolean {
  return (
    error instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
    error instanceof WorkflowNotFoundError ||
    // Among others: the run closed before it took the update.
    error instanceof WorkflowUpdateFailedError ||
    UNANSWERED_CODES.includes(grpcCodeOf(error) ?? -1)
  );
}

/** The server's own words on a query it refuses. */
async function explainingQuery<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (!isGrpcServiceError(cause) || grpcCodeOf(error) !== INVALID_ARGUMENT) throw error;
    throw new InvalidEventQueryError(`Temporal refuses the query: ${cause.details}`, { cause: error });
  }
}

function grpcCodeOf(error: unknown): number | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return isGrpcServiceError(cause) ? cause.code : undefined;
}
