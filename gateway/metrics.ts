import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** What a gateway exports; names are in the README. */
export interface GatewayMetrics {
  readonly registry: Registry;
  request(method: string, route: string, status: number, seconds: number): void;
  problem(code: string): void;
  degraded(part: string): void;
  lostPlayer(): void;
  sharedStream(): void;
  unconfirmedBeat(): void;
}

export interface GatewayGauges {
  /** What the access log did, by name; undefined without one. */
  readonly accessLog: (() => Readonly<Record<string, number>>) | undefined;
  /** Streams watched by all gateways that share a store. */
  readonly watched: () => Promise<number>;
  readonly blocks: () => number;
  /** Of the policy in force. */
  readonly policyVersion: () => number;
  /** Whether the policy's file, as it is now, is in force. */
  readonly policyIsValid: () => boolean;
  /** Names of parts that are away and done without. */
  readonly degraded?: () => readonly string[];
  /** Accounts whose streams a recovery could not read yet. */
  readonly unreadAccounts: () => Promise<number>;
  /** Accounts that do not answer this gateway though others do. */
  readonly unresponsiveAccounts: () => number;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

export function createGatewayMetrics(gauges: GatewayGauges): GatewayMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'gateway_request_duration_seconds',
    help: 'Requests by method, route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  });
  const problems = new Counter({
    name: 'gateway_problems_total',
    help: 'Answers that are problems, by code',
    labelNames: ['code'],
    registers,
  });
  const degraded = new Counter({
    name: 'gateway_degraded_total',
    help: 'Decisions made without the shared store, by part',
    labelNames: ['part'],
    registers,
  });
  const lost = new Counter({
    name: 'gateway_lost_players_total',
    help: 'Silent players whose streams were ended',
    registers,
  });
  const shared = new Counter({
    name: 'gateway_shared_streams_total',
    help: 'Streams whose players beat from more than two addresses within five minutes',
    registers,
  });
  const unconfirmed = new Counter({
    name: 'gateway_unconfirmed_beats_total',
    help: 'Beats answered before the store or the account could tell of their streams: in a recovery or an outage',
    registers,
  });
  gauge(registry, 'gateway_watched_streams', 'Streams watched by the gateways that share a store', gauges.watched);
  gauge(registry, 'gateway_blocks', 'Entries of the blacklist', async () => gauges.blocks());
  gauge(registry, 'gateway_policy_version', 'Version of the policy in force', async () => gauges.policyVersion());
  gauge(
    registry,
    'gateway_policy_valid',
    'Whether the file of the policy can be used as it is: 0 while an older policy stays in force for its faults',
    async () => Number(gauges.policyIsValid()),
  );
  if (gauges.degraded) exportDegraded(registry, gauges.degraded);
  const unread = 'Accounts that gave a recovery no answer, so that not all streams are known; of all gateways';
  gauge(registry, 'gateway_unread_accounts', unread, gauges.unreadAccounts);
  const unresponsive =
    'Accounts that do not answer though others do; their workflow tasks fail, or their worker is gone';
  gauge(registry, 'gateway_unresponsive_accounts', unresponsive, async () => gauges.unresponsiveAccounts());
  if (gauges.accessLog) exportAccessLog(registry, gauges.accessLog);
  return {
    registry,
    request: (method, route, status, seconds) => requests.observe({ method, route, status }, seconds),
    problem: (code) => problems.inc({ code }),
    degraded: (part) => degraded.inc({ part }),
    lostPlayer: () => lost.inc(),
    sharedStream: () => shared.inc(),
    unconfirmedBeat: () => unconfirmed.inc(),
  };
}

/** A part that was away once is exported as 0 afterwards, so that an alert sees it come back. */
function exportDegraded(registry: Registry, read: () => readonly string[]): void {
  const known = new Set<string>();
  const metric: Gauge<'part'> = new Gauge({
    name: 'gateway_degraded',
    help: 'Parts that are away and done without: 1, or 0 when they are back',
    labelNames: ['part'],
    registers: [registry],
    collect() {
      const away = new Set(read());
      for (const part of away) known.add(part);
      for (const part of known) metric.set({ part }, away.has(part) ? 1 : 0);
    },
  });
}

function exportAccessLog(registry: Registry, read: () => Readonly<Record<string, number>>): void {
  const metric: Gauge<'count'> = new Gauge({
    name: 'gateway_access_log_records',
    help: 'Records of the access log since the start, and in memory and on disk now, by what became of them',
    labelNames: ['count'],
    registers: [registry],
    collect() {
      for (const [count, value] of Object.entries(read())) metric.set({ count }, value);
    },
  });
}

/** A value that is asked for when somebody looks, and left out when it cannot be had. */
function gauge(registry: Registry, name: string, help: string, read: () => Promise<number>): void {
  const metric: Gauge = new Gauge({
    name,
    help,
    registers: [registry],
    async collect() {
      try {
        metric.set(await read());
      } catch {
        metric.reset();
      }
    },
  });
}
