import assert from 'node:assert/strict';
import { callRedis, type SharedRedis } from '../../gateway/redis/connection.ts';
import { startRedisServer, whyNoRedis, type RedisServer } from '../support/redis-server.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { connectToRedis } from './support/redis-clients.ts';

describe('calls of Redis by a process that was blocked', function () {
  this.timeout(30_000);
  let server: RedisServer;
  let redis: SharedRedis;
  before(async function () {
    skipWhereMissing(this, whyNoRedis());
    server = await startRedisServer();
    redis = await connectToRedis(server.url);
  });
  after(async () => {
    redis?.disconnect();
    await server?.kill();
  });

  function block(ms: number): void {
    const untilMs = performance.now() + ms;
    while (performance.now() < untilMs);
  }

  function call(): Promise<string> {
    return callRedis(redis, () => redis.ping());
  }

  it('are answered, though the block was longer than they may take, before and after they were sent', async () => {
    const beforeSent = Array.from({ length: 10 }, call);
    block(400);
    assert.deepEqual(new Set(await Promise.all(beforeSent)), new Set(['PONG']));
    const afterSent = Array.from({ length: 10 }, call);
    await new Promise(setImmediate);
    block(400);
    assert.deepEqual(new Set(await Promise.all(afterSent)), new Set(['PONG']));
    assert.equal(redis.breaker.open, false);
  });

  it('do not count as failures of Redis when they are forgotten for a block of seconds', async () => {
    const calls = Array.from({ length: 10 }, call);
    await new Promise(setImmediate);
    block(3_300);
    await Promise.allSettled(calls);
    assert.equal(redis.breaker.open, false);
    assert.equal(await call(), 'PONG');
  });

  it('fail in time when it is Redis that hangs', async () => {
    server.freeze();
    try {
      const startedMs = performance.now();
      await Promise.all([1, 2, 3].map(() => assert.rejects(call())));
      assert.ok(performance.now() - startedMs < 900);
      assert.equal(redis.breaker.open, true);
    } finally {
      server.thaw();
    }
  });
});
