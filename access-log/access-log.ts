import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Logger } from 'pino';
import type { AccessRecord } from '../contracts/sessions/access-record.ts';
import { toAccessLine } from './access-line.ts';
import { Delivery } from './delivery.ts';
import { DropReport } from './drop-report.ts';
import { MessageSender } from './message-sender.ts';
import { Outbox } from './outbox.ts';
import { Overflow } from './overflow.ts';
import type { QueueAddress } from './queue-address.ts';
import { Spool } from './spool.ts';

export interface AccessLogSettings {
  /** Records kept in memory, default 50,000. */
  readonly maxBufferedRecords?: number;
  /** Bytes of them, default 32 MiB. */
  readonly maxBufferedBytes?: number;
  /** How long a record waits for company, default 1,000. */
  readonly flushIntervalMs?: number;
  /** Where records go that memory has no room for; this gateway's alone. Without it they are dropped. */
  readonly spoolDirectory?: string;
  /** Default 1 GiB. */
  readonly maxSpoolBytes?: number;
}

export type AccessLogOptions = AccessLogSettings &
  QueueAddress & {
    readonly sqs: SQSClient;
    readonly logger: Logger;
    /** Told how many records were lost, for a metric. */
    readonly onDropped?: (records: number) => void;
  };

/** Always true: written + recovered = sent + spooled + dropped + buffered. */
export interface AccessLogCounts {
  readonly written: number;
  /** Found in the spool at the start. */
  readonly recovered: number;
  /** In the queue. */
  readonly sent: number;
  /** On disk now. */
  readonly spooled: number;
  readonly dropped: number;
  /** In memory now. */
  readonly buffered: number;
  /** Failed requests to SQS, after the retries of the SDK. */
  readonly failures: number;
}

export interface AccessLog {
  /** Takes a record: at once, without I/O, and without ever throwing. */
  write(record: AccessRecord): void;
  /**
   * Sends what is in memory. What the queue does not take goes to the spool: at the first failure where there is one, else
   * when the time is over, and is dropped then. Call it after the last write; the same promise each time.
   */
  close(timeoutMs: number): Promise<void>;
  counts(): AccessLogCounts;
}

/** Takes records off the request path and sends them to the queue of the data lake, in batches, through its outages. */
export function createAccessLog(options: AccessLogOptions): AccessLog {
  const { maxBufferedRecords = 50_000, maxBufferedBytes = 32 * 1024 ** 2, flushIntervalMs = 1_000 } = options;
  const { sqs, logger, spoolDirectory, maxSpoolBytes = 1024 ** 3, onDropped = () => undefined } = options;
  const outbox = new Outbox({ maxRecords: maxBufferedRecords, maxBytes: maxBufferedBytes });
  const drops = new DropReport(logger, onDropped);
  const spool = spoolDirectory === undefined ? undefined : new Spool(spoolDirectory, maxSpoolBytes);
  const overflow = spool && new Overflow({ spool, outbox, logger });
  const sender = new MessageSender(sqs, options);
  return new RunningAccessLog(
    outbox,
    drops,
    new Delivery({ sender, outbox, overflow, drops, flushIntervalMs, logger }),
  );
}

class RunningAccessLog implements AccessLog {
  readonly #outbox: Outbox;
  readonly #drops: DropReport;
  readonly #delivery: Delivery;
  #written = 0;
  #closed: Promise<void> | undefined;

  constructor(outbox: Outbox, drops: DropReport, delivery: Delivery) {
    this.#outbox = outbox;
    this.#drops = drops;
    this.#delivery = delivery;
  }

  write(record: AccessRecord): void {
    this.#written += 1;
    if (this.#closed === undefined && this.#put(record)) this.#delivery.added();
    else this.#drops.add(1);
  }

  close(timeoutMs: number): Promise<void> {
    this.#closed ??= this.#delivery.finish(timeoutMs);
    return this.#closed;
  }

  counts(): AccessLogCounts {
    return {
      written: this.#written,
      ...this.#delivery.counts(),
      dropped: this.#drops.total,
      buffered: this.#outbox.records,
    };
  }

  #put(record: AccessRecord): boolean {
    try {
      return this.#outbox.add(toAccessLine(record));
    } catch {
      return false;
    }
  }
}
