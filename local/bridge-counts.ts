import type { BRIDGE_METRICS } from '../bridge/bridge-meter.ts';

const COUNTERS = {
  received: 'bridge_messages_received_total',
  started: 'bridge_messages_started_total',
  joined: 'bridge_messages_joined_total',
  deduplicated: 'bridge_messages_deduplicated_total',
  rejected: 'bridge_messages_rejected_total',
  returned: 'bridge_messages_returned_total',
} as const satisfies Record<string, keyof typeof BRIDGE_METRICS>;
const IN_FLIGHT = 'bridge_messages_in_flight' satisfies keyof typeof BRIDGE_METRICS;

type Counter = keyof typeof COUNTERS;
const COUNTED = ['received', 'started', 'joined', 'deduplicated', 'rejected', 'returned'] as const satisfies Counter[];

/** What the bridge says it did with its messages; `received` should equal the sum of the others. */
export type BridgeCounts = Readonly<Record<Counter | 'inFlight', number>>;

const NOTHING: Record<Counter, number> = {
  received: 0,
  started: 0,
  joined: 0,
  deduplicated: 0,
  rejected: 0,
  returned: 0,
};

const SAMPLE = /^([A-Za-z_:][\w:]*)(?:\{.*\})? (\S+)/;

/** Sums a Prometheus text page by metric name, over all labels. */
export function sumByName(page: string): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const line of page.split('\n')) {
    const [, name, value] = SAMPLE.exec(line) ?? [];
    if (name === undefined) continue;
    sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
  return sums;
}

/** Adds up what a worker counts, over restarts of the worker, each of which begins at 0 again. */
export class BridgeCounter {
  #totals = { ...NOTHING };
  readonly #last = new Map<string, number>();
  #inFlight = 0;

  /** Takes in the worker's page of metrics. */
  observe(page: string): void {
    const sums = sumByName(page);
    for (const counter of COUNTED) {
      const metric = COUNTERS[counter];
      const value = sums.get(metric) ?? 0;
      const before = this.#last.get(metric) ?? 0;
      this.#totals[counter] += value >= before ? value - before : value;
      this.#last.set(metric, value);
    }
    this.#inFlight = sums.get(IN_FLIGHT) ?? 0;
  }

  /** Counts from here on. What is in flight now counts as received, because it is settled only later. */
  reset(): void {
    this.#totals = { ...NOTHING, received: this.#inFlight };
  }

  get counts(): BridgeCounts {
    return { ...this.#totals, inFlight: this.#inFlight };
  }
}

/** Received less everything that became of it: 0 when no message was lost from sight. */
export function imbalanceOf(counts: BridgeCounts): number {
  const { received, started, joined, deduplicated, rejected, returned, inFlight } = counts;
  return received - started - joined - deduplicated - rejected - returned - inFlight;
}
