import proto from '@temporalio/proto';
import { UnreadableHistoryError, type JsonObject, type NormalisedHistory } from './history-format.ts';

const { History } = proto.temporal.api.history.v1;

export type History = proto.temporal.api.history.v1.IHistory;

/** Fields of the types Timestamp and Duration below a history event, by how their names end. */
export const TIME_FIELD = /Time$/u;
export const DURATION_FIELD = /(?:Timeout|Interval|Delay|Backoff|[dD]uration)$/u;

const DURATION = /^(\d+)(?:\.(\d{1,9}))?s$/u;
const FRACTION = /\.(\d{1,9})/u;

/**
 * The history as the SDK replays it.
 *
 * Not by `historyFromJSON` of the SDK (1.24), which fails with "type must be a Type" wherever npm gives
 * `@temporalio/common` and `@temporalio/proto` copies of protobufjs of their own, as the lock file here does.
 *
 * @throws UnreadableHistoryError when it holds a type of event that this version of Temporal does not know
 */
export function toHistory({ events }: NormalisedHistory): History {
  const history = History.fromObject({ events: events.map((event) => withSeconds(event)) });
  for (const [index, { eventType }] of history.events.entries()) {
    // An unknown name becomes 0 without a word.
    if (eventType) continue;
    throw new UnreadableHistoryError(
      `event ${index + 1} is of the unknown type ${String(events[index]?.['eventType'])}`,
    );
  }
  return history;
}

/** Times and durations as seconds and nanoseconds, where JSON has text. */
function withSeconds(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, convert(key, value)]));
}

function convert(key: string, value: unknown): unknown {
  if (typeof value === 'string') {
    if (TIME_FIELD.test(key)) return timestamp(value);
    if (DURATION_FIELD.test(key)) return duration(value);
    return value;
  }
  if (Array.isArray(value)) return value.map((each: unknown) => convert('', each));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- any object can be read by name
  return typeof value === 'object' && value !== null ? withSeconds(value as JsonObject) : value;
}

function timestamp(text: string): unknown {
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) throw new UnreadableHistoryError(`${JSON.stringify(text)} is not a time`);
  return { seconds: Math.floor(milliseconds / 1_000), nanos: nanos(FRACTION.exec(text)?.[1]) };
}

function duration(text: string): unknown {
  const parts = DURATION.exec(text);
  if (!parts) throw new UnreadableHistoryError(`${JSON.stringify(text)} is not a duration`);
  return { seconds: Number(parts[1]), nanos: nanos(parts[2]) };
}

function nanos(fraction = ''): number {
  return Number(fraction.padEnd(9, '0'));
}
