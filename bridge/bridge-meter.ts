/**
 * Metrics of the bridge, each with the label `queue`; rejected messages also bear `reason`, a reject code, and failed starts
 * `scope`, whose failure it is: that `message`'s or `everybody`'s. Always true for each queue: received = started + joined + deduplicated + rejected + returned + in flight.
 */
export const BRIDGE_METRICS = {
  bridge_messages_received_total: 'Messages SQS gave out to this bridge, every delivery counted.',
  bridge_messages_started_total: 'Messages that started a workflow run.',
  bridge_messages_joined_total: 'Messages handed to the open run of their edge.',
  bridge_messages_deduplicated_total: 'Messages whose event was known already.',
  bridge_messages_rejected_total: 'Messages put into the dead-letter queue, by reason.',
  bridge_messages_returned_total: 'Messages handed back to SQS unfinished, which delivers them again.',
  bridge_messages_in_flight: 'Messages received and not yet settled.',
  bridge_start_failures_total: 'Attempts to start a workflow that failed, by whose failure it is.',
  bridge_sqs_failures_total: 'Rounds of failed SQS requests, after the retries of the SDK.',
  bridge_edits_ignored_total: 'Posts and comments of a known ForeignID with other content, which is not applied.',
  bridge_clock_ahead_total: 'Messages whose EventTime lay after they were sent; their place in time is the sending.',
} as const;

export type BridgeMetric = keyof typeof BRIDGE_METRICS;
export type BridgeGauge = 'bridge_messages_in_flight';
export type BridgeCounter = Exclude<BridgeMetric, BridgeGauge>;

export interface BridgeMetricLabels {
  readonly queue: string;
  readonly reason?: string;
  readonly scope?: string;
}

export interface BridgeCounterInstrument {
  add(value: number, labels: BridgeMetricLabels): void;
}

export interface BridgeGaugeInstrument {
  set(value: number, labels: BridgeMetricLabels): void;
}

/** Where the bridge counts; implemented over whatever registry the process exports. Asked once per queue and metric. */
export interface BridgeMeter {
  counter(name: BridgeCounter): BridgeCounterInstrument;
  gauge(name: BridgeGauge): BridgeGaugeInstrument;
}
