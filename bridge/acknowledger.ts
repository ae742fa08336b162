import type { Logger } from 'pino';
import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from './abortable.ts';
import { backoffMs, type BackoffSchedule } from '../contracts/shared/backoff.ts';
import { Batcher } from './batcher.ts';
import type { RetryGate } from './retry-gate.ts';
import type { EntryFailure } from '../contracts/shared/sqs-batch.ts';
import type { QueueMessage, SqsQueue } from './sqs-queue.ts';

const ENTRY_BACKOFF: BackoffSchedule = { initialMs: 500, maximumMs: 10_000 };

export interface AcknowledgerOptions {
  readonly queue: SqsQueue;
  readonly gate: RetryGate;
  readonly logger: Logger;
  /** Ends all efforts. */
  readonly signal: AbortSignal;
}

/** Deletes messages in batches, each entry until it is deleted or can never be. */
export class Acknowledger {
  readonly #logger: Logger;
  readonly #signal: AbortSignal;
  readonly #deletes: Batcher<QueueMessage, EntryFailure>;

  constructor({ queue, gate, logger, signal }: AcknowledgerOptions) {
    this.#logger = logger;
    this.#signal = signal;
    this.#deletes = new Batcher({
      flush: (messages) => gate.persist(() => queue.delete(messages, signal), signal),
    });
  }

  /** Resolves also when the message could not be deleted: SQS then delivers it again, and its event is known already. */
  async acknowledge(message: QueueMessage): Promise<void> {
    try {
      for (let attempt = 1; ; attempt += 1) {
        const failure = await abortable(this.#deletes.add(message), this.#signal);
        if (failure === undefined) return;
        const facts = { messageId: message.messageId, code: failure.code, attempt };
        if (failure.final) {
          this.#logger.warn(
            facts,
            'SQS refused to delete a message; it may be delivered again and is deduplicated then',
          );
          return;
        }
        this.#logger.info(facts, 'SQS did not delete a message; trying again');
        await sleep(backoffMs(ENTRY_BACKOFF, attempt), undefined, { signal: this.#signal });
      }
    } catch (error) {
      if (!this.#signal.aborted) throw error;
      const facts = { messageId: message.messageId };
      this.#logger.warn(facts, 'stopped before a message was deleted; it is delivered again and deduplicated then');
    }
  }
}
