import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import fc from 'fast-check';
import { SiteError, StreamApiError } from 'getstream';
import { classifyFailure, toApplicationFailure } from '../../activities/classify-failure.ts';
import { errorFacts } from '../../contracts/shared/error-facts.ts';

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
    [425, 'Unavailable'],
    [429, 'RateLimited'],
    [500, 'Unavailable'],
    [502, 'Ambiguous'],
    [503, 'Unavailable'],
    [504, 'Ambiguous'],
  ];
  for (const [status, type] of classes) {
    it(`takes ${status} for ${type}, in the words of the server`, () => {
      const { type: told, message } = classifyFailure(answered(status), NOW);
      assert.deepEqual({ type: told, message }, { type, message: `HTTP ${status}: words of the server` });
    });
  }

  it('takes a connection that was never made for unavailable, and any other silence for ambiguous', () => {
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']) {
      const message = `connect ${code} 127.0.0.1:8800`;
      assert.deepEqual(classifyFailure(new SiteError(message), NOW), { type: 'Unavailable', message });
    }
    const message = 'timeout of 10000ms exceeded';
    assert.deepEqual(classifyFailure(new SiteError(message), NOW), { type: 'Ambiguous', message });
    assert.deepEqual(classifyFailure(new SiteError(''), NOW), { type: 'Ambiguous', message: 'no answer' });
  });

  it('takes anything else for a defect of ours', () => {
    const message = 'x is not a function';
    assert.deepEqual(classifyFailure(new TypeError(message), NOW), { type: 'Internal', message });
    assert.deepEqual(classifyFailure(message, NOW), { type: 'Internal', message });
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
    assert.equal(classifyFailure(answered(400, {}, { exception_fields: many }), NOW).message.length, 500);
    const eleven = Array.from({ length: 11 }, (_, index) => String(index));
    for (const exception_fields of [{ a: eleven }, Object.fromEntries(eleven.map((name) => [name, ['x']]))]) {
      const { message } = classifyFailure(answered(400, {}, { exception_fields }), NOW);
      assert.match(message, /9/);
      assert.doesNotMatch(message, /10/);
    }
    const cutInAPair = `${'x'.repeat(489)}\u{1F3B7}`;
    const { message: cut } = classifyFailure(answered(400, {}, { detail: cutInAPair }), NOW);
    assert.equal(cut, `HTTP 400: ${'x'.repeat(489)}\uFFFD`);
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
    const unusable = { 'retry-after': '0', 'x-ratelimit-reset': reset };
    assert.equal(classifyFailure(answered(429, unusable), NOW).retryAfterMs, 20_000);
    assert.equal(classifyFailure(answered(429), NOW).retryAfterMs, 60_000);
  });

  it('bounds what a server may ask for and spreads those who wait', () => {
    const far = answered(429, { 'x-ratelimit-reset': String(NOW / 1000 + 1e9) });
    assert.equal(classifyFailure(far, NOW).retryAfterMs, 3_600_000);
    for (const [askedMs, random, waitMs] of [
      [10_000, 1, 12_500],
      [10_000, 0.99999, 12_500],
      [10_000, 0, 10_000],
      [2_000, 1, 3_000],
      [3_599_000, 1, 3_600_000],
      [100, 0, 500],
    ] as const) {
      const failure = toApplicationFailure(answered(429, { 'retry-after': String(askedMs / 1000) }), NOW, () => random);
      assert.equal(Reflect.get(failure, 'nextRetryDelay'), waitMs);
    }
    const { nextRetryDelay } = applicationFailure(answered(429, { 'retry-after': '10' }));
    assert.ok(Number(nextRetryDelay) >= 10_000 && Number(nextRetryDelay) <= 12_500);
  });
});

describe('the failure Temporal acts on', () => {
  it('is not retried where that is useless, and counts as benign where it is retried', () => {
    const expected: readonly (readonly [status: number, type: string, nonRetryable: boolean])[] = [
      [400, 'InvalidRequest', true],
      [401, 'NotAllowed', true],
      [404, 'NotFound', true],
      [429, 'RateLimited', false],
      [502, 'Ambiguous', false],
      [503, 'Unavailable', false],
    ];
    for (const [status, type, nonRetryable] of expected) {
      const failure = applicationFailure(answered(status));
      assert.equal(failure.type, type);
      assert.equal(failure.message, `HTTP ${status}: words of the server`);
      assert.equal(failure.nonRetryable, nonRetryable);
      assert.equal(failure.category === ApplicationFailureCategory.BENIGN, !nonRetryable);
      assert.equal('nextRetryDelay' in failure && failure.nextRetryDelay !== undefined, status === 429);
    }
  });

  it('bounds its message, and keeps the facts of what it was made of as its cause', () => {
    const cause = new SiteError('no answer '.repeat(100));
    const failure = applicationFailure(cause);
    assert.equal(failure.message, cause.message.slice(0, 500));
    const { message } = failure;
    assert.deepEqual(errorFacts(failure.cause), { name: 'SiteError', message, stack: cause.stack });
    assert.equal(applicationFailure('a text').cause, undefined);
  });

  it('holds nothing of the request, and no text of the server that has the form of a secret', () => {
    const token = 'eyJhbGciOiJIUzI1NiJ9.eyJyZXNvdXJjZSI6IioifQ.c2lnbmF0dXJlLW9mLWEtdG9rZW4';
    const request = {
      headers: { Authorization: 'opaque-secret' },
      data: 'payload-of-a-user',
      auth: { cause: 'opaque-secret' },
    };
    const data = {
      code: 4,
      detail: `you sent ${token}${'x'.repeat(450)} ${token}`,
      exception_fields: { object: ['is empty'] },
    };
    const refused = Object.assign(answered(400, {}, data), { config: request, request });
    if (refused instanceof StreamApiError) Object.assign(refused.response, { config: request, request });
    const nested = new AggregateError([refused], 'both', {
      cause: Object.assign(new Error('inner'), { config: request }),
    });
    for (const error of [refused, nested, Object.assign(new TypeError(`defect ${token}`), { client: request })]) {
      const failure = applicationFailure(error);
      const told = inspect(failure, { depth: Infinity, showHidden: true, maxStringLength: Infinity });
      for (const secret of ['opaque-secret', 'payload-of-a-user', token, token.slice(0, 45)]) {
        assert.ok(!told.includes(secret), told);
      }
    }
    const facts = { status: 400, code: 4, exception_fields: { object: ['is empty'] } };
    assert.partialDeepStrictEqual(errorFacts(applicationFailure(refused).cause), facts);
    assert.partialDeepStrictEqual(errorFacts(applicationFailure(nested).cause), {
      errors: [facts],
      cause: { message: 'inner' },
    });
  });

  it('is passed on as it is where an activity made it itself', () => {
    const failure = ApplicationFailure.nonRetryable('the id is taken', 'Conflict');
    assert.equal(toApplicationFailure(failure, NOW), failure);
  });
});

function applicationFailure(error: unknown): ApplicationFailure {
  const failure = toApplicationFailure(error, NOW);
  assert.ok(failure instanceof ApplicationFailure);
  return failure;
}
