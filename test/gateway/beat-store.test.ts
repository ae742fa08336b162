import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
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
    assert.equal((await store.beat(ref)).state, 'unknown');
    await store.expect(ref, 5_000);
    assert.equal((await store.beat(ref)).state, 'unknown');
  });

  it('says of an unknown one whether it may be one that nobody has read yet', async () => {
    assert.deepEqual(await store.beat(ref), { state: 'unknown', recovering: true });
    assert.equal(await store.beginRecovery(), true);
    assert.deepEqual(await store.beat(ref), { state: 'unknown', recovering: true });
    await store.readLater([ref.userId, 'another'], 60_000);
    await store.endRecovery();
    assert.deepEqual(await store.beat(ref), { state: 'unknown', recovering: true }, 'its account gave no answer');
    await store.noteRead(ref.userId);
    assert.deepEqual(await store.beat(ref), { state: 'unknown', recovering: false });
    assert.equal(await store.unread(), 1);
    await store.requireRecovery();
    assert.deepEqual(await store.beat(ref), { state: 'unknown', recovering: true });
  });

  it('hands out accounts that are to be read again, each to one caller at a time, until they are', async () => {
    const users = [1, 2, 3].map((index) => `${ref.userId}${index}`);
    await store.readLater(users, 0);
    const first = await store.sweep(2);
    const second = await store.sweep(2);
    assert.deepEqual([...first.unread, ...second.unread].toSorted(), users);
    assert.deepEqual((await store.sweep(2)).unread, []);
    for (const user of users) await store.noteRead(user);
    assert.equal(await store.unread(), 0);
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
    await eventually(async () => {
      assert.deepEqual(await store.beat(ref, 'phone'), { state: 'otherDevice' });
      assert.deepEqual(await sweep(), [ref]);
    });
    assert.deepEqual(await store.beat(ref, 'phone'), { state: 'otherDevice' });
    assert.deepEqual(await store.tell([ref]), [ref], 'silent all the same');
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

  it('finds a silent stream once, and leaves a beat that comes after its account was told to the account', async () => {
    await store.sweep(100);
    await store.confirm(streamOf(ref));
    await eventually(async () => assert.deepEqual(await sweep(), [ref]));
    assert.deepEqual(await sweep(), [], 'one caller reports it');
    assert.deepEqual(await store.tell([ref]), [ref]);
    assert.deepEqual(await store.beat(ref), { state: 'told' });
    assert.deepEqual(await store.tell([ref]), [ref], 'again, when the first time brought no answer');
    await store.end(ref, { reason: 'expired' });
    assert.deepEqual(await store.beat(ref), { state: 'over', end: { reason: 'expired' } });
  });

  it('goes on with a silent stream that beats before its account is told', async () => {
    await store.sweep(100);
    const stream = streamOf(ref, { forwardEveryMs: 60_000 });
    await store.confirm(stream);
    await eventually(async () => assert.deepEqual(await sweep(), [ref]));
    assert.deepEqual(await store.beat(ref), { state: 'alive', stream, expiresInMs: SILENCE_MS, forward: false });
    assert.deepEqual(await store.tell([ref]), []);
    await eventually(async () => assert.deepEqual(await sweep(), [ref], 'found again when it falls silent again'));
  });

  it('leaves the late beat of a stream whose acquire was never confirmed to its account', async () => {
    await store.sweep(100);
    await store.expect(ref, 50);
    await eventually(async () => assert.deepEqual(await sweep(), [ref]));
    assert.deepEqual(await store.beat(ref), { state: 'told' });
  });

  it('hands out a silent stream again when its claim is over, new ones first', async () => {
    await store.sweep(100);
    await store.confirm(streamOf(ref));
    await eventually(async () => assert.deepEqual(await sweep(), [ref]));
    await store.claim([ref], 60_000);
    const other = { ...ref, streamId: 'other' };
    await store.confirm(streamOf(other, { silenceMs: 0 }));
    await store.claim([ref, other], 0);
    const found: StreamRef[] = [];
    await eventually(async () => {
      found.push(...(await store.sweep(1)).silent.filter(({ userId }) => userId === ref.userId));
      assert.equal(found.length, 2);
    });
    assert.deepEqual(found, [other, ref]);
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
    await store.tell([other]);
    await store.cancel(other);
    assert.equal((await store.beat(other)).state, 'unknown');
  });

  it('reports an acquire whose answer never came as lost', async () => {
    await store.sweep(100);
    await store.expect(ref, 50);
    await eventually(async () => assert.deepEqual(await sweep(), [ref]));
  });

  it('forgets an acquire that was refused, but not a stream that plays', async () => {
    await store.expect(ref, 5_000);
    await store.cancel(ref);
    assert.equal((await store.beat(ref)).state, 'unknown');
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
    await store.adopt(streamOf(ref, { forwardEveryMs: 60_000 }), 60_000);
    const first = await store.beat(ref);
    assert(first.state === 'alive' && !first.forward);
    await store.adopt({ ...streamOf(ref, { forwardEveryMs: 60_000 }), deviceId: 'other' }, 0);
    const second = await store.beat(ref);
    assert(second.state === 'alive' && !second.forward && second.stream.deviceId === 'tv');
  });

  it('leaves the next beats of accounts that are in doubt to these, until they answer for a stream', async () => {
    await store.sweep(100);
    const refs = ['a', 'b', 'leaving'].map((streamId) => ({ ...ref, streamId }));
    const [a, b, leaving] = refs;
    assert(a && b && leaving);
    const other = { ...ref, userId: `${ref.userId} too` };
    const forwardEveryMs = 60_000;
    for (const each of [...refs, other]) await store.confirm(streamOf(each, { forwardEveryMs }));
    await store.end(leaving, EVICTED, 2_000);
    assert.equal(await store.doubt(new Set([ref.userId, 'nobody'])), 2);
    const states = await Promise.all([a, b, leaving, other].map(async (each) => (await store.beat(each)).state));
    assert.deepEqual(states, ['told', 'told', 'alive', 'alive']);
    await store.discover(streamOf(a, { forwardEveryMs }), 60_000);
    assert.equal((await store.beat(a)).state, 'told', 'it was read before, maybe');
    await store.adopt(streamOf(a, { forwardEveryMs }), 60_000);
    assert.equal((await store.beat(a)).state, 'alive');
    const found: StreamRef[] = [];
    await eventually(async () => {
      found.push(...(await sweep()));
      assert.ok(found.some(({ streamId }) => streamId === 'b'));
    });
    await store.cancel(b);
    assert.equal((await store.beat(b)).state, 'unknown');
  });

  it('discovers a stream it does not know, and takes none for alive that fell silent, ended or plays', async () => {
    await store.sweep(100);
    await store.discover(streamOf(ref), 60_000);
    await store.discover({ ...streamOf(ref), deviceId: 'other' }, 60_000);
    const beat = await store.beat(ref);
    assert(beat.state === 'alive' && beat.stream.deviceId === 'tv');
    await eventually(async () => assert.deepEqual(await sweep(), [ref]));
    await store.discover(streamOf(ref), 60_000);
    assert.deepEqual(await store.tell([ref]), [ref]);
    await store.discover(streamOf(ref), 60_000);
    assert.deepEqual(await store.beat(ref), { state: 'told' });
    await store.end(ref, EVICTED);
    await store.discover(streamOf(ref), 60_000);
    assert.deepEqual(await store.beat(ref), { state: 'over', end: EVICTED });
    const expected = { ...ref, streamId: 'expected' };
    await store.expect(expected, 60_000);
    await store.discover(streamOf(expected), 60_000);
    assert.equal((await store.beat(expected)).state, 'alive');
  });

  it('is not recovered by a recovery during which something else went unrecorded', async () => {
    assert.equal(await store.beginRecovery(), true);
    await store.requireRecovery();
    assert.equal(await store.beginRecovery(), false, 'one at a time');
    await store.endRecovery();
    assert.equal((await store.sweep(1)).mustRecover, true);
    assert.equal(await store.beginRecovery(), true);
    await store.endRecovery();
    assert.equal((await store.sweep(1)).mustRecover, false);
  });

  it('lets another caller recover when one gave up', async () => {
    assert.equal(await store.beginRecovery(), true);
    await store.giveUpRecovery();
    assert.equal((await store.sweep(1)).mustRecover, true);
    assert.equal(await store.beginRecovery(), true);
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

    it('is not recovered by a recovery during which the data were lost', async () => {
      const [store, other] = [1, 2].map(() => new RedisBeatStore(redis, OPTIONS));
      assert(store && other);
      assert.equal(await store.beginRecovery(), true);
      await redis.flushall();
      await store.renewRecovery();
      await store.endRecovery();
      assert.equal((await store.sweep(1)).mustRecover, true);
      assert.equal(await other.beginRecovery(), true);
      await store.endRecovery();
      assert.equal((await other.sweep(1)).mustRecover, true, 'the one before ends nothing of another one');
      await other.endRecovery();
      assert.equal((await store.sweep(1)).mustRecover, false);
    });

    it('takes a recovery for done that two gateways did, as the first one was taken for dead', async () => {
      const [first, second] = [1, 2].map(() => new RedisBeatStore(redis, OPTIONS));
      assert(first && second);
      assert.equal(await first.beginRecovery(), true);
      await redis.del('{stream-sessions}:recovering');
      assert.equal(await second.beginRecovery(), true);
      await first.renewRecovery();
      await first.endRecovery();
      assert.equal((await second.sweep(1)).mustRecover, false);
      await second.endRecovery();
      assert.equal((await first.sweep(1)).mustRecover, false);
    });

    it('puts all times back with a clock of Redis that goes back, and ends none when it goes ahead', async () => {
      const HOUR_MS = 3_600_000;
      const store = new RedisBeatStore(redis, { ...OPTIONS, graceMs: 60_000 });
      const [silent, leaving, claimed] = ['silent', 'leaving', 'claimed'].map((id) => ({
        userId: 'ann',
        streamId: id,
      }));
      assert(silent && leaving && claimed);
      await store.sweep(10);
      await redis.del('{stream-sessions}:grace-until');
      await store.confirm(streamOf(claimed, { silenceMs: 1 }));
      await eventually(async () => assert.deepEqual((await store.sweep(10)).silent, [claimed]));
      await store.confirm(streamOf(silent));
      await store.confirm(streamOf(leaving, { silenceMs: 60_000 }));
      await store.end(leaving, EVICTED, 2_000);
      await store.readLater(['bob'], 100);
      // What is written looks like this after the clock went back by an hour.
      for (const set of ['deadlines', 'silent', 'unread'])
        for (const member of await redis.zrange(`{stream-sessions}:${set}`, '0', '-1'))
          await redis.zincrby(`{stream-sessions}:${set}`, HOUR_MS, member);
      await redis.incrby('{stream-sessions}:swept', String(HOUR_MS));

      const found = { silent: [] as StreamRef[], unread: [] as string[] };
      await eventually(async () => {
        const { silent: streams, unread } = await store.sweep(10);
        found.silent.push(...streams);
        found.unread.push(...unread);
        assert.deepEqual(found, { silent: [silent], unread: ['bob'] });
      });
      await eventually(async () => assert.deepEqual(await store.beat(leaving), { state: 'over', end: EVICTED }));
      const due = { userId: 'ann', streamId: 'due' };
      await store.confirm(streamOf(due));
      const key = `{stream-sessions}:stream:${JSON.stringify(['ann', 'due'])}`;
      await redis.hincrby(key, 'forward', HOUR_MS);
      const beat = await store.beat(due);
      assert(beat.state === 'alive' && beat.forward, 'passed on rather too early than too late');

      await store.confirm(streamOf(leaving, { silenceMs: 60_000 }));
      const other = { userId: 'ann', streamId: 'other' };
      await store.confirm(streamOf(other, { silenceMs: 60_000 }));
      await redis.zincrby('{stream-sessions}:deadlines', -HOUR_MS, JSON.stringify(['ann', 'other']));
      await redis.decrby('{stream-sessions}:swept', HOUR_MS);
      assert.deepEqual((await store.sweep(10)).silent, [], 'nothing for a whole lease');
      assert.equal((await store.beat(other)).state, 'alive');
    });

    it('says that it is away, and that it must recover once its data are lost', async () => {
      const other = await startRedisServer();
      const connection = await connectToRedis(other.url);
      const store = new RedisBeatStore(connection, OPTIONS);
      assert.equal(await store.beginRecovery(), true);
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
