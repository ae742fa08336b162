import { Random } from '../../local/random.ts';
import { EVERY_BAD_PAYLOAD, type BadPayloadName } from './bad-payloads.ts';
import type { ChaosOptions } from './options.ts';

/** What an operator does; the event it is done to is chosen by a query when the time comes. */
export type OperatorAction =
  | { readonly kind: 'request'; readonly action: 'retry' | 'skip'; readonly by: 'signal' | 'update' }
  | { readonly kind: 'cancel' | 'terminate'; readonly status: 'pending' | 'parked' }
  | ({ readonly kind: 'reset'; readonly of: 'event' | 'edge' | 'olderRun' } & ResetTo)
  | { readonly kind: 'batch'; readonly action: 'retry' | 'skip' | 'cancel'; readonly of: 'failure' | 'actor' | 'kind' }
  | {
      readonly kind: 'badMessage';
      readonly name: 'retry' | 'skip' | 'edgeEvent' | 'nobodyKnows';
      readonly by: 'signal' | 'update';
      readonly payload: BadPayloadName;
      readonly status: 'pending' | 'parked' | 'closed';
    };

export interface ResetTo {
  readonly task: 'first' | 'last';
  /** Whether signals that came after that task are applied again. */
  readonly reapply: boolean;
}

export interface PlannedOperatorAction {
  readonly atMs: number;
  readonly action: OperatorAction;
  /** Picks one of the events that a query finds. */
  readonly draw: number;
}

/** How often each kind comes in a round. */
const DECK: readonly OperatorAction['kind'][] = [
  ...Array<OperatorAction['kind']>(6).fill('request'),
  ...Array<OperatorAction['kind']>(3).fill('cancel'),
  ...Array<OperatorAction['kind']>(2).fill('terminate'),
  ...Array<OperatorAction['kind']>(5).fill('reset'),
  ...Array<OperatorAction['kind']>(2).fill('batch'),
  ...Array<OperatorAction['kind']>(6).fill('badMessage'),
];

/** What the operators of a run do, in the order of its times; the same for the same seed. */
export function planOperators({ seed, faultMs, operatorPauseMs }: ChaosOptions): PlannedOperatorAction[] {
  const random = new Random(seed ^ 0x5eed);
  const plan: PlannedOperatorAction[] = [];
  let deck: OperatorAction['kind'][] = [];
  const next = (): number => random.between(...operatorPauseMs);
  for (let atMs = next(); atMs < faultMs; atMs += next()) {
    if (deck.length === 0) deck = [...DECK];
    const [kind = 'request'] = deck.splice(random.between(0, deck.length - 1), 1);
    plan.push({ atMs, action: actionOf(kind, random), draw: random.next() });
  }
  return plan;
}

function actionOf(kind: OperatorAction['kind'], random: Random): OperatorAction {
  switch (kind) {
    case 'request':
      return { kind, action: random.pick(['retry', 'retry', 'skip']), by: random.pick(['signal', 'update']) };
    case 'cancel':
    case 'terminate':
      return { kind, status: random.pick(['pending', 'parked']) };
    case 'reset': {
      const of = random.pick(['event', 'edge', 'olderRun', 'olderRun'] as const);
      return { kind, of, task: random.pick(['first', 'last']), reapply: random.chance(0.5) };
    }
    case 'batch':
      return {
        kind,
        action: random.pick(['retry', 'retry', 'skip', 'cancel']),
        of: random.pick(['failure', 'actor', 'kind']),
      };
    case 'badMessage':
      return {
        kind,
        name: random.pick(['retry', 'skip', 'edgeEvent', 'edgeEvent', 'nobodyKnows']),
        by: random.pick(['signal', 'signal', 'update']),
        payload: random.pick(EVERY_BAD_PAYLOAD),
        status: random.pick(['pending', 'parked', 'closed']),
      };
  }
}

/** As counted in the report. */
export function nameOf(action: OperatorAction): string {
  switch (action.kind) {
    case 'request':
      return `${action.action} by ${action.by}`;
    case 'cancel':
    case 'terminate':
      return `${action.kind} of a ${action.status} one`;
    case 'reset': {
      const of = { event: 'a run', edge: "an edge's run", olderRun: "an edge's older run" }[action.of];
      return `reset of ${of} to its ${action.task} task ${action.reapply ? 'with' : 'without'} signals`;
    }
    case 'batch':
      return `batch ${action.action} by ${action.of}`;
    case 'badMessage':
      return `bad ${action.by} ${action.name}`;
  }
}
