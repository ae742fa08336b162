import type { Logger } from 'pino';
import { Alarm } from './alarm.ts';
import type { Receipt } from './held-messages.ts';
import { BATCH, type LakeQueue } from './lake-queue.ts';
import type { Outage } from './outage.ts';

/** Codes of a receipt that is worth nothing any more. */
const STALE = /(ReceiptHandleIsInvalid|InvalidParameterValue|MessageNotInflight)(Exception)?$/;

export function isStale(code: string): boolean {
  return STALE.test(code);
}

export interface DeletionsOptions {
  readonly queue: LakeQueue;
  readonly outage: Outage;
  readonly logger: Logger;
  /** Ends all efforts; what is not deleted then is delivered again. */
  readonly ending: AbortSignal;
}

/** Deletes messages whose records are durable, in batches, until SQS has done it. */
export class Deletions {
  readonly #options: DeletionsOptions;
  readonly #alarm = new Alarm();
  #receipts: Receipt[] = [];
  #finishing = false;

  constructor(options: DeletionsOptions) {
    this.#options = options;
    options.ending.addEventListener('abort', () => this.#alarm.ring(), { once: true });
  }

  add(receipts: Iterable<Receipt>): void {
    this.#receipts.push(...receipts);
    this.#alarm.ring();
  }

  /** Nothing more will be added: {@link run} ends when all is deleted. */
  finish(): void {
    this.#finishing = true;
    this.#alarm.ring();
  }

  async run(): Promise<void> {
    const { ending, logger } = this.#options;
    while (!ending.aborted) {
      if (this.#receipts.length > 0) await this.#deleteBatch();
      else if (this.#finishing) return;
      else await this.#alarm.sleep();
    }
    const left = this.#receipts.length;
    if (left > 0) logger.warn({ messages: left }, 'stopped before stored messages were deleted; they come again');
  }

  async #deleteBatch(): Promise<void> {
    const { queue, outage, ending, logger } = this.#options;
    const batch = this.#receipts.splice(0, BATCH);
    try {
      const failures = await queue.delete(batch, ending);
      const again = batch.filter((receipt) => failures.has(receipt) && !isStale(failures.get(receipt) ?? ''));
      this.#receipts.push(...again);
      if (failures.size > 0) logger.warn({ codes: [...new Set(failures.values())] }, 'SQS did not delete messages');
      if (again.length > 0) await this.#pause(1_000);
    } catch (error) {
      this.#receipts.push(...batch);
      if (!ending.aborted) await this.#pause(outage.failed(error));
      return;
    }
    outage.succeeded();
  }

  async #pause(ms: number): Promise<void> {
    const untilMs = performance.now() + ms;
    while (performance.now() < untilMs && !this.#options.ending.aborted) {
      await this.#alarm.sleep(untilMs - performance.now());
    }
  }
}
