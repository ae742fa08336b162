import { randomUUID } from 'node:crypto';
import { WithStartWorkflowOperation, WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../contracts/shared/names.ts';
import type { SessionPolicy } from '../contracts/sessions/session-limits.ts';
import {
  acquireUpdate,
  evictUpdate,
  heartbeatSignal,
  releaseSignal,
  SESSIONS_VIEW,
  switchContentUpdate,
  viewUpdate,
  type AcquireRequest,
  type EvictReply,
  type EvictRequest,
  type Release,
  type SessionsView,
  type StreamSessionsInput,
  type StreamSessionsWorkflow,
  streamSessionsWorkflowId,
} from '../contracts/sessions/stream-sessions.ts';
import { NOT_RUNNING, SessionCalls } from './session-calls.ts';
import {
  RequestMismatchError,
  SessionsUnavailableError,
  StreamEndedError,
  StreamIdTakenError,
  StreamLimitReachedError,
} from './session-errors.ts';
import { timeLeft, type StreamView } from '../contracts/sessions/session-stream.ts';
import { holdStream } from './session-hold.ts';
import type {
  AcquireOptions,
  BeatAnswer,
  ContentSwitched,
  Granted,
  SessionsClient,
  HeldStream,
  HoldOptions,
} from './sessions-client.ts';

export type { AcquireOptions, BeatAnswer, ContentSwitched, Granted, SessionsClient } from './sessions-client.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
/** After this, a task whose worker died goes to another one; a task of an account takes milliseconds. */
const TASK_TIMEOUT_MS = 3_000;

export interface SessionsClientOptions {
  readonly client: Client;
  /** Parsed by `parseSessionPolicy`; a function is asked at each acquire, so that a new version holds at once. */
  readonly policy: SessionPolicy | (() => SessionPolicy);
  /** Longest time of one call, retries included, milliseconds; default 10,000. */
  readonly timeoutMs?: number;
  /** Task queue of the sessions workers; default `stream-sessions`. */
  readonly taskQueue?: string;
  /** Given to accounts that start: see `StreamSessionsInput`. For tests. */
  readonly continueAfterMessages?: number;
}

/** Sessions directly on Temporal. */
export function createSessionsClient(options: SessionsClientOptions): SessionsClient {
  return new TemporalSessionsClient(options);
}

const NO_STREAMS: SessionsView = { active: [], ended: [], slots: 0 };

class TemporalSessionsClient implements SessionsClient {
  readonly #client: Client;
  readonly #options: SessionsClientOptions;
  readonly #calls: SessionCalls;

  constructor(options: SessionsClientOptions) {
    this.#client = options.client;
    this.#options = options;
    this.#calls = new SessionCalls(options.client, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  }

  async acquire(userId: string, options: AcquireOptions): Promise<Granted> {
    // Chosen before the first try: a retry after a lost answer must be the same stream.
    const request = { ...options, streamId: options.streamId ?? randomUUID() };
    const { policy } = this.#options;
    const args: [AcquireRequest, SessionPolicy] = [request, typeof policy === 'function' ? policy() : policy];
    const reply = await this.#calls.run(userId, 'acquire', () =>
      this.#client.workflow.executeUpdateWithStart(acquireUpdate, {
        args,
        startWorkflowOperation: this.#startOperation(userId),
      }),
    );
    if (reply === NOT_RUNNING) throw new SessionsUnavailableError('acquire');
    switch (reply.outcome) {
      case 'granted':
        return reply;
      case 'refused':
        throw new StreamLimitReachedError(reply.violation, reply.conflicts);
      case 'ended':
        throw new StreamEndedError(reply.streamId, reply.end);
      case 'idTaken':
        throw new StreamIdTakenError(reply.message);
      case 'otherRequest':
        throw new RequestMismatchError(reply.message);
    }
  }

  async heartbeat(userId: string, streamIds: string | readonly string[]): Promise<readonly BeatAnswer[]> {
    const ids = typeof streamIds === 'string' ? [streamIds] : streamIds;
    const beats = ids.map((streamId) => ({ streamId }));
    const sent = await this.#calls.run(userId, 'heartbeat', () => this.#handle(userId).signal(heartbeatSignal, beats));
    // Answered after the signals that came before it, and without a trace in the history.
    const view = sent === NOT_RUNNING ? NO_STREAMS : await this.list(userId);
    return ids.map((streamId) => answerOf(streamId, view));
  }

  async release(userId: string, release: string | Release | readonly Release[]): Promise<void> {
    const releases = typeof release === 'string' ? [{ streamId: release }] : [release].flat();
    const sent = await this.#calls.run(userId, 'release', () => this.#handle(userId).signal(releaseSignal, releases));
    if (sent !== NOT_RUNNING || releases.every(({ lost }) => lost === true)) return;
    // The acquire it overtook may be the one that starts the account.
    await this.#calls.run(userId, 'release', () =>
      this.#client.workflow.signalWithStart(WORKFLOW_TYPES.streamSessions, {
        ...this.#startOptions(userId),
        signal: releaseSignal,
        signalArgs: [releases],
      }),
    );
  }

  async list(userId: string): Promise<SessionsView> {
    const view = await this.#calls.run(userId, 'list', () => this.#askForView(userId));
    return view === NOT_RUNNING ? NO_STREAMS : view;
  }

  async evict(userId: string, request: EvictRequest): Promise<EvictReply> {
    const reply = await this.#calls.run(userId, 'evict', () =>
      this.#handle(userId).executeUpdate(evictUpdate, { args: [request] }),
    );
    if (reply !== NOT_RUNNING) return reply;
    return { evicted: [], notActive: (request.streamIds ?? []).map((streamId) => ({ streamId })) };
  }

  async switchContent(userId: string, streamId: string, contentId: string): Promise<ContentSwitched> {
    const reply = await this.#calls.run(userId, 'switch of content', () =>
      this.#handle(userId).executeUpdate(switchContentUpdate, { args: [{ streamId, contentId }] }),
    );
    if (reply === NOT_RUNNING) throw new StreamEndedError(streamId, { reason: 'unknown' });
    switch (reply.outcome) {
      case 'switched': {
        const { stream, expiresInMs, evicted } = reply;
        return { stream, expiresInMs, evicted };
      }
      case 'refused':
        throw new StreamLimitReachedError(reply.violation, reply.conflicts);
      case 'ended':
        throw new StreamEndedError(streamId, reply.end ?? { reason: 'unknown' });
      case 'idTaken':
        throw new StreamIdTakenError(reply.message);
    }
  }

  async hold(
    userId: string,
    request: AcquireOptions,
    options: HoldOptions<StreamView> = {},
  ): Promise<HeldStream<StreamView>> {
    return holdStream(this, { userId, request, granted: await this.acquire(userId, request), options });
  }

  async #askForView(userId: string): Promise<SessionsView> {
    try {
      return await this.#handle(userId).executeUpdate(viewUpdate);
    } catch (error) {
      const view = viewIn(error);
      if (view) return view;
      throw error;
    }
  }

  #handle(userId: string) {
    return this.#client.workflow.getHandle<StreamSessionsWorkflow>(streamSessionsWorkflowId(userId));
  }

  /** Good for one call only, says the SDK. */
  #startOperation(userId: string): WithStartWorkflowOperation<StreamSessionsWorkflow> {
    return new WithStartWorkflowOperation<StreamSessionsWorkflow>(WORKFLOW_TYPES.streamSessions, {
      ...this.#startOptions(userId),
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
  }

  #startOptions(userId: string) {
    const { taskQueue = TASK_QUEUES.streamSessions, continueAfterMessages } = this.#options;
    const input: StreamSessionsInput = continueAfterMessages === undefined ? {} : { continueAfterMessages };
    const args: [StreamSessionsInput] = [input];
    return {
      workflowId: streamSessionsWorkflowId(userId),
      taskQueue,
      args,
      workflowTaskTimeout: TASK_TIMEOUT_MS,
      staticSummary: 'streams of one account',
    };
  }
}

/** The refusal that is the answer. */
function viewIn(error: unknown): SessionsView | undefined {
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  if (!(cause instanceof ApplicationFailure) || cause.type !== SESSIONS_VIEW) return undefined;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the account fails with this type
  return cause.details?.[0] as SessionsView | undefined;
}

function answerOf(streamId: string, { at, active, ended }: SessionsView): BeatAnswer {
  const stream = active.find((other) => other.streamId === streamId);
  if (!stream) {
    const end = ended.find((other) => other.streamId === streamId)?.end ?? { reason: 'unknown' };
    return { streamId, alive: false, end };
  }
  return { streamId, alive: true, expiresInMs: timeLeft(stream, at), stream };
}
