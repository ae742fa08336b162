import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { extent } from '../support/extent.ts';
import { writeLeaseKey } from '../support/lease-key.ts';
import { whyNoRedis } from '../support/redis-server.ts';
import { startRedisWithSentinel, type RedisWithSentinel } from '../support/redis-topologies.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { startGateways, type GatewayFixture, type RunningGateway } from './support/gateways.ts';
import { activeIdsOf, Caller, Player, type Answer } from './support/player.ts';

const LEASE_MS = 4_000;
const INTERVAL_MS = 500;
/** The question to the other gateways, the report of a loss, and the machine's own delays. */
const SLACK_MS = 5_000;
/** Longer than a lease. */
const FROZEN_MS = extent(60_000, 6_000);
const FEWEST_ACQUIRES = 5;
const PLAYERS = 8;

describe('gateways whose Redis is frozen, and then failed over', () => {
  let folder: string;
  let redis: RedisWithSentinel;
  let fixture: GatewayFixture;
  const gateways: RunningGateway[] = [];
  before(async function () {
    this.timeout(900_000);
    skipWhereMissing(this, whyNoRedis());
    folder = await mkdtemp(path.join(tmpdir(), 'frozen-'));
    redis = await startRedisWithSentinel();
    fixture = await startGateways({ leaseMs: LEASE_MS, heartbeatIntervalMs: INTERVAL_MS });
    const settings = {
      GATEWAY_REDIS_URL: redis.url,
      GATEWAY_REPLICAS: '2',
      LEASE_PRIVATE_KEY_FILE: await writeLeaseKey(folder),
      ABUSE_NEVER_BLOCK: '127.0.0.0/8',
    };
    gateways.push(...(await Promise.all([1, 2].map(() => fixture.startGateway(settings)))));
  });
  after(async () => {
    redis?.first.thaw();
    await fixture?.stop();
    await redis?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function anyGateway(): string {
    return gateways[Math.floor(Math.random() * gateways.length)]?.url ?? '';
  }

  it('answer beats and acquires in time, end nobody who beats, free the slots of the lost, and say so', async () => {
    const tookMs = { beats: [] as number[], acquires: [] as number[] };
    const timed = async (what: keyof typeof tookMs, request: () => Promise<Answer>): Promise<Answer> => {
      const startedMs = performance.now();
      const answer = await request();
      tookMs[what].push(performance.now() - startedMs);
      return answer;
    };
    const stopped = new AbortController();
    /** Beats at any gateway until it crashes; resolves with its last beat. */
    const play = async (userId: string, crash: AbortSignal): Promise<number> => {
      let lastBeatMs = performance.now();
      // Not all at once, as players do not.
      await sleep(Math.random() * INTERVAL_MS);
      while (!crash.aborted && !stopped.signal.aborted) {
        const sentMs = performance.now();
        const { status, body } = await timed('beats', () => new Player(anyGateway(), userId).beat('s'));
        assert.equal(status, 200, JSON.stringify(body));
        lastBeatMs = sentMs;
        await sleep(INTERVAL_MS);
      }
      return lastBeatMs;
    };
    const players = Array.from({ length: PLAYERS }, () => ({ userId: randomUUID(), crash: new AbortController() }));
    for (const { userId } of players) await new Player(anyGateway(), userId).acquire({ streamId: 's' });
    const playing = players.map(({ userId, crash }) => play(userId, crash.signal));
    await sleep(2 * INTERVAL_MS);

    redis.first.freeze();
    await sleep(INTERVAL_MS);
    for (const times of Object.values(tookMs)) times.length = 0;
    const frozenMs = performance.now();
    // Two players crash while Redis is frozen; others come.
    const lost = players.slice(0, 2);
    for (const { crash } of lost) crash.abort();
    const lastBeats = await Promise.all(playing.slice(0, 2));
    const readiness = await new Caller({}).send(`${anyGateway()}/readyz`);
    assert.partialDeepStrictEqual(readiness, { status: 200, body: { ready: true, degraded: ['redis'] } });
    for (const { adminUrl } of gateways) assert.match(await metricsOf(adminUrl), /gateway_degraded\{part="redis"\} 1/);
    for (const index of lost.keys()) {
      const { userId = '' } = lost[index] ?? {};
      await eventually(async () => assert.deepEqual(activeIdsOf(await new Player(anyGateway(), userId).list()), []), {
        timeoutMs: LEASE_MS + SLACK_MS,
        intervalMs: 200,
      });
      const freeAfterMs = performance.now() - (lastBeats[index] ?? NaN);
      assert.ok(freeAfterMs <= LEASE_MS + SLACK_MS, `free after ${freeAfterMs} ms`);
    }
    for (let times = 0; times < FEWEST_ACQUIRES || performance.now() - frozenMs < FROZEN_MS; times += 1) {
      const newcomer = randomUUID();
      const acquired = await timed('acquires', () => new Player(anyGateway(), newcomer).acquire({ streamId: 's' }));
      assert.equal(acquired.status, 201);
      assert.equal((await new Player(anyGateway(), newcomer).release('s')).status, 204);
      await sleep(200);
    }
    await redis.failOver();
    redis.first.thaw();
    await eventually(
      async () => {
        for (const { url, adminUrl } of gateways) {
          assert.deepEqual((await new Caller({}).send(`${url}/readyz`)).body['degraded'], []);
          assert.match(await metricsOf(adminUrl), /gateway_degraded\{part="redis"\} 0/);
        }
      },
      { timeoutMs: 30_000 },
    );
    // Those who play on are watched by the new primary: none is lost, and one that crashes now is found.
    await sleep(LEASE_MS);
    const [last] = players.slice(-1);
    last?.crash.abort();
    await playing.at(-1);
    await eventually(
      async () => assert.deepEqual(activeIdsOf(await new Player(anyGateway(), last?.userId ?? '').list()), []),
      { timeoutMs: LEASE_MS + SLACK_MS, intervalMs: 200 },
    );
    stopped.abort();
    await Promise.all(playing);
    for (const [what, times] of Object.entries(tookMs)) {
      const sorted = times.toSorted((a, b) => a - b);
      const p99Ms = sorted[Math.floor(sorted.length * 0.99)] ?? NaN;
      console.log(
        `      ${sorted.length} ${what}, p99 ${p99Ms.toFixed(0)} ms, longest ${sorted.at(-1)?.toFixed(0)} ms`,
      );
      assert.ok(p99Ms < 1_000, `${what}: p99 ${p99Ms} ms`);
    }
  }).timeout(120_000);
});

async function metricsOf(adminUrl: string): Promise<string> {
  return await (await fetch(`${adminUrl}/metrics`)).text();
}
