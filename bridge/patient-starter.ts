import type { Logger } from 'pino';
import type { SocialEvent } from '../contracts/events/social-event.ts';
import { abortable, TimeLimit, type Bell } from './abortable.ts';
import { backoffMs, type BackoffSchedule } from '../contracts/shared/backoff.ts';
import type { EventStarter, StartOutcome } from './event-starter.ts';
import type { Held, InHand } from './in-hand.ts';
import type { QueueTally } from './queue-tally.ts';
import type { Rejection } from './rejection.ts';
import type { QueueMessage } from './sqs-queue.ts';
import { describeFailure } from './start-failure.ts';
import type { StartGuard } from './start-guard.ts';

const START_BACKOFF: BackoffSchedule = { initialMs: 500, maximumMs: 10_000 };
/** An attempt without an answer in this time has failed. */
const ATTEMPT_TIMEOUT_MS = 20_000;

export interface PatientStarterOptions {
  readonly starter: EventStarter;
  readonly guard: StartGuard;
  readonly hand: InHand<QueueMessage>;
  readonly tally: QueueTally;
  readonly logger: Logger;
  /** Rung when a slot may be free. */
  readonly changed: Bell;
  /** Aborts when nothing is to be tried again. */
  readonly stopping: AbortSignal;
}

/** What became of a message's attempts: its event is durable, or they were all it gets. */
export type Attempted = { readonly outcome: StartOutcome } | { readonly rejection: Rejection };

/** Tries to start an event until it is durable, or has failed for a reason of its own as often as is bearable. */
export class PatientStarter {
  readonly #options: PatientStarterOptions;

  constructor(options: PatientStarterOptions) {
    this.#options = options;
  }

  /** @throws only when the message is abandoned, which it is by this when it failed and the bridge stops */
  async start(held: Held<QueueMessage>, event: SocialEvent): Promise<Attempted> {
    const { guard, stopping } = this.#options;
    const { signal } = held.abandoned;
    const begunMs = performance.now();
    let ownFailures = 0;
    for (let attempts = 1; ; attempts += 1) {
      signal.throwIfAborted();
      try {
        const outcome = await this.#attempt(event, signal);
        guard.succeeded(held.message);
        return { outcome };
      } catch (error) {
        signal.throwIfAborted();
        const { scope, giveUp } = this.#failed(held, error);
        if (giveUp) return { rejection: rejectionOf(error, attempts, performance.now() - begunMs) };
        // Only these: after an outage what is held is to start soon.
        if (scope === 'message') ownFailures += 1;
      }
      try {
        await guard.turn(backoffMs(START_BACKOFF, Math.max(1, ownFailures)), AbortSignal.any([signal, stopping]));
      } catch (error) {
        // Another bridge may start it sooner than this one ends.
        held.abandoned.abort(stopping.reason);
        throw error;
      }
    }
  }

  async #attempt(event: SocialEvent, signal: AbortSignal): Promise<StartOutcome> {
    const limit = new TimeLimit(ATTEMPT_TIMEOUT_MS, `no answer to a start within ${ATTEMPT_TIMEOUT_MS / 1_000} s`);
    const either = AbortSignal.any([signal, limit.signal]);
    try {
      const started = this.#options.starter.start(event, either, (wait) => limit.suspendFor(wait));
      // A starter that does not heed its signal must hold up neither the shutdown nor its slot.
      return await abortable(started, either);
    } finally {
      limit.clear();
    }
  }

  #failed(held: Held<QueueMessage>, err: unknown) {
    const { guard, hand, tally, logger, changed } = this.#options;
    const verdict = guard.failed(held.message, err, hand.crowded);
    tally.startFailed(verdict.scope);
    logger.debug({ messageId: held.message.messageId, scope: verdict.scope, err }, 'a start failed');
    if (guard.mayStandAside(held.message)) hand.setAside(held);
    changed.ring();
    return verdict;
  }
}

function rejectionOf(error: unknown, attempts: number, tookMs: number): Rejection {
  const efforts = `${attempts} attempts to start it failed within ${Math.ceil(tookMs / 1_000)} s`;
  return { code: 'StartFailed', sentence: `${efforts}, the last with: ${describeFailure(error)}` };
}
