import type { Logger } from 'pino';
import { deadLetterAttributes } from './dead-letter-message.ts';
import type { Rejection } from './rejection.ts';
import type { RetryGate } from './retry-gate.ts';
import type { QueueMessage, SqsQueue } from './sqs-queue.ts';

export interface DeadLettersOptions {
  readonly queue: SqsQueue;
  readonly gate: RetryGate;
  readonly logger: Logger;
}

/** Puts rejected messages into the dead-letter queue: the original bytes, with the reason as an attribute. */
export class DeadLetters {
  readonly #options: DeadLettersOptions;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /**
   * Tries until the message stands in the dead-letter queue. An answer that gets lost may put it there twice.
   *
   * @returns false when SQS can never take it there, too large mostly; it is left to the queue's redrive policy then
   * @throws only when the signal aborts
   */
  async put(message: QueueMessage, rejection: Rejection, signal: AbortSignal): Promise<boolean> {
    const { queue, gate, logger } = this.#options;
    const { messageId } = message;
    const facts = { messageId, deadLetterQueue: queue.name, reason: rejection.code };
    for (const original of [message.attributes, {}]) {
      const attributes = deadLetterAttributes(original, rejection, message.sentMicros);
      const refusal = await gate.persist(() => queue.send(message, attributes, signal), signal);
      if (refusal === undefined) {
        logger.warn(facts, 'rejected a message');
        return true;
      }
      logger.warn({ ...facts, refusal }, 'the dead-letter queue refused a message; trying without its own attributes');
    }
    logger.error(
      facts,
      'the dead-letter queue never takes this message; it is left to the redrive policy of its queue',
    );
    return false;
  }
}
