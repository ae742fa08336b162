import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DEFAULT_EVENT_POLICY } from '../../contracts/events/event-policy.ts';
import { attemptsWithin } from '../../workflows/events/step-runner.ts';

describe('the attempts of a budget', () => {
  it('are those whose pauses fit into it, and one at least', () => {
    const pauses = { retryInitialMs: 1_000, retryMaximumMs: 4_000 };
    const attempts: readonly (readonly [budgetMs: number, attempts: number])[] = [
      [-1, 1],
      [0, 1],
      [999, 1],
      [1_000, 2],
      [2_999, 2],
      [3_000, 3],
      [6_999, 3],
      [7_000, 4],
      [11_000, 5],
      [15_000, 6],
    ];
    for (const [budgetMs, expected] of attempts)
      assert.equal(attemptsWithin(budgetMs, pauses), expected, `${budgetMs}`);
  });

  it('are about one a minute in an hour, by default', () => {
    const attempts = attemptsWithin(DEFAULT_EVENT_POLICY.retryBudgetMs, DEFAULT_EVENT_POLICY);
    assert.ok(attempts > 60 && attempts < 70, String(attempts));
  });

  it('count a second each, however short their pauses are', () => {
    assert.equal(attemptsWithin(10_000, { retryInitialMs: 10, retryMaximumMs: 10 }), 11);
  });

  it('bear a first pause above the longest', () => {
    assert.equal(attemptsWithin(20_000, { retryInitialMs: 10_000, retryMaximumMs: 1_000 }), 3);
  });

  it('are a number that Temporal takes, found at once, whatever the policy says', () => {
    const ms = fc.oneof(fc.nat(), fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE));
    fc.assert(
      fc.property(ms, ms, ms, (budgetMs, retryInitialMs, retryMaximumMs) => {
        const attempts = attemptsWithin(budgetMs, { retryInitialMs, retryMaximumMs });
        assert.ok(Number.isInteger(attempts) && attempts >= 1 && attempts < 2 ** 31, String(attempts));
      }),
    );
  });
});
