import type { Logger } from 'pino';
import { setTimeout as sleep } from 'node:timers/promises';
import { isStale } from './deletions.ts';
import type { HeldMessage, HeldMessages, Receipt } from './held-messages.ts';
import { BATCH, type LakeQueue } from './lake-queue.ts';
import type { LakeTally } from './lake-tally.ts';

export interface VisibilityOptions {
  readonly queue: LakeQueue;
  readonly held: HeldMessages;
  readonly visibilitySeconds: number;
  readonly tally: LakeTally;
  readonly logger: Logger;
}

/** Keeps what is gathered from being delivered again: extends it after a third of its time, so that two attempts may fail. */
export class Visibility {
  readonly #options: VisibilityOptions;
  readonly #timeoutMs: number;

  constructor(options: VisibilityOptions) {
    this.#options = options;
    this.#timeoutMs = options.visibilitySeconds * 1_000;
  }

  /** Runs until the signal aborts. */
  async run(ending: AbortSignal): Promise<void> {
    while (!ending.aborted) {
      await sleep(this.#timeoutMs / 6, undefined, { signal: ending }).catch(() => undefined);
      const nowMs = performance.now();
      const held = this.#options.held.all();
      const due = held.filter(({ visibleSinceMs }) => nowMs - visibleSinceMs >= this.#timeoutMs / 3);
      const receipts = due.flatMap((message) => receiptsOf(message).map((receipt) => ({ ...receipt, message })));
      for (let start = 0; start < receipts.length; start += BATCH) {
        if (!(await this.#extend(receipts.slice(start, start + BATCH), ending))) break;
      }
    }
  }

  /** True when SQS has certainly taken the message back, because nothing could be extended for so long. */
  hasExpired(message: HeldMessage): boolean {
    return performance.now() - message.visibleSinceMs >= this.#timeoutMs;
  }

  /** @returns false when SQS does not answer; all that is due is asked for again at the next look */
  async #extend(
    batch: readonly (Receipt & { readonly message: HeldMessage })[],
    ending: AbortSignal,
  ): Promise<boolean> {
    const { queue, logger } = this.#options;
    const askedAtMs = performance.now();
    try {
      const failures = await queue.extend(batch, ending);
      for (const receipt of batch) {
        const code = failures.get(receipt);
        if (code === undefined) receipt.message.visibleSinceMs = askedAtMs;
        else if (isStale(code)) this.#taken(receipt, code);
      }
      return true;
    } catch (err) {
      if (!ending.aborted) logger.warn({ err }, 'visibility of access records was not extended; trying again');
      return false;
    }
  }

  #taken({ message, messageId, receiptHandle }: Receipt & { readonly message: HeldMessage }, code: string): void {
    const { held, tally, logger } = this.#options;
    // Stored meanwhile, or delivered anew under another receipt: there is nothing to lose.
    if (held.find(message.digest) !== message || message.receipts.get(messageId) !== receiptHandle) return;
    logger.warn({ messageId, code }, 'SQS has taken a message of access records back');
    message.receipts.delete(messageId);
    if (message.receipts.size > 0) return;
    held.lose(message);
    tally.settled('returned');
  }
}

export function receiptsOf({ receipts }: HeldMessage): Receipt[] {
  return [...receipts].map(([messageId, receiptHandle]) => ({ messageId, receiptHandle }));
}
