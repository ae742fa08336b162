import {
  isGrpcServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type Client,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import {
  eventQuery,
  retryUpdate,
  skipUpdate,
  type OperatorReply,
  type OperatorRequest,
} from '../contracts/event-workflow.ts';
import { WORKFLOW_TYPES, type EventStatus } from '../contracts/names.ts';
import { EventClosedError, EventNotFoundError, EventUnansweredError, InvalidEventQueryError } from './event-errors.ts';
import { toEventInfo, type EventInfo, type EventInspection } from './event-info.ts';
import { eventQueryOf } from './event-query.ts';
import { releasePaced, type OperatorAction, type ReleaseOptions, type ReleaseResult } from './release.ts';

const DEFAULT_ANSWER_TIMEOUT_MS = 10_000;
const DEFAULT_LIST_LIMIT = 100;
/** Codes of gRPC [grpc.io: status codes]. */
const INVALID_ARGUMENT = 3;

export interface EventsClientOptions {
  readonly client: Client;
  /** How long a worker has for a query or an update, milliseconds; default 10,000. */
  readonly answerTimeoutMs?: number;
}

/** Selects events: a condition in Temporal's list filter syntax, and the `EventStatus` they must have. */
export interface EventSelection {
  readonly query?: string;
  readonly status?: EventStatus;
}

/** Inspects events and decides on parked ones, from services and tools. Touches no workflow that is not an event. */
export interface EventsClient {
  /**
   * What an event is and how far it is; works on closed ones as long as they are retained. Without a worker, all but
   * the view.
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
   * Retries or skips all parked events of a query, paced.
   *
   * @throws InvalidEventQueryError
   * @throws ReleaseBrokenOffError with the progress so far, when 5 events in a row give no answer
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
    const facts = { ...toEventInfo(description), historyLength: description.historyLength };
    try {
      // Of this very run: a later one of the same edge may have begun since.
      const handle = this.#client.workflow.getHandle(workflowId, description.runId);
      return { ...facts, view: await this.#withinTimeout(() => handle.query(eventQuery)) };
    } catch (error) {
      return { ...facts, unanswered: describeFailure(error) };
    }
  }

  retry(workflowId: string, request: OperatorRequest = {}): Promise<OperatorReply> {
    return this.#decide('retry', workflowId, request);
  }

  skip(workflowId: string, request: OperatorRequest = {}): Promise<OperatorReply> {
    return this.#decide('skip', workflowId, request);
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

  async #decide(action: OperatorAction, workflowId: string, request: OperatorRequest): Promise<OperatorReply> {
    const update = action === 'retry' ? retryUpdate : skipUpdate;
    const handle = this.#client.workflow.getHandle(workflowId);
    try {
      return await this.#withinTimeout(() => handle.executeUpdate(update, { args: [request] }));
    } catch (cause) {
      if (cause instanceof WorkflowUpdateRPCTimeoutOrCancelledError)
        throw new EventUnansweredError(workflowId, { cause });
      // An update that a closing workflow took along fails as well: the description tells which it was.
      if (!(cause instanceof WorkflowNotFoundError) && !(cause instanceof WorkflowUpdateFailedError)) throw cause;
      const { execution, status } = toEventInfo(await this.#describe(workflowId));
      if (execution === 'RUNNING') throw new EventUnansweredError(workflowId, { cause });
      throw new EventClosedError(workflowId, status, { cause });
    }
  }

  async #describe(workflowId: string): Promise<WorkflowExecutionDescription> {
    try {
      const description = await this.#client.workflow.getHandle(workflowId).describe();
      if (description.type === WORKFLOW_TYPES.socialEvent) return description;
    } catch (cause) {
      if (cause instanceof WorkflowNotFoundError) throw new EventNotFoundError(workflowId, { cause });
      throw cause;
    }
    throw new EventNotFoundError(workflowId);
  }

  #withinTimeout<Result>(call: () => Promise<Result>): Promise<Result> {
    return this.#client.withDeadline(Date.now() + this.#answerTimeoutMs, call);
  }
}

/** The server's own words on a query it refuses. */
async function explainingQuery<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const code: number | undefined = isGrpcServiceError(cause) ? cause.code : undefined;
    if (!isGrpcServiceError(cause) || code !== INVALID_ARGUMENT) throw error;
    throw new InvalidEventQueryError(`Temporal refuses the query: ${cause.details}`, { cause: error });
  }
}

function describeFailure(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  // Without details: our own deadline passed before anything came from the server.
  if (isGrpcServiceError(cause)) return cause.details || 'no worker answered in time';
  return error instanceof Error ? error.message : String(error);
}
