import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import {
  SessionsUnavailableError,
  StreamEndedError,
  RequestMismatchError,
  StreamIdTakenError,
  StreamLimitReachedError,
} from '../../client/session-errors.ts';
import type { AcquireOptions, Granted, SessionsClient } from '../../client/sessions-client.ts';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import { parseSessionPolicy } from '../../contracts/sessions/session-policy.ts';
import type { EvictRequest, Release } from '../../contracts/sessions/stream-sessions.ts';
import { parseBlock, type Block } from '../../gateway/blacklist/block.ts';
import { StoreUnavailableError } from '../../gateway/redis/connection.ts';
import type { BeatStore } from '../../gateway/watch/beat-store.ts';
import { MemoryBeatStore } from '../../gateway/watch/memory-beat-store.ts';
import { OtherDeviceError, StreamWatch } from '../../gateway/watch/stream-watch.ts';
import { watchTimes } from '../../gateway/watch/watch-times.ts';
import { timeLeft } from '../../contracts/sessions/session-stream.ts';
import { SessionLedger } from '../../workflows/sessions/session-ledger.ts';
import { policyWith } from '../sessions/support/policies.ts';
import { eventually } from '../support/eventually.ts';
import { extent } from '../support/extent.ts';

const USER = 'alice';
/** Of the default policy: 45 seconds of lease, 2 of them for the report. */
const SILENCE_MS = 43_000;
const ACQUIRE_TIME_MS = 15_000;
const SWEEP_MS = 1_000;
const STREAM = { streamId: 'a', deviceId: 'd' };

describe('a gateway that watches streams', () => {
  it('announces an acquire before it asks the account, so that one whose answer is lost is found silent', async () => {
    for (const lost of ['before', 'after'] as const) {
      const world = new World();
      world.onAcquire = async (acquire) => {
        assert.equal(await world.store.size(), 1);
        if (lost === 'after') await acquire();
        throw new SessionsUnavailableError('acquire');
      };
      await assert.rejects(world.watch.acquire(USER, { streamId: 'a', deviceId: 'd' }), SessionsUnavailableError);
      world.onAcquire = undefined;
      assert.deepEqual(await world.silentAfter(ACQUIRE_TIME_MS + SILENCE_MS - 1), []);
      assert.deepEqual(await world.silentAfter(1), [{ userId: USER, streamId: 'a' }]);
      assert.equal(await world.watch.reportSilent({ userId: USER, streamId: 'a' }), lost === 'after');
      assert.equal((await world.sessions.list(USER)).slots, 0);
    }
  });

  it('keeps a tab in the background that beats once a minute, under the policy that the documentation names', async () => {
    const docs = await readFile(new URL('../../docs/stream-sessions.md', import.meta.url), 'utf8');
    const named = /take a policy that bears it: `(\{.*?\})`/.exec(docs)?.[1] ?? assert.fail('no policy is named');
    const world = new World(parseSessionPolicy({ version: 1, caps: { account: 3 }, ...JSON.parse(named) }));
    await world.watch.acquire(USER, STREAM);
    for (let minute = 1; minute <= 10; minute++) {
      // Sweeps come each second.
      for (let second = 0; second < 60; second++) assert.deepEqual(await world.silentAfter(1_000), []);
      await world.watch.heartbeat(USER, 'a');
    }
  });

  it('expects nothing of an acquire that was refused, or answered with another stream', async () => {
    const world = new World({ caps: { account: 1 } });
    await world.watch.acquire(USER, { streamId: 'a', deviceId: 'd', requestId: 'r' });
    const refused: readonly (readonly [request: AcquireOptions, error: new (...args: never[]) => Error])[] = [
      [{ deviceId: 'd' }, StreamLimitReachedError],
      [{ deviceId: 'other', requestId: 'r' }, StreamIdTakenError],
    ];
    for (const [request, error] of refused) await assert.rejects(world.watch.acquire(USER, request), error);
    const again = await world.watch.acquire(USER, { deviceId: 'd', requestId: 'r' });
    assert.equal(again.stream.streamId, 'a');
    assert.equal(await world.store.size(), 1);
  });

  it('watches what was granted: a player that falls silent ends, and one that beats does not', async () => {
    const world = new World();
    const granted = await world.watch.acquire(USER, { streamId: 'a', deviceId: 'd' });
    assert.equal(granted.expiresInMs, SILENCE_MS);
    await world.watch.acquire(USER, { streamId: 'b', deviceId: 'd' });
    assert.deepEqual(await world.silentAfter(SILENCE_MS - 1), []);
    assert.equal((await world.watch.heartbeat(USER, 'a')).expiresInMs, SILENCE_MS);
    assert.deepEqual(await world.silentAfter(1), [{ userId: USER, streamId: 'b' }]);
    assert.equal(await world.watch.reportSilent({ userId: USER, streamId: 'b' }), true);
    await assert.rejects(world.watch.heartbeat(USER, 'b'), { name: 'StreamEndedError', end: { reason: 'expired' } });
    assert.equal(world.calls.filter((call) => call.startsWith('heartbeat')).length, 0, 'beats cost no call');
  });

  it('answers beats of streams that ended for another one, were released, evicted or told of, without a call', async () => {
    const world = new World({ caps: { account: 1 }, overLimit: 'evictOldest' });
    const ends: Record<string, (id: string) => Promise<unknown>> = {
      evicted: () => world.watch.acquire(USER, { deviceId: 'd2' }),
      released: (id) => world.watch.release(USER, id),
      'evicted by an operator': () => world.watch.evict(USER, {}),
      told: (streamId) =>
        world.watch.streamsEnded(USER, [{ streamId, deviceId: 'd', endedAt: '', end: { reason: 'expired' } }]),
    };
    for (const [name, end] of Object.entries(ends)) {
      await world.watch.evict(USER, {});
      await world.watch.acquire(USER, { streamId: name, deviceId: 'd' });
      await end(name);
      world.calls.length = 0;
      await assert.rejects(world.watch.heartbeat(USER, name), StreamEndedError, name);
      assert.deepEqual(world.calls, [], name);
    }
  });

  it('ends no player whose account heard of it by another gateway, and watches it on', async () => {
    const world = new World();
    await world.watch.acquire(USER, { streamId: 'a', deviceId: 'd' });
    const [ref] = await world.silentAfter(SILENCE_MS);
    assert.ok(ref);
    await world.sessions.heartbeat(USER, 'a');
    assert.equal(await world.watch.reportSilent(ref), false);
    assert.equal(await world.store.size(), 1);
    assert.equal((await world.watch.heartbeat(USER, 'a')).expiresInMs, SILENCE_MS);
  });

  it('ends a player exactly when what its last beat was answered with is over, wherever each beat was heard', async () => {
    const beats = fc.array(fc.record({ afterMs: fc.integer({ min: 1, max: 42_000 }), heardHere: fc.boolean() }), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(beats, async (played) => {
        const world = new World();
        await world.watch.acquire(USER, STREAM);
        for (const { afterMs, heardHere } of played) {
          assert.equal(await world.lostWithin(afterMs), undefined, 'it beats');
          await (heardHere ? world.watch : world.sessions).heartbeat(USER, 'a');
        }
        const lostAfterMs = (await world.lostWithin(2 * SILENCE_MS)) ?? assert.fail('it was never lost');
        assert.ok(lostAfterMs >= SILENCE_MS, `${lostAfterMs} ms after its last beat`);
        assert.ok(lostAfterMs <= SILENCE_MS + SWEEP_MS, `${lostAfterMs} ms after its last beat`);
      }),
      { numRuns: extent(300, 50) },
    );
  }).timeout(60_000);

  it('lets a beat through that comes while its account is being told of its silence', async () => {
    const world = new World();
    await world.watch.acquire(USER, { streamId: 'a', deviceId: 'd' });
    const refs = await world.silentAfter(SILENCE_MS);
    assert.equal((await world.store.tell(refs)).length, 1);
    assert.equal((await world.watch.heartbeat(USER, 'a')).expiresInMs, SILENCE_MS);
    assert.deepEqual(world.calls.slice(-1), ['heartbeat a'], 'the account decides');
    assert.equal((await world.sessions.list(USER)).slots, 1);
  });

  it('lets a beat through that comes while its silence is being reported', async () => {
    const world = new World();
    await world.watch.acquire(USER, { streamId: 'a', deviceId: 'd' });
    const [ref] = await world.silentAfter(SILENCE_MS);
    assert.ok(ref);
    assert.equal((await world.watch.heartbeat(USER, 'a')).expiresInMs, SILENCE_MS);
    assert.equal(await world.watch.reportSilent(ref), false);
    assert.equal((await world.sessions.list(USER)).slots, 1);
  });

  it('takes no beat for another device than the stream has, wherever it learns of the device', async () => {
    const states: Record<string, (world: World) => Promise<unknown>> = {
      watched: async () => undefined,
      'forgotten by the store': (world) => world.store.cancel({ userId: USER, streamId: 'a' }),
      silent: (world) => world.silentAfter(SILENCE_MS),
      'in a store that is away': async (world) => void (world.away = true),
    };
    for (const [state, lead] of Object.entries(states)) {
      const world = new World();
      if (state === 'forgotten by the store') await world.sessions.acquire(USER, { ...STREAM, mode: 'watched' });
      else await world.watch.acquire(USER, STREAM);
      await lead(world);
      await assert.rejects(world.watch.heartbeat(USER, 'a', 'other'), OtherDeviceError, state);
      assert.ok(!world.calls.some((call) => call.startsWith('heartbeat')), `${state}: the account hears of no beat`);
      assert.equal((await world.watch.heartbeat(USER, 'a', 'd')).stream.deviceId, 'd', state);
    }
  });

  it('ends what is blocked with its next beat, and tells the player even when the account cannot be told', async () => {
    for (const kind of ['user', 'device'] as const) {
      const world = new World();
      const value = { user: USER, device: 'd' }[kind];
      await world.watch.acquire(USER, STREAM);
      await world.watch.acquire(USER, { streamId: 'b', deviceId: 'e' });
      world.block = parseBlock({ kind, value, reason: 'sold on', by: 'ops' });
      const evictor = { kind: 'operator', by: 'ops', reason: `this ${kind} is blocked: sold on` };
      const end = { name: 'StreamEndedError', end: { reason: 'evicted', evictor } };
      world.onEvict = () => Promise.reject(new SessionsUnavailableError('evict'));
      await assert.rejects(world.watch.heartbeat(USER, 'a'), end);
      assert.equal((await world.sessions.list(USER)).slots, 2);
      world.onEvict = undefined;
      await assert.rejects(world.watch.heartbeat(USER, 'a'), end);
      assert.equal((await world.sessions.list(USER)).slots, 1);
      if (kind === 'device') assert.equal((await world.watch.heartbeat(USER, 'b')).stream.deviceId, 'e');
      else await assert.rejects(world.watch.heartbeat(USER, 'b'), end);
    }
  });

  it('lets a stream that is handed off end when it must, however it is asked for and whatever its own clock says', async () => {
    const world = new World({ caps: { account: 1 }, overLimit: 'evictOldest', handoffGraceMs: 10_000 });
    const { watch, store } = world;
    await watch.acquire('u', { streamId: 'a', deviceId: 'A' });
    await watch.acquire('u', { streamId: 'b', deviceId: 'B' });
    world.nowMs += 9_000;
    const left = async () => {
      const { expiresInMs } = await watch.acquire('u', { streamId: 'a', deviceId: 'A' });
      return [expiresInMs, (await watch.heartbeat('u', 'a')).expiresInMs];
    };
    assert.deepEqual(await left(), [1_000, 1_000]);
    // As after a loss of the store's data.
    await store.end({ userId: 'u', streamId: 'a' }, { reason: 'unknown' });
    await store.expect({ userId: 'u', streamId: 'a' }, 1);
    await store.cancel({ userId: 'u', streamId: 'a' });
    assert.deepEqual(await left(), [1_000, 1_000]);
    world.away = true;
    assert.deepEqual(await left(), [1_000, 1_000]);
    world.nowMs += 1_000;
    await assert.rejects(watch.heartbeat('u', 'a'), StreamEndedError);
  });

  describe('whose account does not answer in time', () => {
    const TIMES = { expiresInMs: SILENCE_MS, heartbeatIntervalMs: 15_000 };
    const UNKNOWN = { stream: { userId: USER, streamId: 'a' }, ...TIMES, unproven: true };

    async function recover(world: World): Promise<void> {
      assert.equal(await world.store.beginRecovery(), true);
      await world.store.endRecovery();
    }

    it('lets players go on, with nothing to prove it, as long as nobody knows which streams there are', async () => {
      const world = new World();
      world.onRead = () => new Promise(() => undefined);
      assert.deepEqual(await world.watch.heartbeat(USER, 'a'), UNKNOWN);
      assert.equal(world.unconfirmed, 1);
      world.onRead = () => Promise.reject(new SessionsUnavailableError('list'));
      const other = new World();
      other.onRead = world.onRead;
      assert.deepEqual(await other.watch.heartbeat(USER, 'a'), UNKNOWN, 'also when it is known at once');
      await recover(other);
      await assert.rejects(other.watch.heartbeat(USER, 'a'), SessionsUnavailableError);
      await other.store.readLater([USER], 60_000);
      assert.deepEqual(await other.watch.heartbeat(USER, 'a'), UNKNOWN, 'its account gave the recovery no answer');
    });

    it('tells of an end as soon as the account was read, in a recovery too', async () => {
      const world = new World();
      await world.sessions.acquire(USER, { streamId: 'a', deviceId: 'd', mode: 'watched' });
      await world.sessions.evict(USER, { by: 'ann' });
      const read = Promise.withResolvers<void>();
      world.onRead = () => read.promise;
      assert.deepEqual(await world.watch.heartbeat(USER, 'a'), UNKNOWN);
      read.resolve();
      await eventually(() => assert.rejects(world.watch.heartbeat(USER, 'a'), StreamEndedError));
    });

    it('watches all streams of an account that one beat had read', async () => {
      const world = new World();
      for (const streamId of ['a', 'b', 'c']) {
        await world.sessions.acquire(USER, { streamId, deviceId: streamId, mode: 'watched' });
      }
      world.calls.length = 0;
      for (const streamId of ['a', 'b', 'c']) {
        const { stream } = await world.watch.heartbeat(USER, streamId);
        assert.partialDeepStrictEqual(stream, { streamId, deviceId: streamId });
      }
      assert.equal(world.calls.filter((call) => call === 'list').length, 1);
    });

    it('lets players go on whose beats the store does not take, and passes them on in one call', async () => {
      const world = new World();
      for (const streamId of ['a', 'b']) await world.watch.acquire(USER, { streamId, deviceId: 'd' });
      world.store.beat = () => Promise.reject(new StoreUnavailableError(undefined));
      const read = Promise.withResolvers<void>();
      world.onRead = () => read.promise;
      world.calls.length = 0;
      const beats = ['a', 'b', 'b'].map((streamId) => world.watch.heartbeat(USER, streamId));
      for (const alive of await Promise.all(beats)) assert.partialDeepStrictEqual(alive, TIMES);
      read.resolve();
      await eventually(() => assert.deepEqual(world.calls, ['heartbeat a b']));
    });

    it('proves of a beat that nobody else hears only what the account was told before', async () => {
      const { silenceMs, heartbeatIntervalMs } = watchTimes(policyWith({}));
      const stream = { userId: USER, ...STREAM, silenceMs, heartbeatIntervalMs, forwardEveryMs: 3_600_000 };
      const world = new World();
      await world.watch.acquire(USER, STREAM);
      world.onRead = () => new Promise(() => undefined);
      const beat = async (keptForMs: number) => {
        world.store.beat = () =>
          Promise.resolve({ state: 'unshared', stream, expiresInMs: silenceMs, keptForMs } as const);
        const { expiresInMs, unproven = false } = await world.watch.heartbeat(USER, 'a');
        return { expiresInMs, unproven };
      };
      assert.deepEqual(await beat(-5), { expiresInMs: silenceMs, unproven: true });
      assert.deepEqual(await beat(heartbeatIntervalMs - 1), { expiresInMs: silenceMs, unproven: true });
      assert.deepEqual(await beat(heartbeatIntervalMs), { expiresInMs: heartbeatIntervalMs, unproven: false });
      assert.deepEqual(await beat(silenceMs), { expiresInMs: silenceMs, unproven: false });
      assert.equal(world.unconfirmed, 2);
    });

    it('tells it of all its lost players in one call, but of none that beat by then', async () => {
      const world = new World();
      for (const streamId of ['a', 'b', 'c']) await world.watch.acquire(USER, { streamId, deviceId: 'd' });
      const refs = await world.silentAfter(SILENCE_MS);
      assert.equal(refs.length, 3);
      const reports = refs.slice(0, 1).map((ref) => world.watch.reportSilent(ref));
      // Before its turn has come.
      const { length: before } = world.calls;
      await world.watch.heartbeat(USER, 'b');
      reports.push(...refs.slice(1).map((ref) => world.watch.reportSilent(ref)));
      assert.deepEqual(await Promise.all(reports), [true, false, true]);
      assert.ok(world.calls.length - before <= 4, String(world.calls));
      assert.equal((await world.sessions.list(USER)).active[0]?.streamId, 'b');
      assert.equal((await world.watch.heartbeat(USER, 'b')).expiresInMs, SILENCE_MS);
    });
  });
});

/** An account, a store and a gateway over them, on a clock of their own; the account answers as its workflow does. */
class World {
  nowMs = Date.UTC(2026, 0, 1);
  /** What becomes of the next acquires on their way to the account. */
  onAcquire: ((acquire: () => Promise<Granted>) => Promise<Granted>) | undefined;
  /** Instead of the next evictions. */
  onEvict: (() => Promise<never>) | undefined;
  /** The only one of the blacklist. */
  block: Block | undefined;
  /** The store answers nothing. */
  away = false;
  /** Comes before the account answers reads and beats. */
  onRead: () => Promise<void> = () => Promise.resolve();
  unconfirmed = 0;
  readonly calls: string[] = [];
  readonly #ledger = new SessionLedger(this.nowMs);
  readonly store: MemoryBeatStore;
  readonly sessions: SessionsClient;
  readonly watch: StreamWatch;

  constructor(change: Partial<SessionPolicy> = {}) {
    const policy = policyWith(change);
    this.store = new MemoryBeatStore({ graceMs: 0, rememberEndsMs: 900_000 }, () => this.nowMs);
    this.sessions = this.#accountUnder(policy);
    this.watch = new StreamWatch({
      sessions: this.sessions,
      store: this.#storeOrNone(),
      policy: () => policy,
      patienceMs: 1_000,
      blockOf: ({ user, device }) => (this.block && [user, device].includes(this.block.value) ? this.block : undefined),
      logger: { warn: (problem: unknown) => this.onEvict ?? assert.fail(JSON.stringify(problem)) },
      onUnconfirmed: () => void (this.unconfirmed += 1),
      nowMs: () => this.nowMs,
    });
  }

  #storeOrNone(): BeatStore {
    return new Proxy<BeatStore>(this.store, {
      get: (store, name) => {
        const method: unknown = Reflect.get(store, name);
        if (typeof method !== 'function') return method;
        return this.away ? () => Promise.reject(new StoreUnavailableError(new Error('away'))) : method.bind(store);
      },
    });
  }

  async silentAfter(ms: number) {
    this.nowMs += ms;
    return (await this.store.sweep(100)).silent;
  }

  /** Sweeps and reports. @returns after how long the stream was over */
  async lostWithin(ms: number): Promise<number | undefined> {
    for (let passedMs = 0; passedMs < ms;) {
      const stepMs = Math.min(SWEEP_MS, ms - passedMs);
      passedMs += stepMs;
      for (const ref of await this.silentAfter(stepMs)) if (await this.watch.reportSilent(ref)) return passedMs;
    }
    return undefined;
  }

  /** By the clock of the account, far from this machine's. */
  #at(): string {
    return new Date(this.nowMs).toISOString();
  }

  #accountUnder(policy: SessionPolicy): SessionsClient {
    const acquire = async ({ streamId = '', ...request }: AcquireOptions): Promise<Granted> => {
      const reply = this.#ledger.acquire({ streamId, ...request }, policy, this.nowMs);
      if (reply.outcome === 'granted') return reply;
      if (reply.outcome === 'refused') throw new StreamLimitReachedError(reply.violation, reply.conflicts);
      if (reply.outcome === 'idTaken') throw new StreamIdTakenError(reply.message);
      if (reply.outcome === 'otherRequest') throw new RequestMismatchError(reply.message);
      throw new StreamEndedError(reply.streamId, reply.end);
    };
    const note = (call: string): void => void this.calls.push(call);
    return {
      acquire: (_userId, request) => {
        note('acquire');
        return this.onAcquire ? this.onAcquire(() => acquire(request)) : acquire(request);
      },
      heartbeat: async (_userId, streamIds) => {
        const ids = [streamIds].flat();
        note(`heartbeat ${ids.join(' ')}`);
        await this.onRead();
        this.#ledger.heartbeat(
          ids.map((streamId) => ({ streamId })),
          this.nowMs,
        );
        const { active, ended } = this.#ledger.view();
        return ids.map((streamId) => {
          const stream = active.find((other) => other.streamId === streamId);
          if (stream) return { streamId, alive: true, expiresInMs: timeLeft(stream, this.#at()), stream };
          const end = ended.find((other) => other.streamId === streamId)?.end ?? ({ reason: 'unknown' } as const);
          return { streamId, alive: false, end };
        });
      },
      release: async (_userId, release) => {
        note('release');
        const releases: readonly Release[] = typeof release === 'string' ? [{ streamId: release }] : [release].flat();
        this.#ledger.release(releases, this.nowMs);
      },
      list: async () => {
        note('list');
        await this.onRead();
        return { at: this.#at(), ...this.#ledger.view() };
      },
      evict: async (_userId, request: EvictRequest) => {
        note('evict');
        if (this.onEvict) return await this.onEvict();
        return this.#ledger.evict(request, this.nowMs);
      },
      switchContent: () => assert.fail('not used here'),
      hold: () => assert.fail('not used here'),
    };
  }
}
