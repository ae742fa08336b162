import type { History } from './history-proto.ts';

/**
 * The event that Temporal's core complains of. It names most as `HistoryEvent(id: 5, ActivityTaskScheduled)`; of a local
 * activity it tells the sequence number only, of `patched` the id of the change, which their markers bear too. [seen with
 * SDK 1.24]
 */
export function divergingEvent(message: string, history: History): number | undefined {
  const id = /HistoryEvent\(id: (\d+)/u.exec(message)?.[1];
  if (id !== undefined) return Number(id);
  const sequence = /LocalActivity\((\d+)\)/u.exec(message)?.[1];
  if (sequence !== undefined) return markerOf(history, 'data', 'seq', Number(sequence));
  const change = /patch marker encountered for change (.+?),/u.exec(message)?.[1];
  return change === undefined ? undefined : markerOf(history, 'patch-data', 'id', change);
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

function markerOf(history: History, detail: string, field: string, value: unknown): number | undefined {
  const marker = history.events?.find((event) => {
    const data = event.markerRecordedEventAttributes?.details?.[detail]?.payloads?.[0]?.data;
    return data !== undefined && data !== null && fieldOf(data, field) === value;
  });
  return marker?.eventId === undefined || marker.eventId === null ? undefined : Number(marker.eventId);
}

function fieldOf(data: Uint8Array, field: string): unknown {
  try {
    const content: unknown = JSON.parse(Buffer.from(data).toString());
    return Reflect.get(Object(content), field);
  } catch {
    return undefined;
  }
}
