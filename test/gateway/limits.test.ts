import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createRateLimiter } from '../../gateway/limits/create-rate-limiter.ts';
import { FullTimes } from '../../gateway/limits/full-times.ts';
import { MemoryRateLimiter } from '../../gateway/limits/memory-rate-limiter.ts';
import type { RateLimit } from '../../gateway/limits/rate-limiter.ts';
import { ResilientRateLimiter } from '../../gateway/limits/resilient-rate-limiter.ts';
import { StoreUnavailableError } from '../../gateway/redis/connection.ts';

const MINUTE: RateLimit = { limit: 60, windowMs: 60_000, burst: 3 };

describe('a rate limit in memory', () => {
  it('grants the burst at once, then one for each part of the window, and says when to come again', async () => {
    let nowMs = 0;
    const limiter = new MemoryRateLimiter(MINUTE, { nowMs: () => nowMs });
    assert.deepEqual(await limiter.take('a'), { allowed: true, remaining: 2, retryAfterMs: 0, resetAfterMs: 1_000 });
    await limiter.take('a', 2);
    const refused = { allowed: false, remaining: 0, retryAfterMs: 1_000, resetAfterMs: 3_000 };
    assert.deepEqual(await limiter.take('a'), refused);
    assert.equal((await limiter.take('b')).allowed, true, 'another key');
    nowMs = 999;
    assert.deepEqual(await limiter.take('a'), { ...refused, retryAfterMs: 1, resetAfterMs: 2_001 });
    nowMs = 1_000;
    assert.equal((await limiter.take('a')).allowed, true);
    assert.equal((await limiter.take('a', 0)).remaining, 0);
  });

  it('refuses limits and costs that cannot be kept, and says why', async () => {
    const whole = 'must be a whole number';
    for (const [limit, message] of [
      [{ limit: 0, windowMs: 1 }, `limit ${whole} above 0: 0`],
      [{ limit: 1.5, windowMs: 1 }, `limit ${whole} above 0: 1.5`],
      [{ limit: 0, windowMs: 1, burst: 1 }, `limit ${whole} above 0: 0`],
      [{ limit: 1.5, windowMs: 1, burst: 1 }, `limit ${whole} above 0: 1.5`],
      [{ limit: 1, windowMs: 0 }, 'windowMs must be above 0: 0'],
      [{ limit: 1, windowMs: -1 }, 'windowMs must be above 0: -1'],
      [{ limit: 1, windowMs: Infinity }, 'windowMs must be above 0: Infinity'],
      [{ limit: 1, windowMs: Number.NaN }, 'windowMs must be above 0: NaN'],
      [{ limit: 1, windowMs: 1, burst: 0 }, `burst ${whole} above 0: 0`],
      [{ limit: 1, windowMs: 1, burst: 1.5 }, `burst ${whole} above 0: 1.5`],
      [{ limit: 101, windowMs: 1 }, 'limit must be at most 100 per millisecond: 101 in 1 ms'],
      [{ limit: 1, windowMs: 1e14 }, '1 in 100000000000000 ms is too slow to measure'],
    ] as const) {
      assert.throws(() => new MemoryRateLimiter(limit), { name: 'RangeError', message }, JSON.stringify(limit));
    }
    const fastest = new MemoryRateLimiter({ limit: 100, windowMs: 1 });
    assert.equal((await fastest.take('a', 100)).allowed, true);
    const limiter = new MemoryRateLimiter(MINUTE);
    for (const [cost, message] of [
      [-1, `cost ${whole}: -1`],
      [0.5, `cost ${whole}: 0.5`],
      [4, 'a cost of 4 can never be taken from a burst of 3'],
    ] as const) {
      await assert.rejects(limiter.take('a', cost), { name: 'RangeError', message });
    }
  });

  it('rounds in favour of the limit: a third of a millisecond takes 334 microseconds', async () => {
    let nowMs = 0;
    const limiter = new MemoryRateLimiter({ limit: 3, windowMs: 1 }, { nowMs: () => nowMs });
    assert.deepEqual(await limiter.take('a', 3), { allowed: true, remaining: 0, retryAfterMs: 0, resetAfterMs: 2 });
    nowMs = 1;
    assert.deepEqual(await limiter.take('a', 3), { allowed: false, remaining: 2, retryAfterMs: 1, resetAfterMs: 1 });
  });

  it('never grants more than limit + burst in any window, and allows what it said it would', async () => {
    const histories = fc.record({
      limit: fc.integer({ min: 1, max: 50 }),
      windowMs: fc.integer({ min: 1, max: 5_000 }),
      burst: fc.integer({ min: 1, max: 20 }),
      steps: fc.array(
        fc.tuple(fc.oneof(fc.constant(0), fc.nat(300), fc.double({ min: 0, max: 50, noNaN: true })), fc.nat(3)),
        {
          maxLength: 200,
        },
      ),
    });
    await fc.assert(
      fc.asyncProperty(histories, async ({ steps, ...limit }) => {
        let nowMs = 1_000;
        const limiter = new MemoryRateLimiter(limit, { nowMs: () => nowMs });
        const granted: [atMs: number, cost: number][] = [];
        for (const [pauseMs, wanted] of steps) {
          nowMs += pauseMs;
          const cost = Math.min(wanted, limit.burst);
          const verdict = await limiter.take('key', cost);
          if (verdict.allowed) granted.push([nowMs, cost]);
          else {
            nowMs += verdict.retryAfterMs;
            assert.equal((await limiter.take('key', cost)).allowed, true, 'after retryAfterMs');
            granted.push([nowMs, cost]);
          }
        }
        for (const [fromMs] of granted) {
          const inWindow = granted.filter(([atMs]) => atMs >= fromMs && atMs <= fromMs + limit.windowMs);
          const sum = inWindow.reduce((total, [, cost]) => total + cost, 0);
          assert.ok(sum <= limit.limit + limit.burst, `${sum} in one window`);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('stays within its memory under a million keys, and forgets those that have used least', async () => {
    const limiter = new MemoryRateLimiter({ limit: 10, windowMs: 60_000 }, { maxKeys: 1_000, nowMs: () => 0 });
    for (let taken = 0; taken < 10; taken += 1) await limiter.take('abuser');
    for (let index = 0; index < 1_000_000; index += 1) await limiter.take(`key-${index}`);
    assert.equal(limiter.size, 1_000);
    assert.equal((await limiter.take('abuser')).allowed, false);
  });

  it('forgets keys that have their burst again', async () => {
    let nowMs = 0;
    const limiter = new MemoryRateLimiter(MINUTE, { nowMs: () => nowMs });
    for (let index = 0; index < 100; index += 1) await limiter.take(`key-${index}`);
    nowMs = 10_000;
    for (let index = 0; index < 60; index += 1) await limiter.take('other');
    assert.equal(limiter.size, 1);
  });

  it('tells long keys apart without keeping them', async () => {
    const limiter = new MemoryRateLimiter({ limit: 1, windowMs: 60_000 });
    const long = 'x'.repeat(10_000);
    assert.equal((await limiter.take(`${long}1`)).allowed, true);
    assert.equal((await limiter.take(`${long}2`)).allowed, true);
    assert.equal((await limiter.take(`${long}1`)).allowed, false);
  });

  it('knows the key that is full first after any changes', () => {
    const changes = fc.array(fc.oneof(fc.constant('remove' as const), fc.tuple(fc.nat(20), fc.nat(1_000))));
    fc.assert(
      fc.property(changes, (changes) => {
        const times = new FullTimes();
        const model = new Map<string, number>();
        for (const change of changes) {
          if (change === 'remove') {
            const earliest = Math.min(...model.values());
            const before = [...model.keys()];
            times.removeEarliest();
            const removed = before.filter((key) => times.get(key) === undefined);
            assert.deepEqual(
              removed.map((key) => model.get(key)),
              before.length === 0 ? [] : [earliest],
            );
            for (const key of removed) model.delete(key);
          } else {
            times.set(`${change[0]}`, change[1]);
            model.set(`${change[0]}`, change[1]);
          }
          assert.equal(times.size, model.size);
          assert.equal(times.earliest() ?? Infinity, Math.min(...model.values()));
        }
      }),
    );
  });
});

describe('a rate limit whose store is away', () => {
  const away = { take: () => Promise.reject(new StoreUnavailableError(new Error('gone'))) };

  it('grants its share of the limit from memory, and counts that', async () => {
    let degraded = 0;
    const options = { replicas: 3, onDegraded: () => (degraded += 1), nowMs: () => 0 };
    const limiter = new ResilientRateLimiter(away, { limit: 30, windowMs: 60_000 }, options);
    const verdicts = await Promise.all(Array.from({ length: 15 }, () => limiter.take('a')));
    assert.equal(verdicts.filter(({ allowed }) => allowed).length, 10);
    assert.equal(degraded, 15);
    assert.equal((await limiter.take('b', 30)).allowed, true, 'a cost above the share takes all of it');
    assert.throws(() => new ResilientRateLimiter(away, MINUTE, { degradedShare: 0 }), RangeError);
  });

  it('does not take a fault of the program for an absent store', async () => {
    const broken = { take: () => Promise.reject(new TypeError('bug')) };
    await assert.rejects(new ResilientRateLimiter(broken, MINUTE).take('a'), TypeError);
  });

  it('is a plain limit in memory without a store', () => {
    assert.ok(createRateLimiter({ name: 'x', limit: MINUTE }) instanceof MemoryRateLimiter);
  });
});
