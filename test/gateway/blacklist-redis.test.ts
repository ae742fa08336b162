import assert from 'node:assert/strict';
import { createAbuseWatch } from '../../gateway/blacklist/abuse-watch.ts';
import { BlacklistFullError } from '../../gateway/blacklist/blacklist.ts';
import { parseBlock, type BlockKind } from '../../gateway/blacklist/block.ts';
import { openRedisBlacklist, type RedisBlacklistOptions } from '../../gateway/blacklist/redis-blacklist.ts';
import { connectRedis, REDIS_PREFIX, StoreUnavailableError, type SharedRedis } from '../../gateway/redis/connection.ts';
import { eventually } from '../support/eventually.ts';
import { startRedisServer, whyNoRedis, type RedisServer } from '../support/redis-server.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';

const silent = { warn: () => undefined, info: () => undefined };

function blockOf(kind: BlockKind, value: string, expiresInSeconds?: number) {
  const expiry = expiresInSeconds === undefined ? {} : { expiresInSeconds };
  return parseBlock({ kind, value, reason: 'abuse "quoted"', by: 'operator', ...expiry });
}

describe('the blacklist that gateways share', () => {
  let server: RedisServer;
  const closing: (() => unknown)[] = [];

  before(function () {
    skipWhereMissing(this, whyNoRedis());
  });
  beforeEach(async () => {
    server = await startRedisServer();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
    server.thaw();
    await server.kill();
  });

  function connected(): SharedRedis {
    const redis = connectRedis(server.url, silent);
    closing.push(() => redis.disconnect());
    return redis;
  }

  async function gateway(options: Partial<RedisBlacklistOptions> = {}) {
    const defaults = { logger: silent, checkEveryMs: 100, openTimeoutMs: 20_000 };
    const blacklist = await openRedisBlacklist({ redis: connected(), ...defaults, ...options });
    closing.push(() => blacklist.close());
    return blacklist;
  }

  it('holds on every gateway at once, without a check in between', async () => {
    const [one, other] = await Promise.all([gateway({ checkEveryMs: 60_000 }), gateway({ checkEveryMs: 60_000 })]);
    const block = await one.block(blockOf('address', '2001:db8::1', 60));
    assert.deepEqual(one.find({ address: '2001:db8::2' }), block);
    const startedMs = performance.now();
    const soon = { timeoutMs: 5_000, intervalMs: 1 };
    await eventually(() => assert.deepEqual(other.find({ address: '2001:db8::2' }), block), soon);
    console.log(`      on the other gateway after ${(performance.now() - startedMs).toFixed(0)} ms`);
    assert.equal(await other.unblock('address', '2001:db8::/64'), true);
    await eventually(() => assert.equal(one.find({ address: '2001:db8::2' }), undefined), soon);
    assert.equal(await one.unblock('address', '2001:db8::/64'), false);
    await Promise.all(
      Array.from({ length: 200 }, (_, index) => (index % 2 ? one : other).block(blockOf('user', `u${index}`))),
    );
    await eventually(() => {
      assert.equal(one.list().length, 200);
      assert.equal(other.list().length, 200);
    });
  });

  it('is known to a gateway that starts later', async () => {
    const one = await gateway();
    for (let index = 0; index < 20; index += 1) await one.block(blockOf('device', `tv-${index}`));
    const late = await gateway();
    assert.equal(late.loaded, true);
    assert.equal(late.list().length, 20);
  });

  it('learns of a change whose message was lost', async () => {
    const one = await gateway();
    await one.block(blockOf('user', 'alice'));
    const redis = connected();
    await eventually(() => assert.equal(redis.status, 'ready'));
    await redis.hset(`${REDIS_PREFIX}:blacklist`, 'user:bob', JSON.stringify(blockOf('user', 'bob')));
    await redis.hset(`${REDIS_PREFIX}:blacklist`, 'user:odd', '{"kind":"user"');
    await redis.hincrby(`${REDIS_PREFIX}:blacklist-state`, 'version', 1);
    await eventually(() => assert.ok(one.find({ user: 'bob' })));
    assert.ok(one.find({ user: 'alice' }));
  });

  it('survives noise on its channel', async () => {
    const one = await gateway();
    const redis = connected();
    await eventually(() => assert.equal(redis.status, 'ready'));
    for (const noise of ['', '{}', '{"generation":"x","version":7}']) {
      await redis.publish(`${REDIS_PREFIX}:blacklist-changes`, noise);
    }
    await one.block(blockOf('user', 'alice'));
    assert.ok(one.find({ user: 'alice' }));
  });

  it('holds its last state while Redis is away, and takes no changes', async () => {
    const one = await gateway();
    await one.block(blockOf('user', 'alice'));
    await server.kill();
    await assert.rejects(one.block(blockOf('user', 'bob')), StoreUnavailableError);
    await assert.rejects(one.unblock('user', 'alice'), StoreUnavailableError);
    assert.ok(one.find({ user: 'alice' }));
    assert.equal(one.find({ user: 'bob' }), undefined);
  });

  it('gives back to Redis what it has lost, also beside a gateway that starts just then', async () => {
    const [one, other] = await Promise.all([gateway(), gateway()]);
    await one.block(blockOf('user', 'alice'));
    await one.block(blockOf('address', '192.0.2.0/24', 600));
    await eventually(() => assert.equal(other.size, 2));
    await server.kill();
    await server.restart();
    const late = await gateway();
    await eventually(() => {
      for (const blacklist of [one, other, late]) {
        assert.ok(blacklist.find({ user: 'alice' }));
        assert.ok(blacklist.find({ address: '192.0.2.9' }));
      }
    });
    await late.block(blockOf('user', 'bob'));
    await eventually(() => assert.ok(one.find({ user: 'bob' }) && other.find({ user: 'bob' })));
  });

  it('goes on after Redis was frozen', async () => {
    const one = await gateway();
    await one.block(blockOf('user', 'alice'));
    server.freeze();
    await assert.rejects(one.block(blockOf('user', 'bob')), StoreUnavailableError);
    assert.ok(one.find({ user: 'alice' }));
    server.thaw();
    await eventually(async () => assert.ok(await one.block(blockOf('user', 'carol'))));
    assert.ok(one.find({ user: 'carol' }));
  });

  it('opens without Redis, and reads the list when it comes', async () => {
    const seed = await gateway();
    await seed.block(blockOf('user', 'alice'));
    await server.kill();
    const one = await gateway({ openTimeoutMs: 50 });
    assert.equal(one.loaded, false);
    await server.restart();
    await eventually(() => assert.ok(one.loaded && one.find({ user: 'alice' })));
  });

  it('takes so many blocks and no more, not counting those that have ended', async () => {
    const one = await gateway({ maxBlocks: 2 });
    await one.block(blockOf('user', 'a'));
    await one.block(blockOf('user', 'b'));
    await assert.rejects(one.block(blockOf('user', 'c')), BlacklistFullError);
    await one.block({ ...blockOf('user', 'a'), expiresAt: new Date(0).toISOString() });
    await one.block(blockOf('user', 'c'));
    assert.equal(one.find({ user: 'a' }), undefined);
  });

  it('carries 5,000 blocks from gateway to gateway', async () => {
    const one = await gateway({ checkEveryMs: 60_000 });
    // Not all at once: a command is given up after a second, though it only waits for those before it.
    for (let chunk = 0; chunk < 50; chunk += 1) {
      const tokens = Array.from({ length: 100 }, (_, index) => `jti-${chunk}-${index}`);
      await Promise.all(tokens.map((token) => one.block(blockOf('token', token))));
    }
    const late = await gateway();
    assert.equal(late.list().length, 5_000);
  });

  it('blocks for strikes that were counted on different gateways', async () => {
    const [one, other] = await Promise.all([gateway(), gateway()]);
    const watches = [one, other].map((blacklist) => {
      const redis = connected();
      const policy = { strikes: 10, windowMs: 3_600_000 };
      return { redis, watch: createAbuseWatch({ blacklist, redis, logger: silent, policy }) };
    });
    // A watch whose connection is not ready counts alone.
    for (const { redis } of watches) await eventually(() => assert.equal(redis.status, 'ready'));
    for (let index = 0; index < 6; index += 1) {
      for (const { watch } of watches) watch.strike({ kind: 'address', value: '192.0.2.1' }, 'bad tokens');
    }
    for (const { watch } of watches) await watch.idle();
    await eventually(() => {
      assert.ok(one.find({ address: '192.0.2.1' }));
      assert.ok(other.find({ address: '192.0.2.1' }));
    });
  });
});
