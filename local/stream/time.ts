/** Points in time are whole microseconds since the Unix epoch (UTC) throughout the server; Stream shows six digits. */
export type Micros = number;

const ISO_8601 =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(Z|z|[+-]\d{2}:?\d{2})?)?$/;
/** 1582-10-15, where version 1 UUIDs begin, and 2255, where microseconds stop being exact numbers. */
const EARLIEST: Micros = -12219292800000000;
const LATEST: Micros = Number.MAX_SAFE_INTEGER;

/** Reads ISO 8601 with or without a zone (none means UTC); undefined when it is not a point in time. */
export function parseTime(text: string): Micros | undefined {
  const parts = ISO_8601.exec(text);
  if (!parts) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = parts;
  const utc = new Date(0);
  utc.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  // A day that the month does not have rolls over into the next one.
  if (utc.getUTCDate() !== Number(day) || utc.getUTCMonth() !== Number(month) - 1) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const millis = utc.setUTCHours(Number(hour), Number(minute), Number(second)) - zoneOffsetMillis(zone);
  const micros = millis * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
  return micros >= EARLIEST && micros <= LATEST ? micros : undefined;
}

function zoneOffsetMillis(zone: string): number {
  const parts = /^([+-])(\d{2}):?(\d{2})$/.exec(zone);
  if (!parts) return 0;
  const minutes = Number(parts[2]) * 60 + Number(parts[3]);
  return (parts[1] === '-' ? -minutes : minutes) * 60_000;
}

/** As activities carry it: six fraction digits, no zone. */
export function formatActivityTime(micros: Micros): string {
  const millis = Math.floor(micros / 1000);
  const rest = String(micros - millis * 1000).padStart(3, '0');
  return `${new Date(millis).toISOString().slice(0, -1)}${rest}`;
}

/** As reactions, users and collection entries carry it: six fraction digits and `Z`. */
export function formatTimestamp(micros: Micros): string {
  return `${formatActivityTime(micros)}Z`;
}

/** Tells the time; never the same twice, so what happens later is always newer. */
export type Clock = () => Micros;

/** The system's time in microseconds, moved forward where two calls would otherwise get the same one. */
export function createClock(nowMillis: () => number = () => performance.timeOrigin + performance.now()): Clock {
  let last = 0;
  return () => {
    last = Math.max(last + 1, Math.floor(nowMillis() * 1000));
    return last;
  };
}
