import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { pino } from 'pino';
import { z } from 'zod';
import { createRedisOneTimeTokens } from '../../gateway/auth/token-memory.ts';
import { parseBlock } from '../../gateway/blacklist/block.ts';
import { openRedisBlacklist } from '../../gateway/blacklist/redis-blacklist.ts';
import { createRateLimiter } from '../../gateway/limits/create-rate-limiter.ts';
import { connectRedis, StoreUnavailableError } from '../../gateway/redis/connection.ts';
import { RedisBeatStore } from '../../gateway/watch/redis-beat-store.ts';
import { ResilientBeatStore } from '../../gateway/watch/resilient-beat-store.ts';
import { makeCertificate, whyNoOpenssl } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { startRedisServer, whyNoRedis, type RedisServer } from '../support/redis-server.ts';
import { startRedisCluster, startRedisWithSentinel } from '../support/redis-topologies.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';

/** The promise: after the first few failures a request waits no longer than this for Redis. */
const LONGEST_WAIT_MS = 250;
const PATIENCE = { timeoutMs: 30_000 };
const HOUR_MS = 3_600_000;

const lineSchema = z.looseObject({ msg: z.string(), reason: z.string().optional() });

/** All that a gateway keeps in a Redis. */
async function openParts(url: string) {
  const lines: z.infer<typeof lineSchema>[] = [];
  const write = (line: string): void => void lines.push(lineSchema.parse(JSON.parse(line)));
  const logger = pino({ level: 'info' }, { write });
  const redis = connectRedis(url, logger);
  await eventually(() => assert.equal(redis.status, 'ready'), PATIENCE);
  const times = { graceMs: 0, rememberEndsMs: 60_000 };
  const blacklist = await openRedisBlacklist({ redis, logger, checkEveryMs: 100, openTimeoutMs: 20_000 });
  return {
    redis,
    blacklist,
    limiter: createRateLimiter({ name: 'x', redis, limit: { limit: 1_000, windowMs: HOUR_MS } }),
    beats: new ResilientBeatStore(new RedisBeatStore(redis, times), {
      ...times,
      leftToThis: async (streams) => streams,
    }),
    tokens: createRedisOneTimeTokens(redis),
    /** Lines on whether Redis serves, in order. */
    said: () => lines.filter(({ msg }) => msg.startsWith('Redis')).map(({ msg, reason }) => `${msg}: ${reason ?? ''}`),
    async close() {
      await blacklist.close();
      redis.disconnect();
    },
  };
}

type Parts = Awaited<ReturnType<typeof openParts>>;

function blockOf(value: string) {
  return parseBlock({ kind: 'user', value, reason: 'test', by: 'operator' });
}

/** Each part does what it is for. */
async function assertServes({ limiter, tokens, beats, blacklist, redis }: Parts): Promise<void> {
  assert.equal(redis.breaker.open, false);
  const id = randomUUID();
  const ref = { userId: id, streamId: 'a' };
  assert.equal((await limiter.take(id)).allowed, true);
  assert.equal(await tokens.consume(id, Date.now() + HOUR_MS), true);
  assert.equal(await tokens.consume(id, Date.now() + HOUR_MS), false);
  await beats.confirm({
    ...ref,
    deviceId: 'tv',
    silenceMs: 30_000,
    heartbeatIntervalMs: 10_000,
    forwardEveryMs: 60_000,
  });
  assert.equal((await beats.beat(ref)).state, 'alive');
  await blacklist.block(blockOf(id));
  assert.ok(blacklist.find({ user: id }));
  await beats.sweep(100);
}

/** Each part goes by its rule, and nobody waits. */
async function assertGoesByRules({ limiter, tokens, beats, blacklist, redis }: Parts, known: string): Promise<void> {
  assert.equal(redis.breaker.open, true);
  for (let index = 0; index < 20; index += 1) {
    const startedMs = performance.now();
    assert.equal((await limiter.take(randomUUID())).allowed, true, 'limits: allowed');
    await assert.rejects(tokens.consume(randomUUID(), Date.now() + HOUR_MS), StoreUnavailableError);
    assert.equal((await beats.beat({ userId: known, streamId: 'a' })).state, 'unshared');
    await assert.rejects(beats.beat({ userId: randomUUID(), streamId: 'a' }), StoreUnavailableError);
    await assert.rejects(blacklist.block(blockOf(randomUUID())), StoreUnavailableError);
    assert.ok(performance.now() - startedMs < LONGEST_WAIT_MS, `${performance.now() - startedMs} ms`);
    assert.ok(blacklist.find({ user: known }), 'blocks: the last known');
  }
}

interface Fault {
  readonly name: string;
  readonly begin: (server: RedisServer) => Promise<unknown>;
  readonly end: (server: RedisServer) => Promise<unknown>;
  readonly reason: RegExp;
}

const config =
  (...settings: readonly string[]) =>
  (server: RedisServer) =>
    server.command('CONFIG', 'SET', ...settings);

const FAULTS: readonly Fault[] = [
  {
    name: 'hangs',
    begin: async (server) => server.freeze(),
    end: async (server) => server.thaw(),
    reason: /no answer within/,
  },
  {
    name: 'is gone',
    begin: (server) => server.kill(),
    end: (server) => server.restart(),
    reason: /ECONNREFUSED|no connection/,
  },
  { name: 'is full', begin: config('maxmemory', '1'), end: config('maxmemory', '0'), reason: /OOM/ },
  {
    name: 'has become a replica',
    begin: (server) => server.command('REPLICAOF', '127.0.0.1', '1'),
    end: (server) => server.command('REPLICAOF', 'NO', 'ONE'),
    reason: /READONLY/,
  },
  {
    name: 'has become a replica without its primary, and serves no stale data',
    async begin(server) {
      await server.command('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
      await server.command('REPLICAOF', '127.0.0.1', '1');
    },
    end: (server) => server.command('REPLICAOF', 'NO', 'ONE'),
    reason: /MASTERDOWN/,
  },
  {
    name: 'has too few replicas',
    begin: config('min-replicas-to-write', '1'),
    end: config('min-replicas-to-write', '0'),
    reason: /NOREPLICAS/,
  },
  {
    name: 'cannot save and therefore takes no writes',
    async begin(server) {
      const folder = await mkdtemp(path.join(tmpdir(), 'redis-'));
      await server.command('CONFIG', 'SET', 'dir', folder);
      await rm(folder, { recursive: true });
      await server.command('CONFIG', 'SET', 'save', '3600 1');
      await server.command('BGSAVE');
      await eventually(async () =>
        assert.match(await server.command('INFO', 'persistence'), /rdb_last_bgsave_status:err/),
      );
    },
    end: config('stop-writes-on-bgsave-error', 'no'),
    reason: /MISCONF/,
  },
  {
    name: 'is busy with somebody else’s script',
    async begin(server) {
      await server.command('CONFIG', 'SET', 'busy-reply-threshold', '10');
      void server.command('EVAL', 'while true do end', '0').catch(() => undefined);
    },
    end: (server) => server.command('SCRIPT', 'KILL'),
    reason: /BUSY|no answer within/,
  },
  {
    name: 'has taken its permissions away',
    begin: (server) => server.command('ACL', 'SETUSER', 'default', '-@write'),
    end: (server) => server.command('ACL', 'SETUSER', 'default', '+@all'),
    reason: /NOPERM|can't run this command/,
  },
  {
    name: 'has another password now',
    async begin(server) {
      await server.command('CONFIG', 'SET', 'requirepass', 'other');
      await server.command('-a', 'other', 'CLIENT', 'KILL', 'TYPE', 'normal');
    },
    end: (server) => server.command('-a', 'other', 'CONFIG', 'SET', 'requirepass', ''),
    reason: /NOAUTH|no connection/,
  },
];

describe('a Redis that', () => {
  let server: RedisServer;
  let parts: Parts;
  before(function () {
    skipWhereMissing(this, whyNoRedis());
  });
  beforeEach(async () => {
    server = await startRedisServer(['--enable-protected-configs', 'yes']);
    parts = await openParts(server.url);
  });
  afterEach(async () => {
    await parts?.close();
    server?.thaw();
    await server?.kill();
  });

  for (const { name, begin, end, reason } of FAULTS) {
    it(`${name} is done without by declared rules, which is said once, and taken up again alone`, async () => {
      const known = randomUUID();
      const ref = { userId: known, streamId: 'a' };
      const times = { silenceMs: 60_000, heartbeatIntervalMs: 20_000, forwardEveryMs: 60_000 };
      await parts.beats.confirm({ ...ref, deviceId: 'tv', ...times });
      await parts.blacklist.block(blockOf(known));
      await begin(server);
      // The first few, which find out.
      await eventually(async () => {
        await parts.limiter.take(randomUUID());
        assert.equal(parts.redis.breaker.open, true);
      });
      await assertGoesByRules(parts, known);
      assert.equal(parts.said().length, 1, parts.said().join('\n'));
      assert.match(parts.said()[0] ?? '', reason);
      await end(server);
      await eventually(() => assertServes(parts), PATIENCE);
      assert.equal(parts.said().length, 2, parts.said().join('\n'));
      assert.match(parts.said()[1] ?? '', /serves again/);
    }).timeout(60_000);
  }
});

describe('a Redis that lets its users touch only what is theirs', () => {
  before(function () {
    skipWhereMissing(this, whyNoRedis());
  });

  it('serves all parts to one that may use their keys and channels, by either of two passwords', async () => {
    const server = await startRedisServer();
    try {
      const theirs = ['+@all', '~{stream-sessions}:*', '&{stream-sessions}:*'];
      await server.command('ACL', 'SETUSER', 'ann', 'on', '>old', '>n@w:', ...theirs);
      await server.command('ACL', 'SETUSER', 'default', 'off');
      for (const password of ['old', 'n%40w%3A']) {
        const parts = await openParts(server.url.replace('//', `//ann:${password}@`));
        await assertServes(parts);
        assert.deepEqual(parts.said(), []);
        await parts.close();
      }
    } finally {
      await server.kill();
    }
  });
});

describe('a Redis behind Sentinel', () => {
  before(function () {
    skipWhereMissing(this, whyNoRedis());
  });

  for (const [name, fault] of [
    ['hangs and is failed over', async (server: RedisServer) => server.freeze()],
    ['is gone and is failed over', (server: RedisServer) => server.kill()],
    ['is failed over while it works', async () => undefined],
  ] as const) {
    it(`that ${name}: gateways go on at the new primary, and stay there when the old one is back as its replica`, async () => {
      const redis = await startRedisWithSentinel();
      const [one, other] = await Promise.all([openParts(redis.url), openParts(redis.url)]);
      try {
        for (const parts of [one, other]) await assertServes(parts);
        await fault(redis.first);
        await redis.failOver();
        for (const parts of [one, other]) await eventually(() => assertServes(parts), PATIENCE);
        redis.first.thaw();
        for (const parts of [one, other]) {
          await eventually(async () => {
            await redis.second.command('FLUSHALL');
            await assertServes(parts);
            assert.match(await redis.second.command('KEYS', '*one-time*'), /one-time/);
          }, PATIENCE);
        }
        // Messages come from the new primary as well.
        await one.blacklist.block(blockOf('ann'));
        await eventually(() => assert.ok(other.blacklist.find({ user: 'ann' })));
      } finally {
        await one.close();
        await other.close();
        redis.first.thaw();
        await redis.stop();
      }
    }).timeout(90_000);
  }
});

describe('a Redis behind Sentinel, with TLS and passwords', () => {
  before(function () {
    skipWhereMissing(this, whyNoRedis());
    skipWhereMissing(this, whyNoOpenssl());
  });

  it('serves all parts, also after a fail-over', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'redis-tls-'));
    const [certificate, key] = ['cert.pem', 'key.pem'].map((name) => path.join(folder, name));
    assert.ok(certificate !== undefined && key !== undefined);
    makeCertificate(certificate, key);
    setDefaultCACertificates([...getCACertificates('default'), await readFile(certificate, 'utf8')]);
    const redis = await startRedisWithSentinel({ certificate, key, password: 's3:cr@t', sentinelPassword: 'w&tch=er' });
    const parts = await openParts(redis.url);
    try {
      await assertServes(parts);
      redis.first.freeze();
      await redis.failOver();
      await eventually(() => assertServes(parts), PATIENCE);
    } finally {
      await parts.close();
      redis.first.thaw();
      await redis.stop();
      await rm(folder, { recursive: true });
    }
  }).timeout(90_000);
});

describe('a Redis Cluster', () => {
  before(function () {
    skipWhereMissing(this, whyNoRedis());
  });

  it('serves all parts, and goes on when the node that has their keys hangs', async () => {
    const cluster = await startRedisCluster();
    const [one, other] = await Promise.all([openParts(cluster.url), openParts(cluster.url)]);
    try {
      for (const parts of [one, other]) await assertServes(parts);
      await one.blacklist.block(blockOf('ann'));
      await eventually(() => assert.ok(other.blacklist.find({ user: 'ann' })));
      const primary = await cluster.primaryOf('{stream-sessions}');
      primary.freeze();
      await eventually(async () => {
        await one.limiter.take(randomUUID());
        assert.equal(one.redis.breaker.open, true);
      });
      for (const parts of [one, other]) await eventually(() => assertServes(parts), PATIENCE);
      primary.thaw();
      await other.blacklist.block(blockOf('eve'));
      await eventually(() => assert.ok(one.blacklist.find({ user: 'eve' })));
    } finally {
      await one.close();
      await other.close();
      await cluster.stop();
    }
  }).timeout(120_000);
});
