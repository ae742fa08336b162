import type { BridgeMeter } from './bridge-meter.ts';
import type { StartOutcome } from './event-starter.ts';
import type { RejectCode } from './rejection.ts';

/** Always true: received = started + joined + deduplicated + rejected + returned + inFlight. */
export interface MessageCounts {
  readonly received: number;
  readonly started: number;
  readonly joined: number;
  readonly deduplicated: number;
  readonly rejected: number;
  /** Handed back to SQS unfinished. */
  readonly returned: number;
  readonly inFlight: number;
}

/** The total of all queues, and each queue by its name. */
export interface BridgeCounts extends MessageCounts {
  readonly queues: Readonly<Record<string, MessageCounts>>;
}

export type Settlement =
  { readonly as: StartOutcome | 'returned' } | { readonly as: 'rejected'; readonly reason: RejectCode };

/** What became of the messages of one queue. */
export class QueueTally {
  readonly #queue: string;
  readonly #meter: BridgeMeter;
  readonly #settled = { started: 0, joined: 0, deduplicated: 0, rejected: 0, returned: 0 };
  #received = 0;

  constructor(queue: string, meter: BridgeMeter) {
    this.#queue = queue;
    this.#meter = meter;
    this.observe(0);
  }

  received(messages: number): void {
    this.#received += messages;
    this.#meter.counter('bridge_messages_received_total').add(messages, { queue: this.#queue });
  }

  settled(settlement: Settlement): void {
    this.#settled[settlement.as] += 1;
    const labels = { queue: this.#queue, ...(settlement.as === 'rejected' ? { reason: settlement.reason } : {}) };
    this.#meter.counter(`bridge_messages_${settlement.as}_total`).add(1, labels);
  }

  startFailed(): void {
    this.#meter.counter('bridge_start_failures_total').add(1, { queue: this.#queue });
  }

  sqsFailed(): void {
    this.#meter.counter('bridge_sqs_failures_total').add(1, { queue: this.#queue });
  }

  /** @param inFlight counted by who holds the messages, not derived here, so that a leak shows as a broken sum */
  observe(inFlight: number): void {
    this.#meter.gauge('bridge_messages_in_flight').set(inFlight, { queue: this.#queue });
  }

  counts(inFlight: number): MessageCounts {
    return { received: this.#received, ...this.#settled, inFlight };
  }
}

export function totalOf(queues: Readonly<Record<string, MessageCounts>>): BridgeCounts {
  const sum = (field: keyof MessageCounts) => Object.values(queues).reduce((total, counts) => total + counts[field], 0);
  return {
    received: sum('received'),
    started: sum('started'),
    joined: sum('joined'),
    deduplicated: sum('deduplicated'),
    rejected: sum('rejected'),
    returned: sum('returned'),
    inFlight: sum('inFlight'),
    queues,
  };
}
