import assert from 'node:assert/strict';
import { eventQuery, retryUpdate, skipUpdate } from '../../contracts/events/event-workflow.ts';
import type { EventStatus } from '../../contracts/shared/names.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { attemptsWithin } from '../../workflows/events/step-runner.ts';
import { eventually } from '../support/eventually.ts';
import { someOf } from '../support/extent.ts';
import { pairwise } from '../support/pairwise.ts';
import { LATE_MS, STAGE_POLICY, startStreamStage, type Fault, type StreamStage } from '../support/stream-stage.ts';
import { KINDS, makeSubject, type Kind, type Subject } from './support/subjects.ts';

/** What became of the event's write before it parked. */
const WRITTEN = [
  'refused',
  'written without an answer, then refused',
  'written late, then refused',
  'written late, in an outage',
  'written without an answer, then refused, and its undo failed',
] as const;
const EXITS = ['retry', 'skip', 'cancel', 'limit', 'terminate'] as const;
/** When a later event of the edge comes, and whether GetStream refuses it, so that it is skipped. */
const LATER = ['never', 'before', 'together', 'after', 'before, refused', 'after, refused'] as const;

interface Way extends Readonly<Record<string, string>> {
  readonly kind: Kind;
  readonly written: (typeof WRITTEN)[number];
  readonly exit: (typeof EXITS)[number];
  readonly later: (typeof LATER)[number];
}

const WAYS = someOf(
  pairwise<Way>({ kind: KINDS, written: WRITTEN, exit: EXITS, later: LATER }, ({ kind, written, exit, later }) => {
    // Reads of one post cannot be told from those of another, so that none can be kept from being looked up.
    if (kind === 'post' || kind === 'comment')
      return later === 'never' && exit !== 'terminate' && written !== 'written late, in an outage';
    // Terminating runs no code: what was written stays, until the next event of the edge comes.
    if (exit === 'terminate') return later === 'after' || later === 'after, refused';
    return true;
  }),
  24,
);
/** Long enough for a later event to come before it. */
const LIMIT_MS = 5_000;
const AT_ONCE = 12;

describe('a parked event', function () {
  this.timeout(120_000);
  let stage: StreamStage;
  let ends: readonly Promise<void>[];

  before(async function () {
    // The first run on a machine may have to build the Temporal server.
    this.timeout(900_000);
    stage = await startStreamStage();
    ends = inTurns(WAYS, AT_ONCE, (way) => play(stage, way));
  });
  after(() => stage.stop());

  for (const [index, way] of WAYS.entries()) {
    const { kind, written, exit, later } = way;
    it(`${kind}, ${written}; ${exit}; later event: ${later}`, async function () {
      this.timeout(600_000);
      await ends[index];
    });
  }
});

async function play(stage: StreamStage, { kind, written, exit, later }: Way): Promise<void> {
  const subject = await makeSubject(stage, kind);
  const { event } = subject;
  const begun = Date.now();
  await stage.fault(...faultsOf(subject, written));
  await stage.start(event, exit === 'limit' ? { parkedLimitMs: LIMIT_MS } : {});
  await stage.isParked(event);
  const [when, isRefused] = [later.split(',')[0], later.endsWith('refused')];
  const send = async (): Promise<void> => {
    if (!subject.later) return;
    if (isRefused) await stage.fault({ match: subject.laterRequest, fault: 'error', status: 403, times: 1 });
    await stage.start(subject.later);
  };
  if (when === 'before') {
    await send();
    if (isRefused && subject.later) await isParkedWith(stage, subject.later);
    else await eventually(async () => assert.equal(await subject.look(), subject.shows.later), { timeoutMs: 60_000 });
  }
  await Promise.all([leave(stage, event, exit), ...(when === 'together' ? [send()] : [])]);
  await stage.isClosed(event);
  if (when === 'after') {
    await send();
    if (isRefused) {
      await stage.isParked(event);
      await stage.fixture.handle(event).executeUpdate(skipUpdate, { args: [{}] });
    }
    await stage.isClosed(event);
  }
  await eventually(() => assert.ok(Date.now() > begun + 2 * LATE_MS), { timeoutMs: 2 * LATE_MS + 1_000 });
  assert.equal(await subject.look(), standsInTheEnd(subject, exit, later), 'what GetStream shows');
  if (later === 'never') assert.equal(await stage.statusOf(event), STATUSES[exit]);
}

const STATUSES: Readonly<Record<Way['exit'], EventStatus>> = {
  retry: 'applied',
  skip: 'skipped',
  cancel: 'compensated',
  limit: 'compensated',
  terminate: 'parked',
};

function standsInTheEnd({ shows }: Subject, exit: Way['exit'], later: Way['later']): string {
  switch (later) {
    case 'before':
    case 'together':
    case 'after':
      return shows.later;
    case 'before, refused':
      return exit === 'retry' ? shows.later : shows.before;
    case 'never':
    case 'after, refused':
      return exit === 'retry' ? shows.event : shows.before;
  }
}

function faultsOf({ write, undo, read, readsFirst }: Subject, written: Way['written']): readonly Fault[] {
  // What was removed is found to be gone by the next attempt, unless it may not look.
  const refused: Fault = { match: readsFirst && read ? read : write, fault: 'error', status: 403, times: 1 };
  const first: readonly Fault[] = readsFirst && read ? [{ match: read, fault: 'delay', delayMs: 0, times: 1 }] : [];
  const hangs: Fault = { match: write, fault: 'commitThenHang', times: 1 };
  const isLate: Fault = { match: write, fault: 'commitLate', delayMs: LATE_MS, times: 1 };
  switch (written) {
    case 'refused':
      return [{ ...refused, match: write }];
    case 'written without an answer, then refused':
      return [...first, hangs, refused];
    case 'written late, then refused':
      return [...first, isLate, refused];
    case 'written late, in an outage': {
      const { retryBudgetMs = 0, compensationBudgetMs = 0 } = STAGE_POLICY;
      // The write is looked up at the end, and must not be found by then.
      const reads = readsFirst
        ? [...outage(read, retryBudgetMs), ...outage(read, compensationBudgetMs)]
        : outage(read, compensationBudgetMs);
      return [...first, isLate, ...outage(write, retryBudgetMs), ...reads];
    }
    case 'written without an answer, then refused, and its undo failed':
      return [...first, hangs, refused, ...outage(undo, STAGE_POLICY.compensationBudgetMs)];
  }
}

/** So many failures as there are attempts in the budget. */
function outage(match: Fault['match'] | undefined, budgetMs = 0): readonly Fault[] {
  const times = attemptsWithin(budgetMs, { retryInitialMs: 0, retryMaximumMs: 0, ...STAGE_POLICY });
  return match ? [{ match, fault: 'error', status: 503, times }] : [];
}

async function leave(stage: StreamStage, event: SocialEvent, exit: Way['exit']): Promise<void> {
  const handle = stage.fixture.handle(event);
  switch (exit) {
    case 'retry':
      await handle.executeUpdate(retryUpdate, { args: [{}] });
      return;
    case 'skip':
      await handle.executeUpdate(skipUpdate, { args: [{}] });
      return;
    case 'cancel':
      await handle.cancel();
      return;
    case 'terminate':
      await handle.terminate();
      return;
    case 'limit':
  }
}

/** The event parked, then a later one that was tried and parked in its place. */
async function isParkedWith(stage: StreamStage, later: SocialEvent): Promise<void> {
  await eventually(
    async () => {
      const { event, status } = await stage.fixture.handle(later).query(eventQuery);
      assert.deepEqual([event.eventTimeMicros, status], [later.eventTimeMicros, 'parked']);
    },
    { timeoutMs: 60_000 },
  );
}

/** Starts the work on all items, so many at a time. */
function inTurns<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): readonly Promise<Result>[] {
  const done: Promise<unknown>[] = [];
  return items.map((item, index) => {
    const before = done[index - atOnce] ?? Promise.resolve();
    const result = before.then(() => work(item));
    done.push(result.catch(() => undefined));
    return result;
  });
}
