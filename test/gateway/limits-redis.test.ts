import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createRateLimiter } from '../../gateway/limits/create-rate-limiter.ts';
import { RedisRateLimiter } from '../../gateway/limits/redis-rate-limiter.ts';
import { ResilientRateLimiter } from '../../gateway/limits/resilient-rate-limiter.ts';
import { connectRedis, StoreUnavailableError, type SharedRedis } from '../../gateway/redis/connection.ts';
import { eventually } from '../support/eventually.ts';
import { startRedisServer, whyNoRedis, type RedisServer } from '../support/redis-server.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';

const HOUR = 3_600_000;
const silent = { warn: () => undefined, info: () => undefined };

describe('a rate limit on Redis', () => {
  let server: RedisServer;
  const connections: SharedRedis[] = [];

  before(async function () {
    skipWhereMissing(this, whyNoRedis());
    server = await startRedisServer();
  });
  after(async () => {
    for (const redis of connections) redis.disconnect();
    await server?.kill();
  });

  async function connected(): Promise<SharedRedis> {
    const redis = connectRedis(server.url, silent);
    connections.push(redis);
    await eventually(() => assert.equal(redis.status, 'ready'));
    return redis;
  }

  it('is one budget for all gateways', async () => {
    const limit = { limit: 50, windowMs: HOUR };
    const gateways = await Promise.all(Array.from({ length: 3 }, connected));
    const limiters = gateways.map((redis) => new RedisRateLimiter(redis, 'shared', limit));
    const key = randomUUID();
    const takes = limiters.flatMap((limiter) => Array.from({ length: 50 }, () => limiter.take(key)));
    const verdicts = await Promise.all(takes);
    assert.equal(verdicts.filter(({ allowed }) => allowed).length, 50);
    const refused = verdicts.find(({ allowed }) => !allowed);
    assert.equal(refused?.remaining, 0);
    assert.ok(refused && refused.retryAfterMs > 0 && refused.retryAfterMs <= HOUR / 50);
  });

  it('never grants more than the burst and what has come back, however many gateways take', async () => {
    const gateways = await Promise.all(Array.from({ length: 3 }, connected));
    const limiters = gateways.map(
      (redis) => new RedisRateLimiter(redis, 'history', { limit: 200, windowMs: 1_000, burst: 20 }),
    );
    const startedMs = performance.now();
    let granted = 0;
    for (let round = 0; round < 60; round += 1) {
      const takes = limiters.flatMap((limiter) =>
        [1, 2, 3].map(async (cost) => ((await limiter.take('a', cost)).allowed ? cost : 0)),
      );
      for (const cost of await Promise.all(takes)) granted += cost;
    }
    const cameBack = ((performance.now() - startedMs) / 1_000) * 200;
    assert.ok(granted >= 20 && granted <= 20 + cameBack + 1, `${granted} granted, ${cameBack} came back`);
  });

  it('gives back with time, and leaves nothing of a key that has its burst again', async () => {
    const redis = await connected();
    const limiter = new RedisRateLimiter(redis, 'short', { limit: 10, windowMs: 1_000, burst: 2 });
    await limiter.take('a', 2);
    const { allowed, retryAfterMs } = await limiter.take('a');
    assert.ok(allowed || retryAfterMs <= 100);
    await eventually(async () => assert.equal((await limiter.take('a')).allowed, true));
    await eventually(async () => assert.deepEqual(await redis.keys('*:limit:short:*'), []));
    assert.equal((await limiter.take('a', 0)).remaining, 2);
    assert.deepEqual(await redis.keys('*:limit:short:*'), [], 'looking leaves nothing');
  });

  it('survives a script cache that was emptied', async () => {
    const redis = await connected();
    const limiter = new RedisRateLimiter(redis, 'scripts', { limit: 2, windowMs: HOUR });
    await limiter.take('a');
    await redis.script('FLUSH');
    assert.equal((await limiter.take('a')).remaining, 0);
  });

  it('says that the store is away, for whoever wants to know', async () => {
    const own = await startRedisServer();
    const redis = connectRedis(own.url, silent);
    connections.push(redis);
    await own.kill();
    await assert.rejects(new RedisRateLimiter(redis, 'x', { limit: 1, windowMs: 1 }).take('a'), StoreUnavailableError);
  });

  for (const [name, fail, mend] of [
    ['killed and started again', (own: RedisServer) => own.kill(), (own: RedisServer) => own.restart()],
    ['frozen and thawed', async (own: RedisServer) => own.freeze(), async (own: RedisServer) => own.thaw()],
  ] as const) {
    it(`goes on with the store ${name}: no request fails or waits for it, and it recovers alone`, async () => {
      const own = await startRedisServer();
      try {
        const redis = connectRedis(own.url, silent);
        connections.push(redis);
        await eventually(() => assert.equal(redis.status, 'ready'));
        let degraded = 0;
        const limit = { limit: 1_000, windowMs: HOUR };
        const limiter = createRateLimiter({ name, limit, redis, replicas: 2, onDegraded: () => (degraded += 1) });
        assert.ok(limiter instanceof ResilientRateLimiter);
        const key = randomUUID();
        assert.equal((await limiter.take(key, 100)).remaining, 900);
        assert.equal(degraded, 0);

        await fail(own);
        // The share of one of two gateways: 500 are granted, and only what exceeds them is refused.
        const verdicts = await Promise.all(Array.from({ length: 600 }, () => limiter.take(key)));
        assert.equal(limiter.degraded, true);
        assert.equal(verdicts.filter(({ allowed }) => allowed).length, 500);
        assert.equal(degraded, 600);
        for (let index = 0; index < 50; index += 1) assert.equal((await limiter.take(randomUUID())).allowed, true);

        await mend(own);
        await eventually(async () => {
          await limiter.take('other');
          assert.equal(limiter.degraded, false);
        });
        const { remaining } = await limiter.take(key);
        const shared = await new RedisRateLimiter(redis, name, limit).take(key, 0);
        assert.equal(shared.remaining, remaining, 'the budget is the shared one again');
      } finally {
        own.thaw();
        await own.kill();
      }
    });
  }
});
