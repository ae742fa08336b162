import type { Logger } from 'pino';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SocialEvent } from '../contracts/social-event.ts';
import { abortable, type Bell } from './abortable.ts';
import { backoffMs, type BackoffSchedule } from '../contracts/backoff.ts';
import type { EventStarter, StartOutcome } from './event-starter.ts';
import type { Held } from './in-hand.ts';
import type { QueueTally } from './queue-tally.ts';
import type { QueueMessage } from './sqs-queue.ts';
import type { StartPause } from './start-pause.ts';

const START_BACKOFF: BackoffSchedule = { initialMs: 250, maximumMs: 10_000 };

export interface PatientStarterOptions {
  readonly starter: EventStarter;
  readonly pause: StartPause;
  readonly tally: QueueTally;
  readonly logger: Logger;
  /** Rung when the pause may have changed. */
  readonly changed: Bell;
}

/** Tries to start an event until it is durable, and pauses the queue's receiving while starts fail. */
export class PatientStarter {
  readonly #options: PatientStarterOptions;

  constructor(options: PatientStarterOptions) {
    this.#options = options;
  }

  /** @throws only when the message is abandoned */
  async start(held: Held<QueueMessage>, event: SocialEvent): Promise<StartOutcome> {
    const { starter, pause, logger, changed } = this.#options;
    const { signal } = held.abandoned;
    for (let failures = 1; ; failures += 1) {
      signal.throwIfAborted();
      try {
        // A starter that does not heed the signal must not hold up the shutdown.
        const outcome = await abortable(starter.start(event, signal), signal);
        if (pause.succeeded()) logger.info('starts succeed again; receiving resumes');
        changed.ring();
        return outcome;
      } catch (error) {
        signal.throwIfAborted();
        this.#failed(held, error);
      }
      await sleep(backoffMs(START_BACKOFF, failures), undefined, { signal });
    }
  }

  #failed(held: Held<QueueMessage>, error: unknown): void {
    const { pause, tally, logger, changed } = this.#options;
    tally.startFailed();
    const facts = { messageId: held.message.messageId, err: error };
    // One warning for an outage, not one for each attempt of each message.
    if (pause.failed(held, performance.now()))
      logger.warn(facts, 'a start failed; receiving pauses until one succeeds');
    else logger.debug(facts, 'a start failed again');
    changed.ring();
  }
}
