const RFC_3339 = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})?$/;
const MICROS_PER_MS = 1000;

/**
 * Microseconds since the Unix epoch of an RFC 3339 time-stamp. A missing zone means UTC, as GetStream reads it; digits
 * past the microsecond are cut off.
 *
 * @returns undefined when the text is no such time-stamp or lies before 1970.
 */
export function parseTimestampMicros(text: string): number | undefined {
  const match = RFC_3339.exec(text);
  if (!match) return undefined;
  const [, date, time, fraction = '', zone = 'Z'] = match;
  const wholeSecondsMs = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  // Date.parse rolls 30 February over to March; a date that does not come back as it went in is none.
  const dayMs = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(wholeSecondsMs) || new Date(dayMs).toISOString().slice(0, 10) !== date) return undefined;
  const micros = wholeSecondsMs * MICROS_PER_MS + Number(fraction.padEnd(6, '0').slice(0, 6));
  return micros >= 0 ? micros : undefined;
}

/** UTC with six fraction digits and no zone, as GetStream stores the `time` of an activity. */
export function formatStreamTime(micros: number): string {
  const whole = new Date(Math.floor(micros / MICROS_PER_MS)).toISOString();
  return whole.slice(0, -1) + String(micros % MICROS_PER_MS).padStart(3, '0');
}
