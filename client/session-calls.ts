import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcServiceError, WorkflowNotFoundError, WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { isSessionId, SESSION_ID_FORM } from '../contracts/sessions/session-stream.ts';
import { INVALID_SESSION_MESSAGE, streamSessionsWorkflowId } from '../contracts/sessions/stream-sessions.ts';
import { InvalidSessionRequestError, SessionsUnavailableError } from './session-errors.ts';
import { Turns } from './turns.ts';

/** The server takes 10 updates in flight on one workflow and refuses more [server 1.29]; others may call as well. */
const MAX_IN_FLIGHT = 5;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;
/** Codes of gRPC [grpc.io: status codes] with which the same call is refused again. */
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const UNAUTHENTICATED = 16;
const FINAL_CODES: readonly number[] = [INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, UNAUTHENTICATED];

/** Marks an account whose workflow is not running: it has no streams. */
export const NOT_RUNNING = Symbol('not running');

/**
 * Calls on accounts, bounded in number and time. Every message to an account is idempotent, so whatever fails without an
 * answer is sent again until the time is over.
 */
export class SessionCalls {
  readonly #client: Client;
  readonly #timeoutMs: number;
  /** Of each account with calls under way. */
  readonly #accounts = new Map<string, Turns>();

  constructor(client: Client, timeoutMs: number) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * @returns the answer, or {@link NOT_RUNNING}
   * @throws InvalidSessionRequestError, SessionsUnavailableError
   */
  async run<Answer>(account: string, what: string, call: () => Promise<Answer>): Promise<Answer | typeof NOT_RUNNING> {
    if (!isSessionId(account)) throw new InvalidSessionRequestError(`the user id must be ${SESSION_ID_FORM}`);
    const deadline = Date.now() + this.#timeoutMs;
    const turns = this.#accounts.get(account) ?? new Turns(MAX_IN_FLIGHT);
    this.#accounts.set(account, turns);
    try {
      return await turns.take(() => this.#untilAnswered(account, deadline, what, call));
    } finally {
      // Those of calls that came since may stand in their place.
      if (turns.idle && this.#accounts.get(account) === turns) this.#accounts.delete(account);
    }
  }

  async #untilAnswered<Answer>(
    account: string,
    deadline: number,
    what: string,
    call: () => Promise<Answer>,
  ): Promise<Answer | typeof NOT_RUNNING> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        return await this.#client.withDeadline(deadline, call);
      } catch (cause) {
        // A run that is just continuing as new may be reported missing as well.
        if (cause instanceof WorkflowNotFoundError && !(await this.#isRunning(account))) return NOT_RUNNING;
        const refused = refusalIn(cause);
        if (refused) throw new InvalidSessionRequestError(refused.message, { cause });
        // Half to one and a half of the pause, so that callers that were refused together do not come back together.
        const waitMs = pauseMs * (0.5 + Math.random());
        if (isFinal(cause) || Date.now() + waitMs >= deadline) throw new SessionsUnavailableError(what, { cause });
        await sleep(waitMs);
      }
    }
  }

  async #isRunning(account: string): Promise<boolean> {
    try {
      const { status } = await this.#client.workflow.getHandle(streamSessionsWorkflowId(account)).describe();
      return status.name === 'RUNNING';
    } catch (error) {
      // Without an answer nothing can be said; the call is sent again.
      return !(error instanceof WorkflowNotFoundError);
    }
  }
}

function refusalIn(error: unknown): ApplicationFailure | undefined {
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === INVALID_SESSION_MESSAGE ? cause : undefined;
}

function isFinal(error: unknown): boolean {
  const cause = isGrpcServiceError(error) ? error : error instanceof Error ? error.cause : undefined;
  return isGrpcServiceError(cause) && FINAL_CODES.includes(cause.code);
}
