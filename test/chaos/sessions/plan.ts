import { Random } from '../../../local/random.ts';
import { toxicOf, type PlannedAction as PlannedEventsAction, type Toxic } from '../plan.ts';
import type { SessionsChaosOptions } from './options.ts';

export const GATEWAYS = ['gateway-0', 'gateway-1', 'gateway-2'] as const;
export const WORKERS = ['sessions-0', 'sessions-1'] as const;
export type GatewayName = (typeof GATEWAYS)[number];
export type ProcessName = GatewayName | (typeof WORKERS)[number];

/** A way from a gateway to a service that a network fault can lie on. */
export interface Link {
  readonly gateway: GatewayName;
  readonly to: 'temporal' | 'redis';
}

export const LINKS: readonly Link[] = GATEWAYS.flatMap((gateway) => [
  { gateway, to: 'temporal' as const },
  { gateway, to: 'redis' as const },
]);

export type Action =
  | { readonly kind: 'kill'; readonly process: ProcessName }
  | { readonly kind: 'restartTemporal'; readonly downMs: number }
  /** Its data are lost. */
  | { readonly kind: 'killRedis'; readonly downMs: number }
  | { readonly kind: 'freezeRedis'; readonly forMs: number }
  | { readonly kind: 'network'; readonly link: Link; readonly toxic: Toxic; readonly forMs: number };

export type PlannedAction = Omit<PlannedEventsAction, 'action'> & { readonly action: Action };

/** How often each kind comes in a round of faults. */
const DECK: readonly (Action['kind'] | 'killGateway')[] = [
  ...Array<'killGateway'>(4).fill('killGateway'),
  ...Array<Action['kind']>(5).fill('network'),
  'kill',
  'kill',
  'restartTemporal',
  'killRedis',
  'freezeRedis',
];

/** The faults of a run in the order of their times, from the death of a gateway on; the same for the same seed. */
export function planSessionFaults({ seed, faultMs, pauseMs }: SessionsChaosOptions): PlannedAction[] {
  const random = new Random(seed);
  const plan: PlannedAction[] = [];
  let deck = [...DECK];
  for (let atMs = random.between(...pauseMs); atMs < faultMs; atMs += random.between(...pauseMs)) {
    if (deck.length === 0) deck = [...DECK];
    // A quick run takes half a deck, which may lack what it is to show: a gateway that is killed.
    const drawn = plan.length === 0 ? deck.indexOf('killGateway') : random.between(0, deck.length - 1);
    const [kind = 'kill'] = deck.splice(drawn, 1);
    plan.push({ atMs, action: actionOf(kind, random) });
  }
  return plan;
}

function actionOf(kind: (typeof DECK)[number], random: Random): Action {
  switch (kind) {
    case 'killGateway':
      return { kind: 'kill', process: random.pick(GATEWAYS) };
    case 'kill':
      return { kind, process: random.pick(WORKERS) };
    case 'restartTemporal':
      return { kind, downMs: random.between(0, 4_000) };
    case 'killRedis':
      return { kind, downMs: random.between(0, 8_000) };
    case 'freezeRedis':
      return { kind, forMs: random.between(500, 9_000) };
    case 'network':
      // Longer than a silence: who beats elsewhere meanwhile must not end.
      return { kind, link: random.pick(LINKS), toxic: toxicOf(random), forMs: random.between(1_000, 14_000) };
  }
}
