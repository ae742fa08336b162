import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { startGateways, type GatewayFixture, type RunningGateway } from './support/gateways.ts';
import { Caller, Player, type Answer } from './support/player.ts';

describe("Sigma Stream's API", () => {
  let fixture: GatewayFixture;
  let gateway: RunningGateway;
  const service = new Caller({ scope: 'streams' });
  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways();
    gateway = await fixture.startGateway();
  });
  after(() => fixture.stop());

  function send(method: 'PUT' | 'DELETE', userId: string, streamId: string, key?: string): Promise<Answer> {
    const headers = key === undefined ? {} : { 'idempotency-key': key };
    return service.send(`${gateway.url}/stream/${userId}/${streamId}`, { method, headers });
  }

  it('registers and unregisters, and lists an id once for each slot', async () => {
    const userId = randomUUID();
    const registered = await send('PUT', userId, 'a');
    assert.deepEqual(
      [registered.status, registered.body],
      [200, { status: true, message: 'Stream registered successfully', data: { userId, streams: ['a'] } }],
    );
    await send('PUT', userId, 'b');
    const again = await send('PUT', userId, 'a');
    assert.deepEqual(again.body['data'], { userId, streams: ['a', 'a', 'b'] });
    const freed = await send('DELETE', userId, 'a');
    assert.deepEqual(
      [freed.status, freed.body],
      [200, { status: true, message: 'Stream unregistered successfully', data: { userId, streams: ['a', 'b'] } }],
    );
  });

  it('refuses the fourth in its own words', async () => {
    const userId = randomUUID();
    for (const id of ['a', 'b', 'c']) assert.equal((await send('PUT', userId, id)).status, 200);
    const refused = await send('PUT', userId, 'd');
    assert.deepEqual(
      [refused.status, refused.body],
      [403, { status: false, message: 'Failed to register stream', error: 'Concurrent stream limit reached' }],
    );
  });

  it('loses no update and leaks no slot when all come at once', async () => {
    const userId = randomUUID();
    const puts = await Promise.all(Array.from({ length: 30 }, (_, index) => send('PUT', userId, `s${index % 5}`)));
    assert.equal(puts.filter(({ status }) => status === 200).length, 3);
    assert.ok(puts.every(({ status }) => status === 200 || status === 403));
    const taken = puts.flatMap(({ status }, index) => (status === 200 ? [`s${index % 5}`] : []));
    const deletes = await Promise.all(taken.map((id) => send('DELETE', userId, id)));
    assert.ok(deletes.every(({ status }) => status === 200));
    assert.deepEqual((await send('DELETE', userId, 'nothing')).body['data'], { userId, streams: [] });
  });

  it('counts a retried request once by its key', async () => {
    const userId = randomUUID();
    for (let attempt = 0; attempt < 3; attempt++) await send('PUT', userId, 'a', 'put-1');
    assert.deepEqual((await send('PUT', userId, 'a', 'put-2')).body['data'], { userId, streams: ['a', 'a'] });
    for (let attempt = 0; attempt < 3; attempt++) await send('DELETE', userId, 'a', 'delete-1');
    assert.deepEqual((await send('PUT', userId, 'b')).body['data'], { userId, streams: ['a', 'b'] });
  });

  it('shares the cap with players that beat, and says every failure in a form whose status is false', async () => {
    const userId = randomUUID();
    const player = new Player(gateway.url, userId);
    for (const id of ['a', 'b']) await send('PUT', userId, id);
    assert.equal((await player.acquire({ streamId: 'tv' })).status, 201);
    assert.equal((await player.acquire({ streamId: 'phone' })).status, 409);
    const refused = await send('PUT', userId, 'tv');
    assert.deepEqual([refused.status, refused.body['status']], [409, false]);
    const unknown = await fetch(`${gateway.url}/stream/${userId}/a`, { method: 'PUT' });
    const told: unknown = await unknown.json();
    assert.equal(unknown.status, 401);
    assert.partialDeepStrictEqual(told, { status: false, message: 'Failed to register stream' });
  });
});
