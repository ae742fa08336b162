import type { SocialEvent } from '../../contracts/events/social-event.ts';
import type { Random } from '../../local/random.ts';

/** What an operator, or somebody else by hand, does to the workflow of an event. */
export type Act =
  | { readonly name: 'retry' | 'skip'; readonly by: 'signal' | 'update'; readonly argument: unknown }
  | { readonly name: 'cancel' | 'terminate' }
  | {
      readonly name: 'reset';
      /** Of the runs of the workflow: the last one, the first one, or this one of them all, 0 to 1. */
      readonly run: 'last' | 'first' | number;
      /** Which of its workflow tasks it goes back to. */
      readonly to: 'first' | 'last' | number;
      /** Whether signals and updates that came after are applied again. */
      readonly reapplies: boolean;
    }
  | { readonly name: 'garbage'; readonly signal: string; readonly argument: unknown; readonly isBroken: boolean }
  | { readonly name: 'restart worker' }
  | { readonly name: 'new bridge'; readonly starter: number };

export interface Operation {
  readonly on: SocialEvent;
  /** From the start of its phase, milliseconds. */
  readonly atMs: number;
  /** Waits for the event to be parked, so that it meets more than events that are done; not for long. */
  readonly awaitParked: boolean;
  readonly act: Act;
}

const LATEST_MS = 2_500;
const JUNK: readonly unknown[] = [null, 42, 'skip', [], [[]], { by: 7, reason: {} }, { kind: 'reaction' }, true];

export function makeOperation(random: Random, events: readonly SocialEvent[], starters: number): Operation {
  return {
    on: random.pick(events),
    atMs: random.between(0, LATEST_MS),
    awaitParked: random.chance(0.5),
    act: makeAct(random, starters),
  };
}

function makeAct(random: Random, starters: number): Act {
  const rank = random.next();
  if (rank < 0.15) return { name: 'retry', by: random.pick(['signal', 'update']), argument: argumentOf(random) };
  if (rank < 0.35) return { name: 'skip', by: random.pick(['signal', 'update']), argument: argumentOf(random) };
  if (rank < 0.47) return { name: 'cancel' };
  if (rank < 0.6) return { name: 'terminate' };
  if (rank < 0.85) {
    return {
      name: 'reset',
      run: random.pick(['last', 'last', 'first', random.next()]),
      to: random.pick(['first', 'last', 'last', random.next()]),
      reapplies: random.chance(0.5),
    };
  }
  if (rank < 0.96) {
    return {
      name: 'garbage',
      signal: random.pick(['edgeEvent', 'edgeEvent', 'nobody knows']),
      argument: random.pick(JUNK),
      isBroken: random.chance(0.3),
    };
  }
  return rank < 0.98 ? { name: 'restart worker' } : { name: 'new bridge', starter: random.between(0, starters - 1) };
}

/** Most say who and why; the Web UI and batches send none, and hands send anything. */
function argumentOf(random: Random): unknown {
  const rank = random.next();
  if (rank < 0.4) return { by: 'eve', reason: 'policy mended' };
  return rank < 0.8 ? undefined : random.pick(JUNK);
}
