import { compareEdgePositions, edgePosition, type EdgePosition } from '../../contracts/edge-order.ts';
import type { EdgeEvent } from '../../contracts/social-event.ts';

/** A write that was committed: an addition bears the mark of its event, a removal none. */
export type EdgeWrite = { readonly present: true; readonly mark: string } | { readonly present: false };

/** What tells the events of an edge apart where they are written. */
export function markOf(event: EdgeEvent): string {
  return event.kind === 'follow' ? String(event.copyLimit) : event.targetFeeds.join();
}

/**
 * What is wrong with the writes of an edge, undefined when nothing is. They must read as its events in ascending order,
 * some left out, some written repeatedly, the greatest last: that ends in the right state and, after the final event was
 * written, goes back to no earlier one.
 */
export function faultOf(events: readonly EdgeEvent[], writes: readonly EdgeWrite[]): string | undefined {
  const ranked = events
    .map((event) => ({ mark: markOf(event), position: edgePosition(event) }))
    .toSorted((left, right) => compareEdgePositions(left.position, right.position));
  const greatest = ranked.at(-1);
  if (!greatest) return undefined;
  const present = writes.at(-1)?.present ?? false;
  if (present !== greatest.position.present) return `ends ${present ? 'present' : 'absent'}: ${describe(writes)}`;
  let current: EdgePosition | undefined;
  for (const [index, write] of writes.entries()) {
    if (!write.present && current?.present === false) continue;
    const reached = current;
    const next = ranked.find(
      ({ mark, position }) =>
        position.present === write.present &&
        (!write.present || mark === write.mark) &&
        (reached === undefined || compareEdgePositions(position, reached) >= 0),
    );
    if (!next) return `write ${index + 1} goes back to an earlier event: ${describe(writes)}`;
    current = next.position;
  }
  const last = writes.at(-1);
  if (last?.present && last.mark !== greatest.mark) return `ends with another event's addition: ${describe(writes)}`;
  return undefined;
}

function describe(writes: readonly EdgeWrite[]): string {
  return writes.map((write) => (write.present ? `+${write.mark}` : '-')).join(' ') || 'no write';
}
