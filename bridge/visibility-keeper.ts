import type { Logger } from 'pino';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Held, InHand } from './in-hand.ts';
import type { RetryGate } from './retry-gate.ts';
import type { QueueMessage, SqsQueue } from './sqs-queue.ts';

const BATCH = 10;

/** SQS has taken the message back: another delivery of it is or will be under way. */
export class LostVisibility extends Error {
  override readonly name = 'LostVisibility';
}

export interface VisibilityKeeperOptions {
  readonly queue: SqsQueue;
  readonly gate: RetryGate;
  readonly hand: InHand<QueueMessage>;
  readonly visibilityTimeoutSeconds: number;
  readonly logger: Logger;
}

/**
 * Extends the visibility of everything in hand, so that no message is delivered twice merely because its start takes long.
 * Due after a third of the time-out and looked at twice as often: two extensions may fail before a message is lost.
 */
export class VisibilityKeeper {
  readonly #options: VisibilityKeeperOptions;
  readonly #dueMs: number;

  constructor(options: VisibilityKeeperOptions) {
    this.#options = options;
    this.#dueMs = (options.visibilityTimeoutSeconds * 1000) / 3;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const due = this.#options.hand.due(performance.now(), this.#dueMs);
      // Not awaited: a request that hangs must not keep the other messages from being extended.
      for (let start = 0; start < due.length; start += BATCH)
        void this.#extend(due.slice(start, start + BATCH), signal);
      await sleep(this.#dueMs / 2, undefined, { signal }).catch(() => undefined);
    }
  }

  async #extend(batch: readonly Held<QueueMessage>[], signal: AbortSignal): Promise<void> {
    for (const held of batch) held.extending = true;
    try {
      await this.#options.gate.attempt(() => this.#request(batch, signal), signal);
    } catch {
      // The gate has told of it; the next round tries again.
    } finally {
      for (const held of batch) held.extending = false;
    }
  }

  async #request(batch: readonly Held<QueueMessage>[], signal: AbortSignal): Promise<void> {
    const { queue, hand, visibilityTimeoutSeconds, logger } = this.#options;
    const wanted = batch.filter((held) => hand.has(held));
    if (wanted.length === 0) return;
    const askedAtMs = performance.now();
    const messages = wanted.map(({ message }) => message);
    const failures = await queue.changeVisibility(messages, visibilityTimeoutSeconds, signal);
    for (const held of wanted) {
      const failure = failures.get(held.message);
      if (failure === undefined) held.visibleSinceMs = askedAtMs;
      // Deleted meanwhile, or about to be: there is nothing left to lose.
      else if (!hand.has(held) || held.decided) continue;
      else {
        const facts = { messageId: held.message.messageId, code: failure.code };
        logger.warn(
          facts,
          failure.final ? 'SQS has taken a message back' : 'visibility was not extended; trying again',
        );
        if (failure.final) held.abandoned.abort(new LostVisibility(failure.code));
      }
    }
  }
}
