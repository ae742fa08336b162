import { formatTime, shortened } from './table.ts';

const MAX_VALUE_LENGTH = 300;
/** Farthest time a Date holds, milliseconds. */
const MAX_TIME_MS = 8.64e15;

/**
 * Where an edge stands, out of the memo that its run writes. Builds differ in what they write, so anything is taken: what
 * is not understood is shown as it is.
 */
export function edgeFacts(edge: unknown): [string, string][] {
  if (edge === undefined || edge === null) return [];
  if (!isRecord(edge)) return [['edge', asJson(edge)]];
  return Object.entries(edge).flatMap(([name, value]): [string, string][] => {
    if (value === undefined || value === null) return [];
    if (name === 'register') return [['last applied', describePosition(value)]];
    if (name === 'late') return [['late writes', describeLate(value)]];
    if (name !== 'unsettled') return [[`edge ${name}`, asJson(value)]];
    const events: readonly unknown[] = Array.isArray(value) ? value : [value];
    return events.map((event) => ['not settled', describeUnsettled(event)]);
  });
}

/** A place in the order of an edge: `present since 2026-01-31 12:00:00.000000Z`. */
export function describePosition(position: unknown): string {
  if (!isRecord(position) || typeof position['eventTimeMicros'] !== 'number') return asJson(position);
  const { eventTimeMicros, sentMicros, present } = position;
  if (eventTimeMicros < 0) return 'nothing yet';
  const state = typeof present === 'boolean' ? `${present ? 'present' : 'removed'} since ` : '';
  const sent = sentMicros === undefined ? '' : ` (sent ${formatMicros(sentMicros)})`;
  return `${state}${formatMicros(eventTimeMicros)}${sent}`;
}

/** Microseconds since the epoch, to the microsecond: events of an edge may differ in nothing else. */
export function formatMicros(micros: unknown): string {
  if (typeof micros !== 'number' || !(Math.abs(micros / 1_000) <= MAX_TIME_MS)) return asJson(micros);
  const fraction = String(Math.trunc(((micros % 1_000_000) + 1_000_000) % 1_000_000)).padStart(6, '0');
  return formatTime(new Date(Math.floor(micros / 1_000))).replace(/Z$/u, `.${fraction}Z`);
}

/** Writes without an answer, of this run or those before it. */
function describeLate(late: unknown): string {
  if (!isRecord(late) || typeof late['untilMs'] !== 'number') return asJson(late);
  return `GetStream may carry them out until ${formatMicros(late['untilMs'] * 1_000)}`;
}

function describeUnsettled(event: unknown): string {
  if (!isRecord(event)) return asJson(event);
  const words = ['action', 'source', 'target', 'userId', 'edgeId']
    .map((field) => event[field])
    .filter((value) => typeof value === 'string');
  if (words.length === 0) return asJson(event);
  return `${words.join(' ')} of ${formatMicros(event['eventTimeMicros'])}`;
}

function asJson(value: unknown): string {
  // Without a text: of `undefined`.
  return shortened(JSON.stringify(value) ?? 'unknown', MAX_VALUE_LENGTH);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
