import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { BeatStore, StreamRef, WatchedStream } from '../../gateway/watch/beat-store.ts';
import { MemoryBeatStore } from '../../gateway/watch/memory-beat-store.ts';
import type { SharedRedis } from '../../gateway/redis/connection.ts';
import { RedisBeatStore } from '../../gateway/watch/redis-beat-store.ts';
import { StoreUnavailableError } from '../../gateway/redis/connection.ts';
import { eventually } from '../support/eventually.ts';
import { startRedisServer, whyNoRedis, type RedisServer } from '../support/redis-server.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { connectToRedis } from './support/redis-clients.ts';

const SILENCE_MS = 300;
const TIMES = { silenceMs: SILENCE_MS, heartbeatIntervalMs: 100, forwardEveryMs: 400 };
const OPTIONS = { graceMs: 0, rememberEndsMs: 60_000 };
const EVICTED = { reason: 'evicted', evictor: { kind: 'operator', by: 'ann' } } as const;

function streamOf(ref: StreamRef, times: Partial<typeof TIMES> = {}): WatchedStream {
  return { ...ref, deviceId: 'tv', ...TIMES, ...times };
}

function behavesAsBeatStore(create: () => BeatStore): void {
  let store: BeatStore;
  let ref: StreamRef;
  beforeEach(() => {
    store = create();
    ref = { userId: `Ann/${randomUUID()}`, streamId: 'a:"1"' };
  });

  /** Streams of this test that a sweep found lost. */
  async function sweep(): Promise<readonly StreamRef[]> {
    return (await store.sweep(100)).silent.filter(({ userId }) => userId === ref.userId);
  }

  it('knows nothing of a stream nobody acquired, nor of one whose acquire is under way', async () => {
    assert.deepEqual(await store.beat(ref), { state: 'unknown' });
    await store.expect(ref, 5_000);
    assert.deepEqual(await store.beat(ref), { state: 'unknown' });
  });

  it('answers the beats of a confirmed one with what it was told of it', async () => {
    await store.expect(ref, 5_000);
    const stream = { ...streamOf(ref, { forwardEveryMs: 60_000 }), contentId: 'film' };
    await store.confirm(stream);
    assert.deepEqual(await store.beat(ref), { state: 'alive', stream, expiresInMs: SILENCE_MS, forward: false });
  });

  it('takes no beat for another device, which keeps nothing alive', async () => {
    await store.sweep(100);
    await store.confirm(streamOf(ref));
    assert.equal((await store.beat(ref, 'tv')).state, 'alive');
    const stopsAt = performance.now() + 4 * SILENCE_MS;
    while (performance.now() < stopsAt) {
      const { state } = await store.beat(ref, 'phone');
      assert.ok(state === 'otherDevice' || state === 'silent', state);
      await setTimeout(20);
      await sweep();
      if (state === 'silent') break;
    }
    assert.deepEqual(await store.beat(ref, 'phone'), { state: 'silent' });
  });

  it('has one beat passed on in each period, and the next one again when that failed', async () => {
    await store.confirm(streamOf(ref, { forwardEveryMs: 60_000 }));
    await store.forwardAgain(ref);
    const beats = await Promise.all(Array.from({ length: 20 }, () => store.beat(ref)));
    assert.equal(beats.filter((beat) => beat.state === 'alive' && beat.forward).length, 1);
    await store.forwardAgain(ref);
    const again = await store.beat(ref);
    assert(again.state === 'alive' && again.forward);
  });

  it('finds a silent stream once, and leaves its late beat to its account', async () => {
    await store.sweep(100);
    await store.confirm(streamOf(ref));
    await eventually(async () => assert.deepEqual(await sweep(), [ref]));
    assert.deepEqual(await sweep(), [], 'one caller reports it');
    assert.deepEqual(await store.beat(ref), { state: 'silent' });
    await store.end(ref, { reason: 'expired' });
    assert.deepEqual(await store.beat(ref), { state: 'over', end: { reason: 'expired' } });
  });

  it('goes on with a silent stream that its account still has, and forgets one it does not know', async () => {
    await store.sweep(100);
    const other = { ...ref, streamId: 'other' };
    for (const each of [ref, other]) await store.confirm(streamOf(each));
    const found: StreamRef[] = [];
    await eventually(async () => {
      found.push(...(await sweep()));
      assert.equal(found.length, 2);
    });
    await store.adopt(streamOf(ref), 60_000);
    assert.equal((await store.beat(ref)).state, 'alive');
    await store.cancel(other);
    assert.deepEqual(await store.beat(other), { state: 'unknown' });
  });

  it('reports an acquire whose answer never came as lost', async () => {
    await store.sweep(100);
    await store.expect(ref, 50);
    await eventually(async () => assert.deepEqual(await sweep(), [ref]));
  });

  it('forgets an acquire that was refused, but not a stream that plays', async () => {
    await store.expect(ref, 5_000);
    await store.cancel(ref);
    assert.deepEqual(await store.beat(ref), { state: 'unknown' });
    await store.confirm(streamOf(ref));
    await store.expect(ref, 5_000);
    await store.cancel(ref);
    assert.equal((await store.beat(ref)).state, 'alive');
  });

  it('lets no late confirmation revive a stream that was evicted meanwhile', async () => {
    await store.expect(ref, 5_000);
    await store.end(ref, EVICTED);
    await store.confirm(streamOf(ref));
    await store.adopt(streamOf(ref), 0);
    assert.deepEqual(await store.beat(ref), { state: 'over', end: EVICTED });
    await store.expect(ref, 5_000);
    await store.confirm(streamOf(ref));
    assert.equal((await store.beat(ref)).state, 'alive', 'an acquire after the end is another matter');
  });

  it('lets an evicted stream play on for its hand-off, however it beats, and reports nothing', async () => {
    await store.sweep(100);
    await store.confirm(streamOf(ref));
    await store.end(ref, EVICTED, 2_000);
    const beat = await store.beat(ref);
    assert(beat.state === 'alive');
    assert.deepEqual([beat.ending, beat.forward], [EVICTED, false]);
    assert.ok(beat.expiresInMs <= 2_000);
    await eventually(async () => assert.deepEqual(await store.beat(ref), { state: 'over', end: EVICTED }));
    assert.deepEqual(await sweep(), []);
  });

  it('adopts a stream it does not know, and leaves one it knows as it is', async () => {
    await store.adopt(streamOf(ref), 60_000);
    const first = await store.beat(ref);
    assert(first.state === 'alive' && !first.forward);
    await store.adopt({ ...streamOf(ref), deviceId: 'other' }, 0);
    const second = await store.beat(ref);
    assert(second.state === 'alive' && !second.forward && second.stream.deviceId === 'tv');
  });

  it('asks to recover until somebody did, one at a time, and again when asked to', async () => {
    assert.equal((await store.sweep(1)).mustRecover, true);
    assert.equal(await store.beginRecovery(), true);
    assert.equal(await store.beginRecovery(), false);
    await store.renewRecovery();
    assert.equal(await store.beginRecovery(), false);
    await store.endRecovery();
    assert.equal((await store.sweep(1)).mustRecover, false);
    assert.equal(await store.beginRecovery(), false);
    await store.requireRecovery();
    assert.equal((await store.sweep(1)).mustRecover, true);
  });
}

describe('the record of who beats', () => {
  describe('in memory', () => {
    behavesAsBeatStore(() => new MemoryBeatStore(OPTIONS));

    it('lets another one recover when the first fell silent', async () => {
      let nowMs = 0;
      const store = new MemoryBeatStore(OPTIONS, () => nowMs);
      assert.equal(await store.beginRecovery(), true);
      nowMs = 9_000;
      await store.renewRecovery();
      nowMs = 18_000;
      assert.equal(await store.beginRecovery(), false);
      nowMs = 20_000;
      assert.equal(await store.beginRecovery(), true);
    });

    it('ends nothing for a while after a pause of the sweeps, as beats went unheard', async () => {
      let nowMs = 0;
      const store = new MemoryBeatStore({ ...OPTIONS, graceMs: 1_000 }, () => nowMs);
      const ref = { userId: 'ann', streamId: 'a' };
      await store.sweep(9);
      nowMs = 1_000;
      await store.sweep(9);
      await store.confirm(streamOf(ref));
      nowMs = 31_000;
      assert.deepEqual((await store.sweep(9)).silent, []);
      nowMs = 31_900;
      assert.deepEqual((await store.sweep(9)).silent, []);
      nowMs = 32_000;
      assert.deepEqual((await store.sweep(9)).silent, [ref]);
      nowMs = 43_000;
      assert.deepEqual((await store.sweep(9)).silent, [], 'a pause again');
      for (nowMs = 44_000; nowMs < 45_000; nowMs += 100) await store.sweep(9);
      await store.end(ref, { reason: 'expired' });
      assert.equal(await store.size(), 0);
    });
  });

  describe('in Redis', () => {
    let server: RedisServer;
    let redis: SharedRedis;
    before(async function () {
      skipWhereMissing(this, whyNoRedis());
      server = await startRedisServer();
      redis = await connectToRedis(server.url);
    });
    beforeEach(() => redis.flushall());
    after(async () => {
      redis?.disconnect();
      await server?.kill();
    });

    behavesAsBeatStore(() => new RedisBeatStore(redis, OPTIONS));

    it('hands out each lost stream to one of several gateways, and to another one when it does not report', async () => {
      const stores = [1, 2, 3].map(() => new RedisBeatStore(redis, OPTIONS));
      const refs = Array.from({ length: 50 }, (_, index) => ({ userId: randomUUID(), streamId: String(index) }));
      const [first] = stores;
      assert(first);
      await first.sweep(1);
      await Promise.all(refs.map((ref) => first.confirm(streamOf(ref, { silenceMs: 1 }))));
      const found: StreamRef[] = [];
      await eventually(async () => {
        for (const { silent } of await Promise.all(stores.map((store) => store.sweep(10)))) found.push(...silent);
        assert.equal(found.length, refs.length);
      });
      assert.equal(new Set(found.map(({ userId }) => userId)).size, refs.length);
    });

    it('gives the lease anew to all when nobody swept for a while, by the clock of Redis', async () => {
      const store = new RedisBeatStore(redis, { ...OPTIONS, graceMs: 60_000 });
      await store.confirm(streamOf({ userId: 'ann', streamId: 'a' }, { silenceMs: 1 }));
      await eventually(async () =>
        assert.equal(await redis.zcount('{stream-sessions}:deadlines', '-inf', Date.now()), 1),
      );
      assert.deepEqual((await store.sweep(10)).silent, []);
    });

    it('says that it is away, and that it must recover once its data are lost', async () => {
      const other = await startRedisServer();
      const connection = await connectToRedis(other.url);
      const store = new RedisBeatStore(connection, OPTIONS);
      await store.endRecovery();
      assert.equal((await store.sweep(1)).mustRecover, false);
      await other.kill();
      await assert.rejects(store.beat({ userId: 'ann', streamId: 'a' }), StoreUnavailableError);
      await other.restart();
      await eventually(async () => assert.equal((await store.sweep(1)).mustRecover, true));
      connection.disconnect();
      await other.kill();
    });
  });
});
