import assert from 'node:assert/strict';
import { SiteError, StreamApiError } from 'getstream';
import { classifyFailure, toApplicationFailure } from '../../activities/classify-failure.ts';

const NOW = Date.parse('2026-01-31T12:00:00Z');

/** The parts of an axios response that are read. */
function answered(status: number, headers: Record<string, string> = {}): Error {
  const response = { status, headers, data: { detail: 'words of the server' } };
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
