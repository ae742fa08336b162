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

/** What an edge remembers of its latest event; events at or before it change nothing. */
export type EdgeRegister = EdgePosition;

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

export function isLater(position: EdgePosition, register: EdgeRegister | undefined): boolean {
  return register === undefined || compareEdgePositions(position, register) > 0;
}
