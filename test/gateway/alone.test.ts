import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { LoneCheck } from '../../gateway/watch/lone-check.ts';
import { eventually } from '../support/eventually.ts';
import { startGateways, type GatewayFixture } from './support/gateways.ts';
import { Player } from './support/player.ts';

describe('a gateway that is alone', () => {
  let fixture: GatewayFixture;
  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways({ leaseMs: 5_000, heartbeatIntervalMs: 500 });
  });
  after(() => fixture.stop());

  it('knows after a restart who plays: those who beat go on, and those who crashed are found', async () => {
    const userId = randomUUID();
    const first = await fixture.startGateway();
    const player = new Player(first.url, userId);
    for (const id of ['alive', 'crashed']) assert.equal((await player.acquire({ streamId: id })).status, 201);
    await first.close();

    const second = await fixture.startGateway();
    const same = new Player(second.url, userId);
    await eventually(
      async () => {
        assert.equal((await same.beat('alive')).status, 200);
        const { body } = await same.list();
        assert.partialDeepStrictEqual(body, { slots: 1, ended: [{ streamId: 'crashed', end: { reason: 'expired' } }] });
      },
      { timeoutMs: 40_000, intervalMs: 250 },
    );
    // It would adopt the streams of the next tests, and end them.
    await second.close();
  }).timeout(80_000);

  it('notices another one, whose streams it would end', async () => {
    const gateway = await fixture.startGateway({ GATEWAY_INSTANCE: 'one' });
    const complaints: unknown[] = [];
    const logger = { error: (complaint: unknown) => complaints.push(complaint) };
    const checks = ['one', 'two'].map((identity) => new LoneCheck({ client: fixture.client, logger, identity }));
    const [one, two] = checks;
    // Gateways of other tests were seen lately as well, maybe before this one.
    await eventually(async () => {
      await two?.check();
      assert.equal(two?.alone(), false);
      assert.match(JSON.stringify(complaints.at(-1)), /"others":\[.*"one"/);
    });
    // In an hour all of them will not have been for long.
    await one?.check(Date.now() + 3_600_000);
    assert.equal(one?.alone(), true);
    for (const check of checks) check.close();
    await gateway.close();
  });

  it('answers 503 while no worker decides, takes nothing back, and goes on when there is one', async () => {
    const userId = randomUUID();
    const gateway = await fixture.startGateway({ GATEWAY_CALL_TIMEOUT_MS: '4000' });
    const player = new Player(gateway.url, userId);
    assert.equal((await player.acquire({ streamId: 'a' })).status, 201);
    await fixture.stopWorker();
    assert.equal((await player.beat('a')).status, 200, 'a beat needs no worker');
    const refused = await player.acquire({ streamId: 'b' });
    assert.partialDeepStrictEqual(refused, { status: 503, body: { type: 'urn:stream-sessions:problem:unavailable' } });
    assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/);
    await fixture.startWorker();
    await eventually(async () => assert.equal((await player.acquire({ streamId: 'b' })).status, 201), {
      timeoutMs: 30_000,
    });
  }).timeout(80_000);
});
