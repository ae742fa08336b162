import {
  compareEdgePositions,
  edgePosition,
  isLater,
  positionKey,
  standingOf,
} from '../../contracts/events/edge-order.ts';
import type { EdgeState } from '../../contracts/events/event-workflow.ts';
import type { EdgeEvent } from '../../contracts/events/social-event.ts';
import { describeStanding, isEffectOf, type EdgeStanding } from './standing.ts';

/** An event that was taken: its bridge said so. */
export interface Taken {
  readonly event: EdgeEvent;
  /** When it was first handed over, milliseconds. */
  readonly atMs: number;
  /** How often everything taken before was seen settled, before this one was handed over. */
  readonly epoch: number;
}

/** Something that may have given up one event: an operator, or the limit of the policy. */
export interface GivingUp {
  readonly by: 'skip' | 'cancel' | 'limit';
  /** What was handed over later it did not mean. */
  readonly beforeMs: number;
  /** The event it surely gave up, where that is known. */
  readonly event?: EdgeEvent;
}

/** A change that was carried out on GetStream. */
export interface Change {
  /** When the attempt began that asked for it, and when it was carried out, milliseconds. */
  readonly beganMs: number;
  readonly committedMs: number;
  readonly activity: string;
  readonly input: unknown;
  /** What stood when it was sent, and just before and after it. */
  readonly found: EdgeStanding | undefined;
  readonly before: EdgeStanding | undefined;
  readonly after: EdgeStanding | undefined;
}

/** A call whose answer the workflow had. */
export interface Answered {
  readonly beganMs: number;
  readonly endedMs: number;
  readonly activity: string;
  readonly input: unknown;
}

/** Everything that is known of an edge once no run of it is open and nothing can come late any more. */
export interface EdgeFacts {
  readonly taken: readonly Taken[];
  readonly givingUps: readonly GivingUp[];
  /** What the last run leaves to the next one, as a bridge reads it. */
  readonly belief: EdgeState;
  /** The last run was terminated, or cancelled while its undo failed: what it had not decided the next event takes along. */
  readonly isCutShort: boolean;
  /** What others had made before. */
  readonly before: EdgeStanding | undefined;
  readonly end: EdgeStanding | undefined;
  readonly changes: readonly Change[];
  readonly answered: readonly Answered[];
  /** Ids on GetStream of activities that events refer to by their `ForeignID`. */
  readonly activityIds: ReadonlyMap<string, string>;
}

/**
 * What is wrong with an edge, nothing when all is well:
 *
 * - every event that was taken is decided, or left to the next run by one that was cut short: terminated, or cancelled while
 *   its undo failed;
 * - the latest of them decides. Where it was given up, somebody gave it up, and what stands is the latest event below it
 *   that is neither given up nor was passed over: an event that was not yet written when a later one came is superseded
 *   by it, for good, also when that one is given up in the end;
 * - what stands on GetStream is just that event's effect, and the edge knows it;
 * - nobody else's reaction or follow was touched, and once the final event was applied, nothing went away from it.
 *
 * Where a run that was cut short left an event undecided, its state is right, the state before it, and what lies between:
 * nothing looks after it until the edge's next event, which takes it along.
 */
export function faultsOf(facts: EdgeFacts): string[] {
  return [
    ...lostEvents(facts),
    ...wrongDecision(facts),
    ...wrongEnd(facts),
    ...touchedOthers(facts),
    ...wentAway(facts),
  ];
}

function lostEvents({ taken, belief: { register, unsettled }, isCutShort }: EdgeFacts): string[] {
  const isDecided = (event: EdgeEvent): boolean => register !== undefined && !isLater(edgePosition(event), register);
  const isLeft = (event: EdgeEvent): boolean =>
    unsettled !== undefined && compareEdgePositions(edgePosition(event), edgePosition(unsettled)) <= 0;
  const lost = taken.filter(({ event }) => !isDecided(event) && !isLeft(event));
  return [
    ...lost.map(({ event }) => `was taken, and is nowhere: ${describeEvent(event)}`),
    ...(unsettled && !isCutShort ? [`is left undecided: ${describeEvent(unsettled)}`] : []),
  ];
}

/** The event that should stand; null when none should. */
function standingEvent({ taken, belief: { register } }: EdgeFacts): EdgeEvent | null {
  const standing = standingOf(register);
  if (!standing) return null;
  return taken.find(({ event }) => positionKey(edgePosition(event)) === positionKey(standing))?.event ?? null;
}

function wrongDecision(facts: EdgeFacts): string[] {
  const { taken, belief, givingUps } = facts;
  const { register } = belief;
  if (!register || register.eventTimeMicros < 0) return [];
  const decided = taken.find(({ event }) => positionKey(edgePosition(event)) === positionKey(register));
  if (!decided) return [`was decided by no event that was taken: ${positionKey(register)}`];
  const standing = standingEvent(facts);
  if (standingOf(register) && !standing) return ['what stands is the effect of no event that was taken'];
  const sure = givingUps.find(({ event }) => standing && event && isSame(event, standing));
  if (sure && standing) return [`stands, though it was given up (${sure.by}): ${describeEvent(standing)}`];
  if (register.stands === undefined) return [];
  const above = taken
    .filter(({ event }) => !isLater(edgePosition(event), register))
    .filter(({ event }) => !standing || isLater(edgePosition(event), edgePosition(standing)))
    .toSorted((one, other) => compareEdgePositions(edgePosition(other.event), edgePosition(one.event)));
  const givenUp: Taken[] = [];
  for (const candidate of above) {
    if (!givenUp.some((later) => candidate.epoch >= later.epoch)) givenUp.push(candidate);
  }
  if (canAllBeGivenUp(givenUp, givingUps)) return [];
  const names = givenUp.map(({ event }) => describeEvent(event)).join(', ');
  return [`counts as given up, and nobody gave it up: ${names}`];
}

/** Each by an operation of its own. */
function canAllBeGivenUp(events: readonly Taken[], givingUps: readonly GivingUp[]): boolean {
  const [first, ...others] = events;
  if (!first) return true;
  return givingUps.some((one) => {
    const fits = one.event ? isSame(one.event, first.event) : first.atMs <= one.beforeMs;
    if (!fits) return false;
    // The limit may give up any number of them.
    return canAllBeGivenUp(others, one.by === 'limit' ? givingUps : givingUps.filter((other) => other !== one));
  });
}

function wrongEnd(facts: EdgeFacts): string[] {
  const { taken, belief, before, end, activityIds } = facts;
  const standing = standingEvent(facts);
  const isEffect = (event: EdgeEvent): boolean => isEffectOf(event, end, activityIds);
  const isOfOthers = end !== undefined && before !== undefined && end.createdAt === before.createdAt;
  if (belief.unsettled) {
    const open = taken.filter(({ event }) => !standing || isLater(edgePosition(event), edgePosition(standing)));
    if (end === undefined || isOfOthers || (standing && isEffect(standing))) return [];
    if (open.some(({ event }) => isEffect(event))) return [];
    return [`ends with ${describeStanding(end)}, which is neither before nor after what is undecided`];
  }
  if (!standing) {
    // Of an earlier event, and another user than the latest one's, which must not touch it.
    const latest = taken.find(
      ({ event }) => belief.register && positionKey(edgePosition(event)) === positionKey(belief.register),
    );
    const isAnothers =
      end?.is === 'reaction' &&
      latest?.event.kind === 'reaction' &&
      latest.event.userId !== end.userId &&
      taken.some(({ event }) => isPresent(event) && isEffect(event));
    if (isAnothers) return [];
    const isRemoved = before?.is === 'follow' && end === undefined && taken.some(({ event }) => !isPresent(event));
    if (isOfOthers || isRemoved || (end === undefined && before === undefined)) return [];
    return [`ends with ${describeStanding(end)}, while no event stands`];
  }
  if (!isEffect(standing)) return [`ends with ${describeStanding(end)} instead of ${describeEvent(standing)}`];
  // A removal leaves alone what other users made under the same id; that must be an event's, or have been there before.
  if (end && !isPresent(standing) && !isOfOthers && !taken.some(({ event }) => isPresent(event) && isEffect(event)))
    return [`ends with ${describeStanding(end)}, which nobody made`];
  return wrongCopy(facts, standing);
}

/** The event that made the relation answers for its copy; one that found it there does not. */
function wrongCopy({ end, changes }: EdgeFacts, standing: EdgeEvent): string[] {
  if (end?.is !== 'follow' || standing.kind !== 'follow') return [];
  const maker = changes.find(({ before, after }) => !before && after?.createdAt === end.createdAt);
  const limit: unknown = maker && typeof maker.input === 'object' ? Reflect.get(maker.input ?? {}, 'copyLimit') : 0;
  const expected = Math.min(Number(limit), AVAILABLE_COPIES);
  if (limit !== standing.copyLimit || end.copies >= expected) return [];
  return [`ends with ${end.copies} copies instead of ${expected}`];
}

/** Posts of the feed that all follow. */
export const AVAILABLE_COPIES = 5;

function touchedOthers({ taken, before, end, changes }: EdgeFacts): string[] {
  const faults: string[] = [];
  for (const change of changes) {
    const { found, after, input, activity } = change;
    if (found?.is !== 'reaction' || after?.createdAt === found.createdAt) continue;
    const userId: unknown = typeof input === 'object' && input !== null ? Reflect.get(input, 'userId') : undefined;
    if (userId !== found.userId) faults.push(`${activity} of ${String(userId)} took away ${describeStanding(found)}`);
  }
  if (before?.is === 'reaction' && end?.createdAt !== before.createdAt)
    faults.push(`of somebody else, and gone: ${describeStanding(before)}`);
  if (before?.is === 'follow' && end?.createdAt !== before.createdAt) {
    const removal = changes.find(({ before: old, after }) => old?.createdAt === before.createdAt && !after);
    const unfollow = taken.find(({ event, atMs }) => !isPresent(event) && removal && atMs <= removal.beganMs);
    if (!unfollow || removal?.activity !== 'unfollow')
      faults.push(`of somebody else, and removed by ${removal?.activity ?? 'nobody'}: ${describeStanding(before)}`);
  }
  return faults;
}

/** Once the latest event had been applied, nothing that began then may lead away from it. */
function wentAway(facts: EdgeFacts): string[] {
  const { belief, givingUps, changes, activityIds } = facts;
  const standing = standingEvent(facts);
  // One that was being given up when its run was cut short is taken back first, and then taken along.
  const isLatest = belief.register?.stands === undefined && !belief.unsettled && givingUps.length === 0;
  const appliedMs = standing && isLatest ? appliedAt(standing, facts) : undefined;
  if (!standing || appliedMs === undefined) return [];
  const away = changes.find(
    ({ beganMs, before, after }) =>
      beganMs > appliedMs && isEffectOf(standing, before, activityIds) && !isEffectOf(standing, after, activityIds),
  );
  if (!away) return [];
  const what = `${away.activity} led from ${describeStanding(away.before)} to ${describeStanding(away.after)}`;
  return [`after ${describeEvent(standing)} was applied, ${what}`];
}

/** When the event's write was first answered; only of events that nothing else can be taken for. */
function appliedAt(event: EdgeEvent, { taken, answered }: EdgeFacts): number | undefined {
  const twins = taken.filter(({ event: other }) => contentOf(other) === contentOf(event));
  if (twins.length > 1) return undefined;
  const isWrite = (call: Answered): boolean => {
    const of = (name: string): unknown =>
      typeof call.input === 'object' && call.input !== null ? Reflect.get(call.input, name) : undefined;
    if (event.kind === 'follow') {
      if (event.action === 'Unfollow') return call.activity === 'unfollow';
      return call.activity === (event.copyLimit > 0 ? 'confirmCopy' : 'follow') && of('copyLimit') === event.copyLimit;
    }
    // An undo takes back only what was made since.
    if (event.action === 'Unlike') return call.activity === 'removeReaction' && of('sinceMs') === undefined;
    return (
      call.activity === 'addReaction' && of('kind') === event.action && sameList(of('targetFeeds'), event.targetFeeds)
    );
  };
  const first = answered.filter(isWrite).toSorted((one, other) => one.endedMs - other.endedMs)[0];
  return first?.endedMs;
}

function sameList(one: unknown, other: readonly string[]): boolean {
  return Array.isArray(one) && one.join() === other.join();
}

function contentOf(event: EdgeEvent): string {
  if (event.kind === 'follow') return `${event.action} ${event.copyLimit}`;
  if (event.action === 'Unlike') return 'Unlike';
  return [event.action, ...event.targetFeeds].join();
}

function isPresent({ action }: EdgeEvent): boolean {
  return action !== 'Unlike' && action !== 'Unfollow';
}

function isSame(one: EdgeEvent, other: EdgeEvent): boolean {
  return positionKey(edgePosition(one)) === positionKey(edgePosition(other));
}

function describeEvent(event: EdgeEvent): string {
  const what = event.kind === 'follow' ? `copying ${event.copyLimit}` : event.targetFeeds.join();
  const time = new Date(event.eventTimeMicros / 1000).toISOString().slice(17, 19);
  const sent = ((event.sentMicros ?? event.eventTimeMicros) - event.eventTimeMicros) / 1_000_000;
  return `${event.action}@${time}+${sent} ${what}`.trim();
}
