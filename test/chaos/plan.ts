import { Random } from '../../local/random.ts';
import type { ChaosOptions } from './options.ts';

export const PROCESSES = ['bridge-0', 'bridge-1', 'worker-0', 'worker-1'] as const;
export type ProcessName = (typeof PROCESSES)[number];

/** A way from a process to a service that a network fault can lie on. */
export interface Link {
  readonly process: ProcessName;
  readonly to: 'temporal' | 'sqs' | 'stream';
}

export const LINKS: readonly Link[] = PROCESSES.flatMap((process) => [
  { process, to: 'temporal' as const },
  { process, to: process.startsWith('bridge') ? ('sqs' as const) : ('stream' as const) },
]);

/** A toxic as Toxiproxy takes it. */
export interface Toxic {
  readonly type: 'latency' | 'reset_peer' | 'timeout' | 'bandwidth';
  readonly attributes: Readonly<Record<string, number>>;
}

/** A fault as the Stream server takes it. */
export type StreamFault = Readonly<Record<string, unknown>> & { readonly fault: string };

export type Action =
  | { readonly kind: 'kill'; readonly process: ProcessName }
  | { readonly kind: 'restartTemporal'; readonly downMs: number }
  | { readonly kind: 'restartQueues'; readonly downMs: number }
  | { readonly kind: 'streamFault'; readonly rules: readonly StreamFault[]; readonly forMs: number }
  | { readonly kind: 'network'; readonly link: Link; readonly toxic: Toxic; readonly forMs: number };

export interface PlannedAction {
  readonly atMs: number;
  readonly action: Action;
}

/** How often each kind comes in a round of faults. */
const DECK: readonly Action['kind'][] = [
  ...Array<Action['kind']>(5).fill('kill'),
  ...Array<Action['kind']>(6).fill('streamFault'),
  ...Array<Action['kind']>(4).fill('network'),
  'restartTemporal',
  'restartQueues',
];

/** The faults of a run in the order of their times; the same for the same seed. */
export function planFaults({ seed, faultMs, pauseMs }: ChaosOptions): PlannedAction[] {
  const random = new Random(seed);
  const plan: PlannedAction[] = [];
  let deck: Action['kind'][] = [];
  let streamFaults = 0;
  for (let atMs = random.between(...pauseMs); atMs < faultMs; atMs += random.between(...pauseMs)) {
    if (deck.length === 0) deck = [...DECK];
    const [kind = 'kill'] = deck.splice(random.between(0, deck.length - 1), 1);
    plan.push({ atMs, action: kind === 'streamFault' ? streamFault(random, streamFaults++) : actionOf(kind, random) });
  }
  return plan;
}

function actionOf(kind: Exclude<Action['kind'], 'streamFault'>, random: Random): Action {
  switch (kind) {
    case 'kill':
      return { kind, process: random.pick(PROCESSES) };
    case 'restartTemporal':
      return { kind, downMs: random.between(0, 4_000) };
    case 'restartQueues':
      return { kind, downMs: random.between(0, 3_000) };
    case 'network':
      return { kind, link: random.pick(LINKS), toxic: toxicOf(random), forMs: random.between(1_000, 8_000) };
  }
}

export function toxicOf(random: Random): Toxic {
  const type = random.pick(['latency', 'reset_peer', 'timeout', 'bandwidth'] as const);
  switch (type) {
    case 'latency':
      return { type, attributes: { latency: random.between(50, 600), jitter: 50 } };
    case 'reset_peer':
      return { type, attributes: { timeout: random.between(0, 300) } };
    case 'timeout':
      return { type, attributes: { timeout: random.between(0, 2_000) } };
    case 'bandwidth':
      return { type, attributes: { rate: random.between(20, 100) } };
  }
}

const STREAM_FAULTS = [
  'forbidden',
  'commitLate',
  'error',
  'forbidden',
  'rateLimited',
  'commitThenHang',
  'forbidden',
  'delay',
  'partialCopy',
] as const;

/** Below the workers' `EVENT_LATE_COMMIT_MS`. */
const LATEST_COMMIT_MS = 4_000;

/** Each kind in turn. `forbidden` refuses everything of some users, so that there are parked events for the operators. */
function streamFault(random: Random, index: number): Action {
  const fault = STREAM_FAULTS[index % STREAM_FAULTS.length] ?? 'error';
  const forMs = random.between(2_000, fault === 'forbidden' ? 12_000 : 8_000);
  return { kind: 'streamFault', rules: rulesOf(fault, random), forMs };
}

function rulesOf(fault: (typeof STREAM_FAULTS)[number], random: Random): StreamFault[] {
  const times = random.between(3, 25);
  const match = { method: random.pick(['POST', 'POST', 'DELETE', 'GET']) };
  switch (fault) {
    case 'error':
      return [{ fault, match, times, status: random.pick([500, 503]) }];
    case 'forbidden': {
      const user = `u${random.between(0, 3)}-`;
      return [{ path: user }, { body: user }].map((part) => ({ fault: 'error', status: 403, match: part }));
    }
    case 'rateLimited':
      return [{ fault, match, times, retryAfterMs: random.between(500, 2_000) }];
    case 'commitLate': {
      const delayMs = random.between(500, LATEST_COMMIT_MS);
      return [{ fault, match, times, delayMs, answers: random.chance(0.5) }];
    }
    case 'delay':
      return [{ fault, match: {}, times, delayMs: random.between(50, 700) }];
    case 'commitThenHang':
      return [{ fault, match, times: random.between(2, 8) }];
    case 'partialCopy':
      return [{ fault, match: {}, times, copied: 0 }];
  }
}
