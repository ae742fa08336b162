import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { eventually } from '../support/eventually.ts';
import { whyNoRedis } from '../support/redis-server.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { startGateways, type GatewayFixture, type RunningGateway } from './support/gateways.ts';
import { activeIdsOf, Caller, Player, streamIdOf } from './support/player.ts';
import { startSharedStore, type SharedStore } from './support/shared-store.ts';

describe('several gateways', () => {
  let store: SharedStore;
  let fixture: GatewayFixture;
  let settings: Record<string, string>;
  const gateways: RunningGateway[] = [];
  before(async function () {
    this.timeout(900_000);
    skipWhereMissing(this, whyNoRedis());
    store = await startSharedStore();
    fixture = await startGateways({ leaseMs: 5_000, heartbeatIntervalMs: 500 });
    settings = { ...store.settings, ABUSE_NEVER_BLOCK: '127.0.0.0/8' };
    gateways.push(...(await Promise.all([1, 2, 3].map(() => fixture.startGateway(settings)))));
  });
  after(async () => {
    await fixture?.stop();
    await store?.stop();
  });

  /** A service speaks for whom it names. */
  async function support(url: string, userId: string, streamIds: readonly string[]): Promise<void> {
    const body = { streamIds, by: 'support' };
    const call = { method: 'POST', body };
    await new Caller({ scope: 'streams' }).send(`${url}/v1/users/${encodeURIComponent(userId)}/evictions`, call);
  }

  function at(index: number): string {
    return gateways[index % gateways.length]?.url ?? '';
  }

  it('keep a stream whose beats go to another gateway each time, and answer a retried key alike', async () => {
    const userId = randomUUID();
    const key = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all([0, 1, 2].map((index) => new Player(at(index), userId).acquire({}, key)));
    const [streamId = '', ...others] = new Set(answers.map(streamIdOf));
    assert.deepEqual(others, []);
    for (let index = 0; index < 24; index++) {
      assert.equal((await new Player(at(index), userId).beat(streamId)).status, 200);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  });

  it('know what a stream plays, whichever of them was told', async () => {
    const userId = randomUUID();
    const service = new Caller({ scope: 'streams' });
    const beat = (index: number, body?: unknown) =>
      service.send(`${at(index)}/v1/users/${userId}/streams/a/heartbeat`, { method: 'POST', body });
    await new Player(at(0), userId).acquire({ streamId: 'a', contentId: 'film' });
    assert.equal((await beat(1, { contentId: 'news' })).status, 200);
    for (const index of [0, 2]) {
      const { cid } = decodeJwt<{ cid: string }>(String((await beat(index)).body['lease']));
      assert.equal(cid, 'news', `gateway ${index}`);
    }
  });

  it('tell a loser by whom it was evicted, at whichever gateway it beats', async () => {
    const userId = randomUUID();
    await new Player(at(0), userId).acquire({ streamId: 'a' });
    await support(at(1), userId, ['a']);
    const told = await new Player(at(2), userId).beat('a');
    assert.partialDeepStrictEqual(told, { status: 410, body: { evictor: { by: 'support' } } });
  });

  it('free the slot of a crashed player though the gateway it beat at is gone', async () => {
    const userId = randomUUID();
    const mortal = await fixture.startGateway(settings);
    await new Player(mortal.url, userId).acquire({ streamId: 'a' });
    await mortal.close();
    const other = new Player(at(0), userId);
    // Seldom enough for the user limit.
    const patient = { timeoutMs: 25_000, intervalMs: 250 };
    await eventually(async () => assert.deepEqual((await other.list()).body['active'], []), patient);
    assert.equal((await other.beat('a')).body['reason'], 'expired');
  }).timeout(60_000);

  it('refuse a blocked user everywhere within a second, and take it back when the block is lifted', async () => {
    const userId = randomUUID();
    const operator = new Caller({ subject: 'ops', scope: 'blacklist' });
    const url = `${at(0)}/v1/blacklist/user/${userId}`;
    const blocked = await operator.send(url, { method: 'PUT', body: { reason: 'shares the account' } });
    assert.partialDeepStrictEqual(blocked, { status: 200, body: { by: 'ops', reason: 'shares the account' } });
    await eventually(async () => {
      for (const index of [0, 1, 2]) {
        const answer = await new Player(at(index), userId).list();
        assert.partialDeepStrictEqual(answer, { status: 403, body: { reason: 'shares the account' } });
      }
    });
    assert.equal((await operator.send(url, { method: 'DELETE' })).status, 204);
    await eventually(async () => assert.equal((await new Player(at(2), userId).list()).status, 200));
    assert.equal((await new Caller({ scope: 'streams' }).send(url, { method: 'DELETE' })).status, 403);
  });

  it('go on without Redis by asking the accounts: nobody too many, nobody ended, no 429', async () => {
    const userId = randomUUID();
    const player = (index: number) => new Player(at(index), userId);
    await player(0).acquire({ streamId: 'before' });
    await store.redis.kill();
    assert.equal((await player(1).beat('before')).status, 200, 'a beat is answered by the account');
    const acquires = await Promise.all(
      Array.from({ length: 12 }, (_, index) => player(index).acquire({ streamId: `during-${index}` })),
    );
    const granted = acquires.flatMap(({ status }, index) => (status === 201 ? [`during-${index}`] : []));
    assert.equal(granted.length, 2);
    assert.equal(acquires.filter(({ status }) => status === 409).length, 10);
    await support(at(2), userId, ['before']);
    for (const index of [0, 1, 2]) {
      const told = await player(index).beat('before');
      assert.partialDeepStrictEqual(told, { status: 410, body: { evictor: { by: 'support' } } });
    }
    const readiness = await new Caller({}).send(`${at(0)}/readyz`);
    assert.partialDeepStrictEqual(readiness, { status: 200, body: { degraded: ['redis'] } });

    await store.redis.restart();
    // One of those granted meanwhile beats, the other one's player crashed: only the accounts know of both.
    const [alive = '', crashed = ''] = granted;
    await eventually(
      async () => {
        assert.equal((await player(0).beat(alive)).status, 200);
        assert.deepEqual(activeIdsOf(await player(1).list()), [alive], `${crashed} is found silent`);
      },
      { timeoutMs: 40_000, intervalMs: 250 },
    );
  }).timeout(90_000);
});
