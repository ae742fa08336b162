import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SiteError, StreamApiError } from 'getstream';
import { classifyFailure, toApplicationFailure } from '../../activities/classify-failure.ts';

const NOW = Date.parse('2026-01-31T12:00:00Z');

/** The parts of an axios response that are read. */
function answered(
  status: number,
  headers: Record<string, string> = {},
  data: unknown = { detail: 'words of the server' },
): Error {
  const response = { status, headers, data };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a whole axios response is not needed
  return new StreamApiError('failed', response.data, response as never);
}

describe('classifying a failed call', () => {
  const classes: [status: number, type: string][] = [
    [400, 'InvalidRequest'],
    [401, 'NotAllowed'],
    [403, 'NotAllowed'],
    [404, 'NotFound'],
    [408, 'Ambiguous'],
    [409, 'Unavailable'],
    [413, 'InvalidRequest'],
    [429, 'RateLimited'],
    [500, 'Unavailable'],
    [502, 'Ambiguous'],
    [503, 'Unavailable'],
    [504, 'Ambiguous'],
  ];
  for (const [status, type] of classes) {
    it(`takes ${status} for ${type}`, () => {
      assert.equal(classifyFailure(answered(status), NOW).type, type);
    });
  }

  it('takes a connection that was never made for unavailable, and any other silence for ambiguous', () => {
    assert.equal(classifyFailure(new SiteError('connect ECONNREFUSED 127.0.0.1:8800'), NOW).type, 'Unavailable');
    assert.equal(classifyFailure(new SiteError('timeout of 10000ms exceeded'), NOW).type, 'Ambiguous');
    assert.equal(classifyFailure(new SiteError(''), NOW).type, 'Ambiguous');
  });

  it('takes anything else for a defect of ours', () => {
    assert.equal(classifyFailure(new TypeError('x is not a function'), NOW).type, 'Internal');
  });

  it('tells why GetStream refuses a field, whatever shape it gives the reasons', () => {
    const detail = "Errors for fields 'time'";
    const bodies: readonly (readonly [data: unknown, message: string])[] = [
      [{ detail, exception_fields: { time: ['year is out of range'] } }, `${detail}: time: year is out of range`],
      [{ detail, exception_fields: { a: ['x', 'y'], b: ['z'] } }, `${detail}: a: x, y; b: z`],
      [{ detail, exception_fields: { time: 'is wrong' } }, `${detail}: time: is wrong`],
      [{ detail, exception_fields: { time: { minimum: 1 } } }, `${detail}: time: {"minimum":1}`],
      [{ detail, exception_fields: [['is wrong'], 7] }, `${detail}: is wrong; 7`],
      [{ detail, exception_fields: 'is wrong' }, `${detail}: is wrong`],
      [{ detail, exception_fields: {} }, detail],
      [{ detail, exception_fields: null }, detail],
      [{ exception_fields: { time: ['is wrong'] } }, 'time: is wrong'],
      [{ detail: '', exception_fields: [] }, '{"detail":"","exception_fields":[]}'],
      [{ detail: ['is wrong'] }, 'is wrong'],
      [{ detail: 17 }, '17'],
      ['<html>Bad Gateway</html>', '"<html>Bad Gateway</html>"'],
      [null, 'null'],
      [undefined, 'no body'],
    ];
    for (const [data, message] of bodies) {
      const error = answered(400, {}, data);
      // A default of the helper stands in for undefined.
      if (data === undefined && error instanceof StreamApiError) error.response.data = undefined;
      assert.equal(classifyFailure(error, NOW).message, `HTTP 400: ${message}`);
    }
  });

  it('bounds what it tells of an answer, and never throws for its shape', () => {
    const many = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [`field${index}`, ['x'.repeat(10_000)]]),
    );
    assert.ok(classifyFailure(answered(400, {}, { exception_fields: many }), NOW).message.length <= 500);
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (detail, exception_fields) => {
        for (const data of [detail, { detail, exception_fields }]) {
          assert.match(classifyFailure(answered(400, {}, data), NOW).message, /^HTTP 400: /);
        }
      }),
    );
  });

  it("waits for a rate limit's reset by the server's own clock, not ours", () => {
    const reset = String(NOW / 1000 + 20);
    const headers = { 'x-ratelimit-reset': reset, date: new Date(NOW).toUTCString() };
    const dayMs = 86_400_000;
    for (const skewed of [NOW - dayMs, NOW, NOW + dayMs]) {
      assert.equal(classifyFailure(answered(429, headers), skewed).retryAfterMs, 20_000);
    }
    assert.equal(classifyFailure(answered(429, { 'x-ratelimit-reset': reset }), NOW).retryAfterMs, 20_000);
    assert.equal(classifyFailure(answered(429, { 'retry-after': '3' }), NOW).retryAfterMs, 3_000);
    assert.equal(classifyFailure(answered(429), NOW).retryAfterMs, 60_000);
  });

  it('bounds what a server may ask for and spreads those who wait', () => {
    const far = answered(429, { 'x-ratelimit-reset': String(NOW / 1000 + 1e9) });
    assert.equal(classifyFailure(far, NOW).retryAfterMs, 3_600_000);
    const failure = toApplicationFailure(answered(429, { 'retry-after': '10' }), NOW, () => 1);
    assert.equal(Reflect.get(failure, 'nextRetryDelay'), 12_500);
  });
});
