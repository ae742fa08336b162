import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StreamRef, WatchedStream } from '../../gateway/watch/beat-store.ts';
import { MemoryBeatStore } from '../../gateway/watch/memory-beat-store.ts';
import { Sweeper, type SweeperOptions } from '../../gateway/watch/sweeper.ts';
import { eventually } from '../support/eventually.ts';

const GRACE_MS = 10_000;

function streamOf(userId: string): WatchedStream {
  return { userId, streamId: 'a', deviceId: 'tv', silenceMs: 500, heartbeatIntervalMs: 100, forwardEveryMs: 1e9 };
}

describe('players that are lost at once', () => {
  let nowMs = 0;
  let store: MemoryBeatStore;
  let sweeper: Sweeper | undefined;
  let warnings: unknown[] = [];
  beforeEach(() => {
    warnings = [];
    // On a clock that runs as the real one, and starts after the first grace.
    const begun = performance.now();
    nowMs = 0;
    store = new MemoryBeatStore(
      { graceMs: GRACE_MS, rememberEndsMs: 900_000 },
      () => nowMs + performance.now() - begun,
    );
  });
  afterEach(() => sweeper?.stop());

  async function lose(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) await store.confirm(streamOf(`user-${index}`));
    await store.sweep(0);
    for (nowMs = 4_000; nowMs <= GRACE_MS; nowMs += 4_000) await store.sweep(0);
    nowMs = GRACE_MS;
    await store.sweep(0);
  }

  function sweep(options: Pick<SweeperOptions, 'report'> & Partial<SweeperOptions>): Sweeper {
    const logger = { warn: (line: unknown) => void warnings.push(line), info: () => undefined, error: assert.fail };
    return new Sweeper({ store, logger, recover: async () => 0, intervalMs: 100, ...options });
  }

  it('are found while the reports of others are under way, however long these take', async () => {
    await lose(2_000);
    let freed = 0;
    let lost = 0;
    const report = async (stream: StreamRef): Promise<boolean> => {
      // Longer than a pause of the sweeps, after which nobody would be found for a whole grace.
      await sleep(6_000);
      await store.end(stream, { reason: 'expired' });
      freed += 1;
      return true;
    };
    sweeper = sweep({ report, onLost: () => void (lost += 1) });
    await eventually(() => assert.equal(freed, 2_000), { timeoutMs: 12_000 });
    assert.equal(lost, 2_000);
  }).timeout(20_000);

  it('are reported though others cannot be, which are told again later, in one line of the log', async () => {
    await lose(1_500);
    const reports = new Map<string, number>();
    const stuck = new Set(Array.from({ length: 1_000 }, (_, index) => `user-${index}`));
    const report = async (stream: StreamRef): Promise<boolean> => {
      reports.set(stream.userId, (reports.get(stream.userId) ?? 0) + 1);
      await sleep(1);
      if (stuck.has(stream.userId)) throw new Error('no answer');
      await store.end(stream, { reason: 'expired' });
      return true;
    };
    sweeper = sweep({ report });
    await eventually(() => assert.equal(reports.size, 1_500));
    await eventually(async () => {
      assert.equal((await store.beat({ userId: 'user-1499', streamId: 'a' })).state, 'over');
    });
    assert.ok(
      [...reports.values()].every((count) => count === 1),
      'none is told again at once',
    );
    assert.equal(warnings.length, 1);
    for (let passed = 0; passed < 32_000; passed += 4_000) {
      nowMs += 4_000;
      await store.sweep(0);
    }
    await eventually(() => assert.ok([...stuck].every((user) => reports.get(user) === 2)));
    assert.equal(reports.get('user-1499'), 1);
  }).timeout(20_000);

  it('are claimed for as long as it takes, and left to another gateway at once by one that stops', async () => {
    await lose(10);
    const claims: number[] = [];
    const claim = store.claim.bind(store);
    store.claim = async (streams, forMs) => {
      claims.push(streams.length);
      await claim(streams, forMs);
    };
    const given = Promise.withResolvers<void>();
    const report = async (): Promise<boolean> => {
      await given.promise;
      throw new Error('gives up');
    };
    sweeper = sweep({ report });
    await eventually(() => assert.ok(claims.includes(10), String(claims)));
    assert.deepEqual((await store.sweep(100)).silent, []);
    const stopped = sweeper.stop();
    given.resolve();
    await stopped;
    assert.equal((await store.sweep(100)).silent.length, 10);
    assert.deepEqual(warnings, []);
  }).timeout(20_000);
});
