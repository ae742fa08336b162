import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../contracts/shared/names.ts';
import { DEFAULT_SESSION_POLICY } from '../../contracts/sessions/session-limits.ts';
import type { AskStreamWatchersWorkflow } from '../../contracts/sessions/stream-sessions.ts';
import { nobodyHoldsMs } from '../../gateway/watch/other-gateways.ts';
import { CuttingProxy } from '../convergence/cutting-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { whyNoRedis } from '../support/redis-server.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { startGateways, type GatewayFixture, type RunningGateway } from './support/gateways.ts';
import { activeIdsOf, Player } from './support/player.ts';
import { startSharedStore, type SharedStore } from './support/shared-store.ts';

const LEASE_MS = 4_000;
const BEAT_MS = 500;
const CUT_MS = 3 * LEASE_MS;

describe('a gateway that alone does not reach the store that it shares', function () {
  this.timeout(120_000);
  let store: SharedStore;
  let fixture: GatewayFixture;
  let settings: Record<string, string>;
  const proxies: CuttingProxy[] = [];

  before(async function () {
    this.timeout(900_000);
    skipWhereMissing(this, whyNoRedis());
    store = await startSharedStore();
    fixture = await startGateways({ leaseMs: LEASE_MS, heartbeatIntervalMs: BEAT_MS });
    settings = { ...store.settings, ABUSE_NEVER_BLOCK: '127.0.0.0/8' };
  });
  after(async () => {
    await fixture?.stop();
    for (const proxy of proxies) proxy.close();
    await store?.stop();
  });

  /** One whose way to the store can be cut. */
  async function startBehindProxy(): Promise<{ gateway: RunningGateway; proxy: CuttingProxy }> {
    const { host } = new URL(store.redis.url);
    const proxy = await CuttingProxy.start(host);
    proxies.push(proxy);
    const gateway = await fixture.startGateway({ ...settings, GATEWAY_REDIS_URL: `redis://${proxy.address}` });
    return { gateway, proxy };
  }

  async function degraded({ url }: RunningGateway): Promise<void> {
    await eventually(async () => assert.match(await (await fetch(`${url}/readyz`)).text(), /redis/), {
      timeoutMs: 10_000,
    });
  }

  it('ends none of its players that beat at the others since, and frees the slot of one that only it knew', async () => {
    const [alone, other] = [await startBehindProxy(), await fixture.startGateway(settings)];
    const userId = randomUUID();
    await new Player(alone.gateway.url, userId).acquire({ streamId: 'moves on' });
    alone.proxy.cut(CUT_MS);
    await degraded(alone.gateway);
    await new Player(alone.gateway.url, userId).acquire({ streamId: 'crashes', deviceId: 'phone' });
    const player = new Player(other.url, userId);
    let leases = 0;
    for (const untilMs = performance.now() + CUT_MS; performance.now() < untilMs; await sleep(BEAT_MS)) {
      const { status, body } = await player.beat('moves on');
      assert.equal(status, 200, JSON.stringify(body));
      if (typeof body['lease'] === 'string') leases += 1;
    }
    assert.ok(leases > CUT_MS / BEAT_MS / 2, `${leases} beats were answered with a lease`);
    await eventually(
      async () => {
        assert.equal((await player.beat('moves on')).status, 200);
        assert.deepEqual(activeIdsOf(await player.list()), ['moves on']);
      },
      { timeoutMs: 2 * LEASE_MS, intervalMs: BEAT_MS },
    );
    await alone.gateway.close();
    await other.close();
  });

  it('reports its lost players by itself where no other reaches the store either', async () => {
    const gateways = [await startBehindProxy(), await startBehindProxy()];
    const userId = randomUUID();
    const [player, neighbour] = gateways.map(({ gateway }) => new Player(gateway.url, userId));
    await player?.acquire({ streamId: 'crashes' });
    await neighbour?.acquire({ streamId: 'plays', deviceId: 'phone' });
    for (const { proxy } of gateways) proxy.cut(60_000);
    for (const { gateway } of gateways) await degraded(gateway);
    await eventually(
      async () => {
        assert.equal((await neighbour?.beat('plays'))?.status, 200);
        const { active } = await fixture.sessions.list(userId);
        assert.deepEqual(
          active.map(({ streamId }) => streamId),
          ['plays'],
        );
      },
      { timeoutMs: 5 * LEASE_MS, intervalMs: BEAT_MS },
    );
    for (const { gateway } of gateways) await gateway.close();
  });

  it('does not go by an answer that all are cut off for longer than accounts ignore losses', () => {
    const holds = (leaseMs: number, heartbeatIntervalMs: number): number =>
      nobodyHoldsMs({ ...DEFAULT_SESSION_POLICY, leaseMs, heartbeatIntervalMs });
    assert.deepEqual([holds(45_000, 15_000), holds(60_000, 10_000)], [5_000, 5_000]);
    assert.deepEqual([holds(45_000, 16_000), holds(45_000, 30_000), holds(6_000, 2_000)], [3_000, 0, 0]);
  });

  it('asks by a workflow that takes the first answer, and no question of another form', async () => {
    const start = (argument: unknown) =>
      fixture.client.workflow.execute<AskStreamWatchersWorkflow>(WORKFLOW_TYPES.askStreamWatchers, {
        taskQueue: TASK_QUEUES.streamSessions,
        workflowId: randomUUID(),
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as by hand
        args: [argument as never],
      });
    const stream = { userId: randomUUID(), streamId: 'a' };
    const odd = [null, 7, 'a', {}, [7], { streams: [stream] }, { streams: [{}], instances: [] }];
    for (const argument of odd) await assert.rejects(start(argument), { name: 'WorkflowFailedError' });
    const [instance, gone] = [randomUUID(), randomUUID()];
    const gateway = await fixture.startGateway({ ...settings, GATEWAY_INSTANCE: instance });
    const question = { streams: [stream], instances: [gone, instance] };
    assert.deepEqual(await start(question), { unknown: [stream] });
    await new Player(gateway.url, stream.userId).acquire({ streamId: 'a' });
    assert.deepEqual(await start(question), { unknown: [] });
    assert.deepEqual(await start({ ...question, instances: [gone] }), { unreached: 0 });
    assert.deepEqual(await start({ ...question, instances: [] }), { unreached: 0 });
  });
});
