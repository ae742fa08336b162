import type {
  BridgeCounter,
  BridgeCounterInstrument,
  BridgeGaugeInstrument,
  BridgeMeter,
  BridgeMetricLabels,
} from './bridge-meter.ts';
import type { StartOutcome } from './event-starter.ts';
import type { RejectCode } from './rejection.ts';
import type { Verdict } from './start-judge.ts';

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

/** Edits are noticed by the starter and counted where it is made. */
type QueueCounter = Exclude<BridgeCounter, 'bridge_edits_ignored_total'>;

/** What became of the messages of one queue. */
export class QueueTally {
  readonly #queue: string;
  readonly #counters: Readonly<Record<QueueCounter, BridgeCounterInstrument>>;
  readonly #inFlight: BridgeGaugeInstrument;
  readonly #settled = { started: 0, joined: 0, deduplicated: 0, rejected: 0, returned: 0 };
  #received = 0;

  constructor(queue: string, meter: BridgeMeter) {
    this.#queue = queue;
    // Made once: an instrument may be dear to make, and every message counts several times.
    this.#counters = {
      bridge_messages_received_total: meter.counter('bridge_messages_received_total'),
      bridge_messages_started_total: meter.counter('bridge_messages_started_total'),
      bridge_messages_joined_total: meter.counter('bridge_messages_joined_total'),
      bridge_messages_deduplicated_total: meter.counter('bridge_messages_deduplicated_total'),
      bridge_messages_rejected_total: meter.counter('bridge_messages_rejected_total'),
      bridge_messages_returned_total: meter.counter('bridge_messages_returned_total'),
      bridge_start_failures_total: meter.counter('bridge_start_failures_total'),
      bridge_sqs_failures_total: meter.counter('bridge_sqs_failures_total'),
      bridge_clock_ahead_total: meter.counter('bridge_clock_ahead_total'),
    };
    this.#inFlight = meter.gauge('bridge_messages_in_flight');
    this.observe(0);
  }

  received(messages: number): void {
    this.#received += messages;
    this.#count('bridge_messages_received_total', messages);
  }

  settled(settlement: Settlement): void {
    this.#settled[settlement.as] += 1;
    const labels = settlement.as === 'rejected' ? { reason: settlement.reason } : {};
    this.#count(`bridge_messages_${settlement.as}_total`, 1, labels);
  }

  startFailed(scope: Verdict['scope']): void {
    this.#count('bridge_start_failures_total', 1, { scope });
  }

  clockAhead(): void {
    this.#count('bridge_clock_ahead_total', 1);
  }

  sqsFailed(): void {
    this.#count('bridge_sqs_failures_total', 1);
  }

  /** @param inFlight counted by who holds the messages, not derived here, so that a leak shows as a broken sum */
  observe(inFlight: number): void {
    this.#inFlight.set(inFlight, { queue: this.#queue });
  }

  counts(inFlight: number): MessageCounts {
    return { received: this.#received, ...this.#settled, inFlight };
  }

  #count(counter: QueueCounter, value: number, labels: Omit<BridgeMetricLabels, 'queue'> = {}): void {
    this.#counters[counter].add(value, { queue: this.#queue, ...labels });
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
