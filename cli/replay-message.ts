import type { History } from './history-proto.ts';

/**
 * The event that Temporal's core complains of. It names most as `HistoryEvent(id: 5, ActivityTaskScheduled)`; of a local
 * activity it tells the sequence number only, which the marker in the history bears too. [seen with SDK 1.24]
 */
export function divergingEvent(message: string, history: History): number | undefined {
  const id = /HistoryEvent\(id: (\d+)/u.exec(message)?.[1];
  if (id !== undefined) return Number(id);
  const sequence = /LocalActivity\((\d+)\)/u.exec(message)?.[1];
  if (sequence === undefined) return undefined;
  const marker = history.events?.find((event) => {
    const data = event.markerRecordedEventAttributes?.details?.['data']?.payloads?.[0]?.data;
    return data !== undefined && data !== null && localActivitySequence(data) === Number(sequence);
  });
  return marker?.eventId === undefined || marker.eventId === null ? undefined : Number(marker.eventId);
}

/** The innermost message, out of the debug form of Rust that core wraps around it. */
export function reasonIn(message: string): string {
  const quoted = /message: ("(?:[^"\\]|\\.)*")/u.exec(message)?.[1];
  if (quoted === undefined) return message;
  try {
    const text: unknown = JSON.parse(quoted);
    return typeof text === 'string' && text !== '' ? text : message;
  } catch {
    return message;
  }
}

function localActivitySequence(data: Uint8Array): number | undefined {
  try {
    const marker: unknown = JSON.parse(Buffer.from(data).toString());
    const sequence: unknown = Reflect.get(Object(marker), 'seq');
    return typeof sequence === 'number' ? sequence : undefined;
  } catch {
    return undefined;
  }
}
