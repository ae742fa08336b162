import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Logger } from 'pino';
import { Alarm } from './alarm.ts';
import type { PartitionRows } from './access-rows.ts';
import type { Deletions } from './deletions.ts';
import { Gatherer, type Gather, type GatherLimits } from './gatherer.ts';
import type { HeldMessage, HeldMessages } from './held-messages.ts';
import { toLakeObject, type LakeObject } from './lake-object.ts';
import type { LakeTally } from './lake-tally.ts';
import type { Outage } from './outage.ts';
import { receiptsOf, type Visibility } from './visibility.ts';

const REQUEST_TIMEOUT_MS = 60_000;

export interface LakeStoreOptions extends GatherLimits {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly prefix: string;
  readonly maxHeldBytes: number;
  readonly held: HeldMessages;
  readonly visibility: Visibility;
  readonly deletions: Deletions;
  readonly outage: Outage;
  readonly tally: LakeTally;
  readonly logger: Logger;
  /** Rung when memory has become free. */
  readonly freed: Alarm;
  /** Ends writing; what is not stored then is handed back. */
  readonly givingUp: AbortSignal;
}

/** Gathers rows and writes them to S3, one object at a time, each until it stands there. */
export class LakeStore {
  readonly #options: LakeStoreOptions;
  readonly #gatherer: Gatherer<HeldMessage>;
  readonly #alarm = new Alarm();
  #writingBytes = 0;
  #finishing = false;

  constructor(options: LakeStoreOptions) {
    this.#options = options;
    this.#gatherer = new Gatherer(options);
    options.givingUp.addEventListener('abort', () => this.#alarm.ring(), { once: true });
  }

  /** No memory for more. */
  get full(): boolean {
    return this.#gatherer.bytes + this.#writingBytes >= this.#options.maxHeldBytes;
  }

  add(message: HeldMessage, partitions: ReadonlyMap<string, PartitionRows>): void {
    this.#gatherer.add(message, partitions, performance.now());
    this.#alarm.ring();
  }

  /** Nothing more will be added: {@link run} writes what is gathered and ends. */
  finish(): void {
    this.#finishing = true;
    this.#alarm.ring();
  }

  async run(): Promise<void> {
    const { givingUp } = this.#options;
    while (!givingUp.aborted) {
      const nowMs = performance.now();
      const gather = this.#gatherer.takeDue(nowMs, this.#finishing || this.full);
      if (gather) await this.#store(gather);
      else if (this.#finishing) return;
      else await this.#alarm.sleep(this.#gatherer.dueInMs(nowMs));
    }
  }

  async #store(gathered: Gather<HeldMessage>): Promise<void> {
    const { tally, freed, prefix } = this.#options;
    this.#writingBytes = gathered.bytes;
    const gather = { ...gathered, parts: gathered.parts.filter(({ source }) => this.#isOurs(source)) };
    if (gather.parts.length > 0) {
      const object = await toLakeObject(gather, prefix);
      if (await this.#put(object)) {
        tally.wrote(object.records, object.body.length);
        for (const { source } of gather.parts) this.#partStored(source);
      }
    }
    this.#writingBytes = 0;
    freed.ring();
  }

  /** What another delivery will bring again would only stand in the lake twice. */
  #isOurs(message: HeldMessage): boolean {
    const { held, visibility, tally } = this.#options;
    if (!message.lost && visibility.hasExpired(message)) {
      held.lose(message);
      tally.settled('returned');
    }
    return !message.lost;
  }

  /** @returns false when the writer gave up */
  async #put({ key, body }: LakeObject): Promise<boolean> {
    const { s3, bucket, outage, givingUp } = this.#options;
    const command = new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: body,
      ContentType: 'application/x-ndjson',
      ContentEncoding: 'gzip',
    });
    while (!givingUp.aborted) {
      try {
        await s3.send(command, { abortSignal: AbortSignal.any([givingUp, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]) });
        outage.succeeded();
        return true;
      } catch (error) {
        if (givingUp.aborted) return false;
        const untilMs = performance.now() + outage.failed(error);
        while (performance.now() < untilMs && !givingUp.aborted) await this.#alarm.sleep(untilMs - performance.now());
      }
    }
    return false;
  }

  #partStored(message: HeldMessage): void {
    const { held, deletions, tally } = this.#options;
    message.partsLeft -= 1;
    if (message.partsLeft > 0) return;
    held.stored(message);
    if (message.lost) return;
    deletions.add(receiptsOf(message));
    tally.settled('stored');
  }
}
