/** Points in time are whole microseconds since the Unix epoch (UTC), the unit of GetStream's `time`. */

const MICROS_PER_MS = 1000;
/** 2255-06-05T23:47:34.740991Z: past it microseconds are no exact numbers, here as on the Stream server. */
const LATEST_MICROS = Number.MAX_SAFE_INTEGER;

/**
 * RFC 3339, and the forms that platforms print by default: no seconds when they are zero (Java), `+0000` after a space or
 * not (Ruby, C), `+00` (PostgreSQL), a comma before the fraction (ISO 8601), and regions after the offset (Java, JavaScript's
 * Temporal, RFC 9557), which the offset has already said.
 */
const TIME =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?(?:( ?(?:[Zz]|UTC|[+-]\d{2}(?::?\d{2})?))(?:\[[^[\]]+\])*)?$/;
/** Years of more than four digits, as Java and JavaScript print them: `+10000-01-01T00:00Z`. */
const LONG_YEAR = /^([+-])\d{5,}-\d{2}-\d{2}[Tt]/;

/** Why a text is no time that can be used. */
export type TimeFault = 'notATime' | 'tooEarly' | 'tooLate';

/**
 * Reads a time of day with its date. A missing zone means UTC, as GetStream reads it; digits past the microsecond are cut
 * off; a leap second is the last microsecond before it. There is no `24:00`.
 *
 * @returns microseconds since the Unix epoch, or why the text gives none: `tooEarly` is before 1970, `tooLate` after
 * mid-2255
 */
export function readTimestamp(text: string): number | TimeFault {
  const longYear = LONG_YEAR.exec(text)?.[1];
  if (longYear !== undefined) return longYear === '+' ? 'tooLate' : 'tooEarly';
  const match = TIME.exec(text);
  if (!match) return 'notATime';
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone = 'Z'] = match;
  const offset = offsetMinutes(zone.trimStart());
  const [hours, minutes, seconds] = [Number(hour), Number(minute), Number(second)];
  if (offset === undefined || hours > 23 || minutes > 59 || seconds > 60) return 'notATime';
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  // A day that the month does not have lies in another month, and a month that is none in another year.
  if (date.getUTCMonth() !== Number(month) - 1) return 'notATime';
  const leap = seconds === 60;
  date.setUTCHours(hours, minutes - offset, leap ? 59 : seconds);
  if (leap && !isLastMinuteOfMonth(date)) return 'notATime';
  const micros = date.getTime() * MICROS_PER_MS + (leap ? 999_999 : Number(fraction.slice(0, 6).padEnd(6, '0')));
  if (micros < 0) return 'tooEarly';
  return micros > LATEST_MICROS ? 'tooLate' : micros;
}

/** As {@link readTimestamp}; undefined where that tells a fault. */
export function parseTimestampMicros(text: string): number | undefined {
  const micros = readTimestamp(text);
  return typeof micros === 'number' ? micros : undefined;
}

/** The moment an event says it happened. One that is too late to be counted is the latest there is: a clock that is ahead. */
export function readEventTime(text: string): number | Exclude<TimeFault, 'tooLate'> {
  const micros = readTimestamp(text);
  return micros === 'tooLate' ? LATEST_MICROS : micros;
}

/** UTC with six fraction digits and no zone, as GetStream stores the `time` of an activity. */
export function formatStreamTime(micros: number): string {
  const whole = new Date(Math.floor(micros / MICROS_PER_MS)).toISOString();
  return whole.slice(0, -1) + String(micros % MICROS_PER_MS).padStart(3, '0');
}

/** Minutes east of UTC; undefined past 23:59, which RFC 3339 does not have. */
function offsetMinutes(zone: string): number | undefined {
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone);
  if (!match) return 0;
  const [hours, minutes] = [Number(match[2]), Number(match[3] ?? 0)];
  if (hours > 23 || minutes > 59) return undefined;
  return (match[1] === '-' ? -1 : 1) * (hours * 60 + minutes);
}

/** Leap seconds come there only, and in UTC [RFC 3339, 5.7]. */
function isLastMinuteOfMonth(date: Date): boolean {
  const nextMinute = new Date(date.getTime() + 60_000);
  return nextMinute.getUTCDate() === 1 && nextMinute.getUTCHours() === 0 && nextMinute.getUTCMinutes() === 0;
}
