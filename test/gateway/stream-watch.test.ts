import assert from 'node:assert/strict';
import {
  SessionsUnavailableError,
  StreamEndedError,
  RequestMismatchError,
  StreamIdTakenError,
  StreamLimitReachedError,
} from '../../client/session-errors.ts';
import type { AcquireOptions, Granted, SessionsClient } from '../../client/sessions-client.ts';
import type { SessionPolicy } from '../../contracts/session-limits.ts';
import type { EvictRequest, Release } from '../../contracts/stream-sessions.ts';
import { MemoryBeatStore } from '../../gateway/watch/memory-beat-store.ts';
import { StreamWatch } from '../../gateway/watch/stream-watch.ts';
import { SessionLedger } from '../../workflows/session-ledger.ts';
import { policyWith } from '../sessions/support/policies.ts';

const USER = 'alice';
/** Of the default policy: 45 seconds of lease, 2 of them for the report. */
const SILENCE_MS = 43_000;
const ACQUIRE_TIME_MS = 15_000;

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

  it('lets a beat through that comes while its silence is being reported', async () => {
    const world = new World();
    await world.watch.acquire(USER, { streamId: 'a', deviceId: 'd' });
    const [ref] = await world.silentAfter(SILENCE_MS);
    assert.ok(ref);
    assert.equal((await world.watch.heartbeat(USER, 'a')).expiresInMs, SILENCE_MS);
    assert.equal(await world.watch.reportSilent(ref), false);
    assert.equal((await world.sessions.list(USER)).slots, 1);
  });
});

/** An account, a store and a gateway over them, on a clock of their own; the account answers as its workflow does. */
class World {
  nowMs = Date.UTC(2026, 0, 1);
  /** What becomes of the next acquires on their way to the account. */
  onAcquire: ((acquire: () => Promise<Granted>) => Promise<Granted>) | undefined;
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
      store: this.store,
      policy: () => policy,
      patienceMs: 1_000,
      logger: { warn: (problem: unknown) => assert.fail(JSON.stringify(problem)) },
    });
  }

  async silentAfter(ms: number) {
    this.nowMs += ms;
    return (await this.store.sweep(100)).silent;
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
        note('heartbeat');
        const ids = [streamIds].flat();
        this.#ledger.heartbeat(
          ids.map((streamId) => ({ streamId })),
          this.nowMs,
        );
        const { active, ended } = this.#ledger.view();
        return ids.map((streamId) => {
          const stream = active.find((other) => other.streamId === streamId);
          if (stream) return { streamId, alive: true, expiresInMs: stream.leaseMs, stream };
          const end = ended.find((other) => other.streamId === streamId)?.end ?? ({ reason: 'unknown' } as const);
          return { streamId, alive: false, end };
        });
      },
      release: async (_userId, release) => {
        note('release');
        const one: Release = typeof release === 'string' ? { streamId: release } : release;
        this.#ledger.release([one], this.nowMs);
      },
      list: async () => {
        note('list');
        return this.#ledger.view();
      },
      evict: async (_userId, request: EvictRequest) => {
        note('evict');
        return this.#ledger.evict(request, this.nowMs);
      },
      switchContent: () => assert.fail('not used here'),
      hold: () => assert.fail('not used here'),
    };
  }
}
