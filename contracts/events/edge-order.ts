import type { EdgeEvent } from './social-event.ts';

/**
 * Where an event stands among all events of its edge. The order is total and the same everywhere, so that every
 * permutation and duplication of an edge's events ends in the state of the greatest one.
 */
export interface EdgePosition {
  readonly eventTimeMicros: number;
  /** When its message was first sent, microseconds; decides among equal times. Absent in registers of old runs. */
  readonly sentMicros?: number;
  /** Whether the relation exists after the event. */
  readonly present: boolean;
  /** Content that tells apart events of one time and one outcome. */
  readonly tieBreak: string;
}

/**
 * What an edge remembers from one run to the next: the position of the latest event that was decided on. Events at or before
 * it change nothing.
 */
export interface EdgeRegister extends EdgePosition {
  /** The event whose effect stands on GetStream, when the latest one was given up; null: none is known. Left out: the latest itself. */
  readonly stands?: EdgePosition | null;
  /** `EventID`s seen lately, oldest first: a second message with one of them is the same event. */
  readonly eventIds?: readonly string[];
}

/** How many `EventID`s an edge remembers; with UUIDs about 3 KB. */
const MAX_EVENT_IDS = 64;

/** Marks an edge of which nothing is known to have been applied, though it had runs before. */
export const NOTHING_APPLIED: EdgeRegister = { eventTimeMicros: -1, present: false, tieBreak: '', stands: null };

/** The event whose effect stands on GetStream, as far as the edge knows. */
export function standingOf(register: EdgeRegister | undefined): EdgePosition | undefined {
  if (!register) return undefined;
  return register.stands === undefined ? register : (register.stands ?? undefined);
}

/** The register after an event was decided on: applied, or given up, so that what stood before it still stands. */
export function advanceRegister(
  register: EdgeRegister | undefined,
  position: EdgePosition,
  outcome: 'applied' | 'givenUp',
): EdgeRegister | undefined {
  if (register && isLater(register, position)) return register;
  const eventIds = register?.eventIds ?? [];
  const before = standingOf(register);
  // One that was applied in a run that was reset since, and then given up: what stood before it is not known any more.
  const stands = before && isLater(position, before) ? before : null;
  return {
    ...position,
    ...(outcome === 'givenUp' ? { stands } : {}),
    ...(eventIds.length > 0 ? { eventIds } : {}),
  };
}

/** The `EventID`s with one more, the oldest dropped where there are too many. */
export function rememberEventId(known: readonly string[], eventId: string | undefined): readonly string[] {
  if (eventId === undefined || known.includes(eventId)) return known;
  return [...known, eventId].slice(-MAX_EVENT_IDS);
}

export function edgePosition(event: EdgeEvent): EdgePosition {
  const content =
    event.kind === 'follow'
      ? [event.action, event.copyLimit]
      : [event.action, event.activityId, event.userId, ...event.targetFeeds];
  return {
    eventTimeMicros: event.eventTimeMicros,
    ...(event.sentMicros === undefined ? {} : { sentMicros: event.sentMicros }),
    present: event.action !== 'Unlike' && event.action !== 'Unfollow',
    tieBreak: JSON.stringify([...content, event.eventId ?? '']),
  };
}

/**
 * Negative when `left` is earlier than `right`. Equal times, as producers that keep whole seconds give them, are decided by
 * the time of sending; when that is equal too, a removal counts as the later one: what a user may have withdrawn is not shown.
 */
export function compareEdgePositions(left: EdgePosition, right: EdgePosition): number {
  if (left.eventTimeMicros !== right.eventTimeMicros) return left.eventTimeMicros - right.eventTimeMicros;
  const [leftSent, rightSent] = [sentOf(left), sentOf(right)];
  if (leftSent !== rightSent) return leftSent - rightSent;
  if (left.present !== right.present) return left.present ? -1 : 1;
  if (left.tieBreak === right.tieBreak) return 0;
  return left.tieBreak < right.tieBreak ? -1 : 1;
}

/** An event is sent when it happens or later, so its time stands in where the time of sending is not known. */
function sentOf({ eventTimeMicros, sentMicros }: EdgePosition): number {
  return sentMicros ?? eventTimeMicros;
}

/**
 * The event at a position, made from another event of the same edge: what was applied before can be written again from what
 * the register keeps. Undefined when the register is of a version that kept something else.
 */
export function eventAt(position: EdgePosition, edge: EdgeEvent): EdgeEvent | undefined {
  const content = contentOf(position);
  const { eventTimeMicros, sentMicros } = position;
  const time = { eventTimeMicros, ...(sentMicros === undefined ? {} : { sentMicros }) };
  if (edge.kind === 'follow') {
    const [action, copyLimit] = content;
    if ((action !== 'Follow' && action !== 'Unfollow') || typeof copyLimit !== 'number') return undefined;
    return { kind: 'follow', source: edge.source, target: edge.target, action, copyLimit, ...time };
  }
  const [action, activityId, userId, ...rest] = content;
  if (action !== 'Like' && action !== 'Unlike' && action !== 'Star' && action !== 'Share') return undefined;
  if (typeof activityId !== 'string' || typeof userId !== 'string') return undefined;
  // The last item is the event's own id.
  const targetFeeds = rest.slice(0, -1).map(String);
  const { edgeId, reactionId } = edge;
  return { kind: 'reaction', action, edgeId, reactionId, activityId, userId, targetFeeds, ...time };
}

function contentOf({ tieBreak }: EdgePosition): readonly unknown[] {
  try {
    const content: unknown = JSON.parse(tieBreak);
    return Array.isArray(content) ? content : [];
  } catch {
    return [];
  }
}

/** Tells the event at this position from all others of its edge. */
export function positionKey(position: EdgePosition): string {
  return `${position.eventTimeMicros}/${sentOf(position)}/${position.tieBreak}`;
}

/** Of two positions, either of which may be missing, the later one. */
export function latestOf<Position extends EdgePosition>(
  left: Position | undefined,
  right: Position | undefined,
): Position | undefined {
  if (!left || !right) return left ?? right;
  return compareEdgePositions(left, right) >= 0 ? left : right;
}

export function isLater(position: EdgePosition, register: EdgeRegister | undefined): boolean {
  return register === undefined || compareEdgePositions(position, register) > 0;
}
