import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { eventually } from '../support/eventually.ts';
import { startGateways, type GatewayFixture } from './support/gateways.ts';
import { activeIdsOf, Player } from './support/player.ts';

const LEASE_MS = 45_000;

describe('an account that is terminated while its streams play', () => {
  let fixture: GatewayFixture;
  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways({ leaseMs: LEASE_MS, heartbeatIntervalMs: 500 });
  });
  after(() => fixture?.stop());

  it('is known to its gateway within a lease: its players are told, those of its next run play on', async () => {
    const userId = randomUUID();
    const gateway = await fixture.startGateway();
    const [player, other] = [userId, randomUUID()].map((user) => new Player(gateway.url, user));
    assert(player && other);
    for (const streamId of ['a', 'b', 'c']) assert.equal((await player.acquire({ streamId })).status, 201);
    await other.acquire({ streamId: 'other' });
    await fixture.handle(userId).terminate('by an operator');
    assert.equal((await player.acquire({ streamId: 'd' })).status, 201, 'the account starts anew');

    const statuses = async (): Promise<readonly number[]> =>
      await Promise.all(['a', 'b', 'c', 'd'].map(async (id) => (await player.beat(id)).status));
    await eventually(async () => assert.deepEqual(await statuses(), [410, 410, 410, 200]), {
      timeoutMs: LEASE_MS,
      intervalMs: 500,
    });
    assert.equal((await player.beat('a')).body['reason'], 'unknown');
    assert.deepEqual(activeIdsOf(await player.list()), ['d']);
    assert.equal((await other.beat('other')).status, 200);
  }).timeout(2 * LEASE_MS);
});
