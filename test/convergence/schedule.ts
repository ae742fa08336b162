import type { EventPolicy } from '../../contracts/events/event-policy.ts';
import type { EdgeEvent, SocialEvent } from '../../contracts/events/social-event.ts';
import { Random } from '../../local/random.ts';
import { makeEvents, repeatUnderOtherTime, type ScheduledEvents } from './schedule-events.ts';
import { makeOperation, type Operation } from './schedule-operations.ts';
import type { TroubleProfile } from './trouble.ts';

/** One handing over of an event to a bridge. */
export interface Delivery {
  readonly event: SocialEvent;
  /** Which of the bridges takes it. */
  readonly starter: number;
  /** From the start of its phase, milliseconds. */
  readonly atMs: number;
  /** The answer counts as lost, so that another bridge is handed the same event again. */
  readonly answerLost: boolean;
  /** The event that its `EventID` was seen with before: it is that one, whatever its time says. */
  readonly repeats?: SocialEvent;
}

export interface Phase {
  /** Waits until no run is open any more; an operator releases what is parked. Else it begins at once. */
  readonly awaitClose: boolean;
  readonly deliveries: readonly Delivery[];
  readonly operations: readonly Operation[];
}

/** What befalls the events of one edge, and the posts they refer to. */
export interface Schedule extends ScheduledEvents {
  readonly seed: number;
  readonly policy: Partial<EventPolicy>;
  readonly trouble: TroubleProfile;
  readonly phases: readonly Phase[];
  /** Whether an old event comes once more in the end, which takes along what a terminated run left. */
  readonly wakes: boolean;
}

export interface ScheduleOptions {
  readonly starters: number;
}

const CALM = { refused: 0.02, forbidden: 0, limited: 0, unanswered: 0.02, stuck: 0, partial: 0.05, delayMs: 5 };
const USUAL = {
  refused: 0.1,
  forbidden: 0.02,
  limited: 0.005,
  unanswered: 0.1,
  stuck: 0.01,
  partial: 0.2,
  delayMs: 10,
};
const STORM = {
  refused: 0.2,
  forbidden: 0.06,
  limited: 0.01,
  unanswered: 0.25,
  stuck: 0.02,
  partial: 0.4,
  delayMs: 20,
};

/** The same for the same seed. @param run tells the edges of one run of the tests from those of another */
export function makeSchedule(seed: number, { starters }: ScheduleOptions, run = 'pure'): Schedule {
  const random = new Random(seed);
  const events = makeEvents(random, `${run}-${seed}`);
  const policy = makePolicy(random);
  const trouble = { seed: random.between(0, 2 ** 30), ...random.pick([CALM, CALM, USUAL, USUAL, USUAL, STORM, STORM]) };
  const deliver = (event: SocialEvent, spreadMs: number): Delivery => ({
    event,
    starter: random.between(0, starters - 1),
    atMs: random.between(0, spreadMs),
    answerLost: random.chance(0.15),
  });
  const parts = spread(random, events);
  const operated = random.chance(0.55);
  const phases = parts.map((part, index): Phase => {
    const awaitClose = index > 0 && random.chance(0.6);
    // Without waiting for the close, aimed at the moment at which a resumed run is about to close.
    const aimMs = index === 0 || awaitClose ? 0 : random.pick([0, policy.resumedLingerMs ?? 0]);
    const spreadMs = random.pick([0, 30, 150, 400]);
    const deliveries = part
      .map((event) => deliver(event, spreadMs))
      .map((delivery) => ({ ...delivery, atMs: Math.max(0, aimMs + random.between(-80, 80)) + delivery.atMs }));
    const known = awaitClose ? parts.slice(0, index).flat() : [];
    const repeated = repeatUnderOtherTime(random, known);
    const operations = Array.from({ length: operated ? random.between(0, 2) : 0 }, () =>
      makeOperation(random, [...events.edge, ...events.posts], starters),
    );
    return {
      awaitClose,
      deliveries: [
        ...deliveries,
        ...(repeated ? [{ ...deliver(repeated.event, spreadMs), repeats: repeated.repeats }] : []),
      ],
      operations,
    };
  });
  return { seed, ...events, policy, trouble, phases, wakes: random.chance(0.7) };
}

/** Times that only a failure waits for are now long, so that it must be overcome, and now short, so that events park. */
function makePolicy(random: Random): Partial<EventPolicy> {
  return {
    fastAttemptTimeoutMs: 400,
    attemptTimeoutMs: 1_500,
    retryInitialMs: 20,
    retryMaximumMs: 100,
    retryBudgetMs: random.pick([2_000, 5_000, 60_000]),
    compensationBudgetMs: random.pick([2_000, 60_000]),
    lateCommitMs: random.between(1_200, 1_500),
    parentWaitMs: random.pick([300, 1_000]),
    parentMissing: random.pick(['park', 'park', 'write']),
    copyConfirmAttempts: 2,
    copyRounds: 2,
    resumedLingerMs: random.between(1_800, 2_200),
    overtakenLingerMs: random.pick([500, 60_000]),
    autoRetryDelaysMs: random.pick([[], [], [200], [300, 600]]),
    ...(random.chance(0.1) ? { parkedLimitMs: 1_500 } : {}),
  };
}

/** Permuted, some repeated, in one to three parts; or a race: several bridges go on from the run of an early event. */
function spread(random: Random, { edge, posts }: ScheduledEvents): SocialEvent[][] {
  if (random.chance(0.3)) {
    const [earliest, ...others] = edge.toSorted((left, right) => left.eventTimeMicros - right.eventTimeMicros);
    const first: SocialEvent[] = [...posts, ...(earliest ? [earliest] : [])];
    return others.length > 0 ? [first, shuffled<EdgeEvent>(others, random)] : [first];
  }
  const all: SocialEvent[] = [...edge, ...posts];
  const repeats = Array.from({ length: random.between(0, 3) }, () => random.pick(all));
  const order = shuffled([...all, ...repeats], random);
  const parts = Math.min(random.between(1, 3), order.length);
  const size = Math.ceil(order.length / parts);
  return Array.from({ length: parts }, (_, index) => order.slice(index * size, (index + 1) * size)).filter(
    (part) => part.length > 0,
  );
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return items
    .map((item) => ({ item, rank: random.next() }))
    .toSorted((left, right) => left.rank - right.rank)
    .map(({ item }) => item);
}
