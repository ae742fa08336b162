import { isGrpcServiceError } from '@temporalio/client';
import type { OperatorReply, OperatorRequest } from '../contracts/events/event-workflow.ts';
import { EventClosedError, EventNotFoundError, EventUnansweredError } from './event-errors.ts';
import { Pacer } from './pacer.ts';

/**
 * Most requests at once. Events that do not answer hold theirs for the whole time-out (10 s) while the others go on: enough
 * for 10 of them a second.
 */
const MAX_IN_FLIGHT = 100;
/** After so many in a row that nobody answered for, it is looked whether anybody can. */
const MAX_UNANSWERED_IN_A_ROW = 20;

export type OperatorAction = 'retry' | 'skip';

export interface ReleaseOptions extends OperatorRequest {
  /** Condition in Temporal's list filter syntax, besides "is a parked event"; default: every parked event. */
  readonly query?: string;
  readonly action: OperatorAction;
  /** Most requests a second, above 0; GetStream's quotas are what it has to keep within. */
  readonly ratePerSecond: number;
  /** Stops sending; what is under way is waited for. Another run goes on with what is still parked. */
  readonly signal?: AbortSignal;
  /** Told after every event. */
  readonly onProgress?: (progress: ReleaseProgress) => void;
}

export interface ReleaseProgress {
  /** Events parked when the release began. */
  readonly found: number;
  /** Took the request. */
  readonly accepted: number;
  /** Were not parked any more, or another request came first. */
  readonly refused: number;
  /** Closed or deleted meanwhile. */
  readonly gone: number;
  /** Gave no answer in time; they may have taken the request all the same. */
  readonly unanswered: number;
}

/** An event that gave no answer, and why. */
export interface UnansweredEvent {
  readonly workflowId: string;
  readonly reason: string;
}

export interface ReleaseResult extends ReleaseProgress {
  /** The signal stopped it before every event was asked. */
  readonly interrupted: boolean;
  /** Each event that is counted as `unanswered`. */
  readonly unansweredEvents: readonly UnansweredEvent[];
}

/**
 * Nothing could be asked any more, so the release stopped: Temporal cannot be reached, or no worker polls. Another run goes
 * on with what is still parked.
 */
export class ReleaseBrokenOffError extends Error {
  override readonly name = 'ReleaseBrokenOffError';
  /** How far it came. */
  readonly progress: ReleaseResult;

  constructor(progress: ReleaseResult, { reason, cause }: { readonly reason: string; readonly cause: unknown }) {
    super(`the release stopped, as nothing gives an answer any more; the last one: ${reason}`, { cause });
    this.progress = progress;
  }
}

export interface ReleaseParts {
  readonly found: number;
  readonly workflowIds: AsyncIterable<string>;
  readonly request: (workflowId: string) => Promise<OperatorReply>;
  /** Whether a worker polls where this event's tasks wait; rejects or is false when there is no point in going on. */
  readonly hasWorker: (workflowId: string) => Promise<boolean>;
}

/**
 * Asks one event after the other at the given pace, and goes on past those that give no answer. Keeps no state of its own:
 * that an event was released shows in the event.
 *
 * @throws ReleaseBrokenOffError with the result so far, when 20 events in a row got no answer and none can come, or the
 *   listing fails
 */
export async function releasePaced(parts: ReleaseParts, options: ReleaseOptions): Promise<ReleaseResult> {
  const release = new Release(parts, options);
  await release.run();
  return release.result();
}

class Release {
  readonly #parts: ReleaseParts;
  readonly #options: ReleaseOptions;
  readonly #counts = { accepted: 0, refused: 0, gone: 0 };
  readonly #unanswered: UnansweredEvent[] = [];
  #interrupted = false;
  /** Requests in a row that nobody took. Failing workflow tasks tell of one event, not of the workers: they do not count. */
  #inARow = 0;
  #lastFailure: { readonly workflowId: string; readonly error: unknown } | undefined;

  constructor(parts: ReleaseParts, options: ReleaseOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  async run(): Promise<void> {
    const pacer = new Pacer(this.#options);
    const inFlight = new Set<Promise<void>>();
    let failure: { readonly cause: unknown } | undefined;
    try {
      for await (const workflowId of this.#parts.workflowIds) {
        while (inFlight.size >= MAX_IN_FLIGHT) await Promise.race(inFlight);
        await this.#requireAnswers();
        this.#interrupted = !(await pacer.turn());
        if (this.#interrupted) break;
        const asked = this.#ask(workflowId).finally(() => inFlight.delete(asked));
        inFlight.add(asked);
      }
    } catch (cause) {
      failure = { cause };
    }
    await Promise.all(inFlight);
    if (failure)
      throw new ReleaseBrokenOffError(this.result(), { ...failure, reason: unansweredReason(failure.cause) });
  }

  result(): ReleaseResult {
    return { ...this.#progress(), interrupted: this.#interrupted, unansweredEvents: [...this.#unanswered] };
  }

  #progress(): ReleaseProgress {
    return { found: this.#parts.found, ...this.#counts, unanswered: this.#unanswered.length };
  }

  async #ask(workflowId: string): Promise<void> {
    try {
      const { accepted } = await this.#parts.request(workflowId);
      this.#counts[accepted ? 'accepted' : 'refused']++;
      this.#inARow = 0;
    } catch (error) {
      this.#onFailure(workflowId, error);
    }
    this.#options.onProgress?.(this.#progress());
  }

  #onFailure(workflowId: string, error: unknown): void {
    if (error instanceof EventClosedError || error instanceof EventNotFoundError) {
      this.#counts.gone++;
      this.#inARow = 0;
      return;
    }
    this.#unanswered.push({ workflowId, reason: unansweredReason(error) });
    if (error instanceof EventUnansweredError && error.taskFailure !== undefined) return;
    this.#inARow++;
    this.#lastFailure = { workflowId, error };
  }

  /** @throws the last failure when nobody answers and nobody will */
  async #requireAnswers(): Promise<void> {
    if (this.#inARow < MAX_UNANSWERED_IN_A_ROW || this.#lastFailure === undefined) return;
    const { workflowId, error } = this.#lastFailure;
    const hasWorker = await this.#parts.hasWorker(workflowId).catch(() => false);
    if (!hasWorker) throw error;
    // Runs that no living worker may take, such as those pinned to an old build, must not end the release of the others.
    this.#inARow = 0;
  }
}

/** Why a request got no answer, in a few words. */
export function unansweredReason(error: unknown): string {
  if (error instanceof EventUnansweredError) return error.reason;
  const cause = error instanceof Error ? error.cause : undefined;
  // Without details: our own deadline passed before anything came from the server.
  if (isGrpcServiceError(cause)) return cause.details || 'no answer in time';
  return error instanceof Error ? error.message : String(error);
}
