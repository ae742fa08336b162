import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  formatStreamTime,
  parseTimestampMicros,
  readEventTime,
  readTimestamp,
} from '../../contracts/shared/timestamps.ts';
import { parseTime } from '../../local/stream/time.ts';

const NOON = '2026-11-20T12:00:00.000000';

/** `[text, the same as GetStream writes it]`. */
const TAKEN: readonly (readonly [text: string, utc: string])[] = [
  ['2026-11-20T12:00:00Z', NOON],
  ['2026-11-20T12:00Z', NOON],
  ['2026-11-20T13:00+01:00', NOON],
  ['2026-11-20T12:00:00+0000', NOON],
  ['2026-11-20T17:30:00+0530', NOON],
  ['2026-11-20T12:00:00+00', NOON],
  ['2026-11-20T06:30-0530', NOON],
  ['2026-11-20T12:00:00-00:00', NOON],
  ['2026-11-20t12:00:00z', NOON],
  ['2026-11-20 12:00:00+00', NOON],
  ['2026-11-20 12:00:00 +0000', NOON],
  ['2026-11-20 13:00:00 +0100', NOON],
  ['2026-11-20 11:00:00-01', NOON],
  ['2026-11-20 12:00:00 UTC', NOON],
  ['2026-11-20T12:00:00', NOON],
  ['2026-11-20T12:00', NOON],
  ['2026-11-20T13:00:00+01:00[Europe/Paris]', NOON],
  ['2026-11-20T12:00Z[UTC]', NOON],
  ['2026-11-20T13:00:00+01:00[!Europe/Paris][u-ca=iso8601]', NOON],
  ['2026-11-20T12:00:00Z[+12345-01-01T]', NOON],
  ['2026-11-20T12:00:00,5Z', '2026-11-20T12:00:00.500000'],
  ['2026-11-20T12:00:00.1234567891Z', '2026-11-20T12:00:00.123456'],
  [`2026-11-20T12:00:00.${'9'.repeat(400)}Z`, '2026-11-20T12:00:00.999999'],
  ['2016-12-31T23:59:60Z', '2016-12-31T23:59:59.999999'],
  ['2016-12-31T23:59:60.5Z', '2016-12-31T23:59:59.999999'],
  ['2016-12-31T15:59:60-08:00', '2016-12-31T23:59:59.999999'],
  ['2017-01-01T05:29:60+05:30', '2016-12-31T23:59:59.999999'],
  ['2024-02-29T23:30:00-01:00', '2024-03-01T00:30:00.000000'],
  ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000000'],
  ['1969-12-31T23:00:00-01:00', '1970-01-01T00:00:00.000000'],
  ['2255-06-05T23:47:34.740991Z', '2255-06-05T23:47:34.740991'],
];

const REFUSED: readonly (readonly [text: string, fault: string])[] = [
  ['2026-11-20T24:00:00Z', 'notATime'],
  ['2026-11-20T12:60:00Z', 'notATime'],
  ['2026-11-20T12:00:60Z', 'notATime'],
  ['2026-11-20T23:59:60Z', 'notATime'],
  ['2016-12-31T23:59:61Z', 'notATime'],
  ['2016-12-01T00:29:60Z', 'notATime'],
  ['2016-12-01T05:59:60Z', 'notATime'],
  ['2026-02-29T12:00:00Z', 'notATime'],
  ['2026-13-01T12:00:00Z', 'notATime'],
  ['2026-00-01T12:00:00Z', 'notATime'],
  ['2026-01-00T12:00:00Z', 'notATime'],
  ['2026-11-20T12:00:00+24:00', 'notATime'],
  ['2026-11-20T12:00:00+01:60', 'notATime'],
  ['2026-11-20T12:00:00[Europe/Paris]', 'notATime'],
  ['2026-11-20T12:00:00 Europe/Paris', 'notATime'],
  ['2026-11-20T12:00:00.Z', 'notATime'],
  ['2026-11-20T12Z', 'notATime'],
  ['2026-11-20', 'notATime'],
  ['20261120T120000Z', 'notATime'],
  ['2026-11-20T12:00:00Z\n', 'notATime'],
  [' 2026-11-20T12:00:00Z', 'notATime'],
  ['Fri, 20 Nov 2026 12:00:00 GMT', 'notATime'],
  ['1795600000', 'notATime'],
  ['yesterday', 'notATime'],
  ['', 'notATime'],
  ['0001-01-01T00:00:00Z', 'tooEarly'],
  ['1969-12-31T23:59:59Z', 'tooEarly'],
  ['1970-01-01T00:30:00+01:00', 'tooEarly'],
  ['-000001-01-01T00:00:00Z', 'tooEarly'],
  ['2255-06-05T23:47:34.740992Z', 'tooLate'],
  ['9998-12-31T23:59:59Z', 'tooLate'],
  ['9999-12-31T23:59:59-14:00', 'tooLate'],
  ['+010000-01-01T00:00:00.000Z', 'tooLate'],
];

const micros = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

describe('reading times', () => {
  for (const [text, utc] of TAKEN) {
    it(`takes ${text.slice(0, 60)}`, () => {
      const time = readTimestamp(text);
      assert.equal(typeof time === 'number' ? formatStreamTime(time) : time, utc);
      assert.equal(parseTimestampMicros(text), time);
    });
  }

  for (const [text, fault] of REFUSED) {
    it(`refuses ${JSON.stringify(text)} as ${fault}`, () => {
      assert.equal(readTimestamp(text), fault);
      assert.equal(parseTimestampMicros(text), undefined);
    });
  }

  it('reads what it writes, to the microsecond', () => {
    fc.assert(fc.property(micros, (time) => assert.equal(readTimestamp(formatStreamTime(time)), time)));
  });

  it('reads one moment from whatever offset it is told in', () => {
    const form = fc.constantFrom<(hours: string, minutes: string) => string>(
      (hours, minutes) => `${hours}:${minutes}`,
      (hours, minutes) => `${hours}${minutes}`,
      (hours, minutes) => `${hours}:${minutes}[Some/Where]`,
    );
    const range = { min: 86_400_000_000, max: Number.MAX_SAFE_INTEGER - 86_400_000_000 };
    fc.assert(
      fc.property(fc.integer(range), fc.integer({ min: -1439, max: 1439 }), form, (time, offset, write) => {
        const there = formatStreamTime(time + offset * 60_000_000);
        const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
        const zone = write(String(hours).padStart(2, '0'), String(minutes).padStart(2, '0'));
        assert.equal(readTimestamp(`${there}${offset < 0 ? '-' : '+'}${zone}`), time);
      }),
    );
  });

  it('takes no time that the Stream server refuses', () => {
    const year = fc.integer({ min: 0, max: 9999 }).map((number) => String(number).padStart(4, '0'));
    fc.assert(
      fc.property(year, fc.constantFrom('-14:00', 'Z', '+14:00'), (of, zone) => {
        const time = readTimestamp(`${of}-12-31T23:59:59.999999${zone}`);
        if (typeof time === 'number') assert.equal(parseTime(formatStreamTime(time)), time);
      }),
    );
  });

  it('never throws and never gives what is no whole microsecond, whatever the text', () => {
    const shaped = fc.stringMatching(
      /^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2})?[.,]?[0-9]{0,12} ?[Zz+-]?[0-9:]{0,5}$/,
    );
    fc.assert(
      fc.property(fc.oneof(shaped, fc.string()), (text) => {
        const time = readTimestamp(text);
        assert.ok(typeof time === 'string' || (Number.isSafeInteger(time) && time >= 0), text);
      }),
    );
  });

  it('takes any future for the moment an event says it happened', () => {
    for (const text of ['2255-06-05T23:47:34.740992Z', '9999-12-31T23:59:59Z', '+10000-01-01T00:00Z']) {
      assert.equal(readEventTime(text), Number.MAX_SAFE_INTEGER);
    }
    assert.equal(readEventTime('0001-01-01T00:00:00Z'), 'tooEarly');
  });
});
