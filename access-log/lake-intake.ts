import type { Logger } from 'pino';
import type { Alarm } from './alarm.ts';
import { partitionRows, UnreadableMessage, type PartitionRows } from './access-rows.ts';
import type { Deletions } from './deletions.ts';
import type { HeldMessages } from './held-messages.ts';
import { digestOf } from './lake-object.ts';
import type { LakeMessage, LakeQueue } from './lake-queue.ts';
import type { LakeStore } from './lake-store.ts';
import type { LakeTally } from './lake-tally.ts';
import type { Outage } from './outage.ts';

export interface LakeIntakeOptions {
  readonly queue: LakeQueue;
  readonly held: HeldMessages;
  readonly store: LakeStore;
  readonly deletions: Deletions;
  readonly outage: Outage;
  readonly tally: LakeTally;
  readonly logger: Logger;
  readonly longPollSeconds: number;
  /** Rung when memory has become free, and at the stop. */
  readonly alarm: Alarm;
  /** Ends burials under way; the messages stay in the queue then. */
  readonly ending: AbortSignal;
}

/** Receives messages while there is memory for them, and sorts them: to be stored, known already, or unreadable. */
export class LakeIntake {
  readonly #options: LakeIntakeOptions;
  readonly #burials = new Set<Promise<void>>();

  constructor(options: LakeIntakeOptions) {
    this.#options = options;
  }

  /** Messages on their way to the dead-letter queue. */
  get burying(): number {
    return this.#burials.size;
  }

  /** Runs until the signal aborts. */
  async run(stopping: AbortSignal): Promise<void> {
    const { store, alarm, outage } = this.#options;
    while (!stopping.aborted) {
      if (store.full) {
        await alarm.sleep();
        continue;
      }
      try {
        await this.#receive(stopping);
        outage.succeeded();
      } catch (error) {
        const untilMs = performance.now() + (stopping.aborted ? 0 : outage.failed(error));
        while (performance.now() < untilMs && !stopping.aborted) await alarm.sleep(untilMs - performance.now());
      }
    }
  }

  /** Resolves when the burials under way are over. */
  async settled(): Promise<void> {
    await Promise.all(this.#burials);
  }

  async #receive(stopping: AbortSignal): Promise<void> {
    const { queue, longPollSeconds, outage } = this.#options;
    // A probe is answered at once, so that the end of an outage is known at once.
    const messages = await queue.receive(outage.ongoing ? 0 : longPollSeconds, stopping);
    for (const message of messages) this.#take(message);
  }

  #take(message: LakeMessage): void {
    const { held, deletions, tally, store } = this.#options;
    const nowMs = performance.now();
    tally.received();
    const digest = digestOf(message.body);
    const known = held.find(digest);
    if (known) {
      if (known.receipts.has(message.messageId)) known.visibleSinceMs = nowMs;
      known.receipts.set(message.messageId, message.receiptHandle);
      tally.settled('duplicates');
    } else if (held.wasStored(digest)) {
      deletions.add([message]);
      tally.settled('duplicates');
    } else {
      const rows = this.#read(message);
      if (rows) store.add(held.hold(digest, message, rows.size, nowMs), rows);
    }
  }

  #read(message: LakeMessage): ReadonlyMap<string, PartitionRows> | undefined {
    try {
      return partitionRows(message.body);
    } catch (error) {
      if (!(error instanceof UnreadableMessage)) throw error;
      const burial = this.#bury(message, error).finally(() => this.#burials.delete(burial));
      this.#burials.add(burial);
      return undefined;
    }
  }

  /** Not awaited by the intake. A failed one is left to the next delivery, and to the redrive policy in the end. */
  async #bury(message: LakeMessage, unreadable: UnreadableMessage): Promise<void> {
    const { queue, deletions, tally, logger, ending } = this.#options;
    const facts = { messageId: message.messageId, reason: unreadable.code };
    try {
      await queue.bury(message, unreadable, ending);
      deletions.add([message]);
      tally.settled('rejected');
      logger.warn(facts, 'rejected a message that is no access log');
    } catch (err) {
      tally.settled('returned');
      logger.error({ ...facts, err }, 'could not put a message into the dead-letter queue; it stays in its queue');
    }
  }
}
