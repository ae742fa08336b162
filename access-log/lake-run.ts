import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Logger } from 'pino';
import { Alarm } from './alarm.ts';
import { Deletions } from './deletions.ts';
import type { GatherLimits } from './gatherer.ts';
import { HeldMessages } from './held-messages.ts';
import { LakeIntake } from './lake-intake.ts';
import { BATCH, LakeQueue, type LakeQueueUrls } from './lake-queue.ts';
import { LakeStore } from './lake-store.ts';
import { LakeTally, type LakeCounts } from './lake-tally.ts';
import { Outage } from './outage.ts';
import { receiptsOf, Visibility } from './visibility.ts';

/** Share of the grace for writing; the rest is for handing back and for the last deletions. */
const WRITING_SHARE = 0.8;

/** What keeps records from flowing; `access-log`: the run has not begun. */
export type LakeLack = 'sqs' | 's3' | 'stopping' | 'access-log';

export interface LakeRunOptions extends GatherLimits {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly prefix: string;
  readonly maxHeldBytes: number;
  readonly visibilitySeconds: number;
  readonly longPollSeconds: number;
  readonly shutdownGraceMs: number;
  readonly logger: Logger;
}

/** One run of the writer: its loops, and the order in which they end. */
export class LakeRun {
  readonly #options: LakeRunOptions;
  readonly #held = new HeldMessages();
  readonly #tally = new LakeTally();
  readonly #sqsOutages: { readonly receiving: Outage; readonly deleting: Outage };
  readonly #s3Outage: Outage;
  /** Rung when the intake may go on. */
  readonly #alarm = new Alarm();
  readonly #stopping = new AbortController();
  readonly #givingUp = new AbortController();
  readonly #ending = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  #intake: LakeIntake | undefined;
  #stopped: Promise<LakeCounts> | undefined;

  constructor(options: LakeRunOptions) {
    this.#options = options;
    this.#s3Outage = this.#outageOf('S3');
    this.#sqsOutages = { receiving: this.#outageOf('SQS'), deleting: this.#outageOf('SQS') };
  }

  lacks(): readonly LakeLack[] {
    const { receiving, deleting } = this.#sqsOutages;
    return [
      ...(receiving.ongoing || deleting.ongoing ? (['sqs'] as const) : []),
      ...(this.#s3Outage.ongoing ? (['s3'] as const) : []),
      ...(this.#stopping.signal.aborted ? (['stopping'] as const) : []),
      ...(this.#intake ? [] : (['access-log'] as const)),
    ];
  }

  counts(): LakeCounts {
    return {
      ...this.#tally.counts(),
      inHand: this.#held.size + (this.#intake?.burying ?? 0),
      sqsFailures: this.#sqsOutages.receiving.total + this.#sqsOutages.deleting.total,
      s3Failures: this.#s3Outage.total,
    };
  }

  stop(): Promise<LakeCounts> {
    this.#stopped ??= this.#shutDown();
    return this.#stopped;
  }

  async run(sqs: SQSClient, urls: LakeQueueUrls): Promise<void> {
    const { logger, visibilitySeconds } = this.#options;
    const common = { held: this.#held, tally: this.#tally, logger };
    const ending = this.#ending.signal;
    const queue = new LakeQueue(sqs, urls, visibilitySeconds);
    const visibility = new Visibility({ ...common, queue, visibilitySeconds });
    const deletions = new Deletions({ ...common, queue, outage: this.#sqsOutages.deleting, ending });
    const store = new LakeStore({
      ...this.#options,
      ...common,
      visibility,
      deletions,
      outage: this.#s3Outage,
      freed: this.#alarm,
      givingUp: this.#givingUp.signal,
    });
    const { longPollSeconds } = this.#options;
    const outage = this.#sqsOutages.receiving;
    this.#intake = new LakeIntake({
      ...common,
      queue,
      store,
      deletions,
      outage,
      longPollSeconds,
      alarm: this.#alarm,
      ending,
    });

    const intake = this.#intake;
    const drain = async () => {
      await intake.run(this.#stopping.signal);
      store.finish();
      await Promise.all([storing, intake.settled()]);
      await this.#handBack(queue);
      deletions.finish();
      await deleting;
      this.#ending.abort();
    };
    const storing = store.run();
    const deleting = deletions.run();
    try {
      await Promise.all([drain(), storing, deleting, visibility.run(ending)]);
      logger.info({ counts: this.counts() }, 'the lake writer has stopped');
    } finally {
      // After a defect too, no loop may go on.
      for (const controller of [this.#stopping, this.#givingUp, this.#ending]) controller.abort();
      this.#alarm.ring();
      this.#over.resolve();
    }
  }

  async #shutDown(): Promise<LakeCounts> {
    const { shutdownGraceMs } = this.#options;
    const giveUp = setTimeout(() => this.#givingUp.abort(), shutdownGraceMs * WRITING_SHARE);
    const end = setTimeout(() => this.#ending.abort(), shutdownGraceMs);
    this.#stopping.abort();
    this.#alarm.ring();
    if (this.#intake) await this.#over.promise;
    clearTimeout(giveUp);
    clearTimeout(end);
    return this.counts();
  }

  async #handBack(queue: LakeQueue): Promise<void> {
    const left = this.#held.all();
    const receipts = left.flatMap((message) => receiptsOf(message));
    for (const message of left) {
      this.#held.lose(message);
      this.#tally.settled('returned');
    }
    try {
      for (let start = 0; start < receipts.length; start += BATCH) {
        await queue.giveBack(receipts.slice(start, start + BATCH), this.#ending.signal);
      }
    } catch (err) {
      this.#options.logger.warn({ err }, 'could not hand messages back; SQS delivers them when their visibility ends');
    }
  }

  #outageOf(service: 'S3' | 'SQS'): Outage {
    const { logger } = this.#options;
    return new Outage({
      onFailure: (err, pauseMs) => logger.warn({ err, pauseMs, service }, 'the lake writer waits for a service'),
      onRecovery: () => logger.info({ service }, 'the service answers the lake writer again'),
    });
  }
}
