/** Of messages, always true: received = stored + duplicates + rejected + returned + inHand. */
export interface LakeCounts {
  /** Messages SQS gave out, every delivery counted. */
  readonly received: number;
  /** Messages whose records all stand in objects. */
  readonly stored: number;
  /** Deliveries of a message that was in hand, or had been stored a short while before. */
  readonly duplicates: number;
  /** Messages put into the dead-letter queue. */
  readonly rejected: number;
  /** Messages left to another delivery. */
  readonly returned: number;
  readonly inHand: number;
  /** Records written, rewritten ones counted again. */
  readonly records: number;
  readonly objects: number;
  /** Of the objects, compressed. */
  readonly objectBytes: number;
  /** Failed requests, after the retries of the SDK. */
  readonly sqsFailures: number;
  readonly s3Failures: number;
}

type Settled = 'stored' | 'duplicates' | 'rejected' | 'returned';

export class LakeTally {
  readonly #messages = { received: 0, stored: 0, duplicates: 0, rejected: 0, returned: 0 };
  readonly #written = { records: 0, objects: 0, objectBytes: 0 };

  received(): void {
    this.#messages.received += 1;
  }

  settled(as: Settled): void {
    this.#messages[as] += 1;
  }

  wrote(records: number, bytes: number): void {
    this.#written.records += records;
    this.#written.objects += 1;
    this.#written.objectBytes += bytes;
  }

  counts(): Omit<LakeCounts, 'inHand' | 'sqsFailures' | 's3Failures'> {
    return { ...this.#messages, ...this.#written };
  }
}
