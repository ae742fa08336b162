import { parseMessage } from '../../contracts/parse-message.ts';
import { isEdgeEvent, type EdgeEvent } from '../../contracts/social-event.ts';
import { Random } from '../../local/random.ts';

/** One handing over of an event to a bridge. */
export interface Delivery {
  readonly event: EdgeEvent;
  /** Which of the bridges takes it. */
  readonly starter: number;
  /** From the start of its phase, milliseconds. */
  readonly delayMs: number;
  /** The answer counts as lost, so that another bridge is handed the same event again. */
  readonly answerLost: boolean;
}

/** What befalls the events of one edge. */
export interface Schedule {
  readonly seed: number;
  readonly events: readonly EdgeEvent[];
  /** One after the other; before each but the first, the run that is open has closed, or is about to. */
  readonly phases: readonly { readonly awaitClose: boolean; readonly deliveries: readonly Delivery[] }[];
}

export interface ScheduleOptions {
  readonly starters: number;
  /** How long a resumed run stays open: deliveries are aimed at its end. */
  readonly lingerMs: number;
}

const TIMES = 8;

/** 2 to 6 events of one edge, permuted, repeated, spread over bridges and time; the same for the same seed. */
export function makeSchedule(seed: number, { starters, lingerMs }: ScheduleOptions, run = 'pure'): Schedule {
  const random = new Random(seed);
  const follows = random.chance(0.5);
  const count = random.between(2, 6);
  const events = Array.from({ length: count }, (_, index) =>
    follows ? followOf(random, `${run}-${seed}`, index) : reactionOf(random, `${run}-${seed}`, index),
  );
  const repeats = Array.from({ length: random.between(0, 3) }, () => random.pick(events));
  const races = random.chance(0.4);
  // A race: several bridges find the run of an early event closed, and each wants to go on from it.
  const order = races ? earliestFirst(events) : shuffled([...events, ...repeats], random);
  const cut = races ? 1 : random.chance(0.5) ? random.between(1, order.length - 1) : order.length;
  const spreadMs = random.pick([0, 30, 150, 400]);
  const deliver = (event: EdgeEvent): Delivery => ({
    event,
    starter: random.between(0, starters - 1),
    delayMs: random.between(0, spreadMs),
    answerLost: random.chance(0.15),
  });
  const first = order.slice(0, cut).map(deliver);
  const awaitClose = races || random.chance(0.5);
  // Without waiting for the close, aimed at the moment at which a resumed run is about to close.
  const aimMs = awaitClose ? 0 : lingerMs;
  const later = order
    .slice(cut)
    .map(deliver)
    .map((delivery) => ({ ...delivery, delayMs: Math.max(0, aimMs + random.between(-80, 80)) + delivery.delayMs }));
  return {
    seed,
    events,
    phases: [
      { awaitClose: false, deliveries: first },
      ...(later.length > 0 ? [{ awaitClose, deliveries: later }] : []),
    ],
  };
}

/** The earliest, then the others from the latest on. */
function earliestFirst(events: readonly EdgeEvent[]): EdgeEvent[] {
  const [earliest, ...others] = events.toSorted((left, right) => left.eventTimeMicros - right.eventTimeMicros);
  return earliest ? [earliest, ...others.toReversed()] : [];
}

/** The copy limit tells the events of an edge apart where they are written. */
function followOf(random: Random, edge: string, index: number): EdgeEvent {
  const message = {
    SourceFeedID: `timeline:${edge}`,
    TargetFeedID: 'user:target',
    ActivityCopyLimit: index + 1,
    Kind: random.chance(0.5) ? 'Follow' : 'Unfollow',
  };
  return asEdge(parseMessage('follow', message, random.between(1, TIMES)));
}

/** A reaction's target feed does the same. */
function reactionOf(random: Random, edge: string, index: number): EdgeEvent {
  const message = {
    ActivityID: 'f01c0000-acf5-11e5-8080-80006a8b5bc2',
    Kind: random.chance(0.5) ? 'Like' : 'Unlike',
    Data3: edge,
    UserID: 'alice',
    TargetFeed: [`notification:event-${index}`],
  };
  return asEdge(parseMessage('reaction', message, random.between(1, TIMES)));
}

function asEdge(event: ReturnType<typeof parseMessage>): EdgeEvent {
  if (!isEdgeEvent(event)) throw new Error(`${event.kind} is no edge event`);
  return event;
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return items
    .map((item) => ({ item, rank: random.next() }))
    .toSorted((left, right) => left.rank - right.rank)
    .map(({ item }) => item);
}
