import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createHttpSessionsClient } from '../../client/http.ts';
import { eventually } from '../support/eventually.ts';
import { startGateways, token, type GatewayFixture, type RunningGateway } from './support/gateways.ts';
import { activeIdsOf, Caller, Player } from './support/player.ts';

const OPERATOR = { subject: 'ops', scope: 'blacklist' };

describe('a block', () => {
  let fixture: GatewayFixture;
  let gateway: RunningGateway;
  const operator = new Caller(OPERATOR);
  const service = new Caller({ subject: 'support-desk', scope: 'streams' });
  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways({ leaseMs: 8_000, heartbeatIntervalMs: 500, caps: { account: 3 } });
    gateway = await fixture.startGateway();
  });
  after(() => fixture?.stop());

  async function block(kind: string, value: string, reason = 'sold on'): Promise<void> {
    const path = `${gateway.url}/v1/blacklist/${kind}/${encodeURIComponent(value)}`;
    assert.equal((await operator.send(path, { method: 'PUT', body: { reason } })).status, 200);
  }

  const evictedFor = (reason: string) => ({
    status: 410,
    body: { reason: 'evicted', evictor: { kind: 'operator', by: 'ops', reason } },
  });

  it('of a device ends its streams with their next beats, whoever’s token comes, and frees their slots', async () => {
    const deviceId = `tv-${randomUUID()}`;
    const players = [{}, { device: deviceId }].map((claims) => new Player(gateway.url, `ann-${randomUUID()}`, claims));
    for (const player of players) await player.acquire({ streamId: 'a', deviceId });
    const [unbound = assert.fail()] = players;
    await unbound.acquire({ streamId: 'other', deviceId: 'phone' });
    await block('device', deviceId);
    for (const player of players) {
      assert.partialDeepStrictEqual(await player.beat('a'), evictedFor('this device is blocked: sold on'));
      assert.partialDeepStrictEqual(await player.beat('a'), evictedFor('this device is blocked: sold on'));
      const again = await player.acquire({ streamId: 'b', deviceId });
      assert.partialDeepStrictEqual(again, { status: 403, body: { reason: 'sold on' } });
    }
    assert.deepEqual(activeIdsOf(await unbound.list()), ['other']);
    assert.equal((await unbound.beat('other')).status, 200);
  });

  it('of a device ends a stream that a service beats for, and the service goes on', async () => {
    const userId = `ann-${randomUUID()}`;
    const deviceId = `tv-${randomUUID()}`;
    const streams = `${gateway.url}/v1/users/${userId}/streams`;
    await service.send(streams, { method: 'POST', body: { streamId: 'a', deviceId } });
    await block('device', deviceId);
    const told = await service.send(`${streams}/a/heartbeat`, { method: 'POST' });
    assert.partialDeepStrictEqual(told, evictedFor('this device is blocked: sold on'));
    assert.deepEqual(activeIdsOf(await service.send(streams)), []);
  });

  it('of a device ends what it has registered by Sigma’s API when it comes again', async () => {
    const userId = `ann-${randomUUID()}`;
    const device = `tv-${randomUUID()}`;
    const put = (id: string) => service.send(`${gateway.url}/stream/${userId}/${id}`, { method: 'PUT' });
    for (const id of [device, device, 'phone']) assert.equal((await put(id)).status, 200);
    await block('device', device);
    assert.equal((await put(device)).status, 403);
    assert.deepEqual(activeIdsOf(await service.send(`${gateway.url}/v1/users/${userId}/streams`)), ['phone']);
  });

  it('of a user ends all the user plays at once, registrations too, and leaves the account to services', async () => {
    const ann = new Player(gateway.url, `ann-${randomUUID()}`);
    await ann.acquire({ streamId: 'a' });
    const registration = `${gateway.url}/stream/${ann.userId}/film`;
    assert.equal((await service.send(registration, { method: 'PUT' })).status, 200);
    await block('user', ann.userId, 'shares the account');
    const reason = 'this user is blocked: shares the account';
    assert.deepEqual((await fixture.sessions.list(ann.userId)).active, []);
    assert.partialDeepStrictEqual(await ann.beat('a'), evictedFor(reason));
    const refused = await ann.acquire({ streamId: 'b' });
    assert.partialDeepStrictEqual(refused, { status: 403, body: { reason: 'shares the account' } });
    const streams = `${gateway.url}/v1/users/${ann.userId}/streams`;
    const listed = await service.send(streams);
    assert.equal(listed.status, 200);
    assert.match(JSON.stringify(listed.body['ended']), new RegExp(reason));
    const acquired = await service.send(streams, { method: 'POST', body: { deviceId: 'tv' } });
    assert.partialDeepStrictEqual(acquired, { status: 403, body: { reason: 'shares the account' } });
    assert.equal((await service.send(`${streams}/a`, { method: 'DELETE' })).status, 204);
  });

  it('of a user in another spelling ends a stream with its next beat', async () => {
    const ann = new Player(gateway.url, `ann-${randomUUID()}`);
    await ann.acquire({ streamId: 'a' });
    await block('user', ann.userId.toUpperCase());
    assert.partialDeepStrictEqual(await ann.beat('a'), evictedFor('this user is blocked: sold on'));
    assert.deepEqual((await fixture.sessions.list(ann.userId)).active, []);
  });

  it('of a token refuses it, so that what plays by it alone is silent and ends, and harms no other token', async () => {
    const userId = `ann-${randomUUID()}`;
    const jti = randomUUID();
    const stolen = new Player(gateway.url, userId, { jti });
    const own = new Player(gateway.url, userId);
    await stolen.acquire({ streamId: 'stolen' });
    await own.acquire({ streamId: 'own', deviceId: 'phone' });
    await block('token', jti);
    for (const answer of [await stolen.beat('stolen'), await stolen.beat('own'), await stolen.evict()])
      assert.partialDeepStrictEqual(answer, { status: 403, body: { reason: 'sold on' } });
    await eventually(
      async () => {
        assert.equal((await own.beat('own')).status, 200);
        assert.deepEqual(activeIdsOf(await own.list()), ['own']);
      },
      { timeoutMs: 30_000, intervalMs: 500 },
    );
  }).timeout(60_000);

  it('tells a player that is held by the client why it must stop', async () => {
    const userId = `ann-${randomUUID()}`;
    const client = createHttpSessionsClient({ url: gateway.url, token: await token({ subject: userId }) });
    const deviceId = `tv-${randomUUID()}`;
    const held = await client.hold(userId, { deviceId });
    await block('device', deviceId);
    const evictor = { kind: 'operator', by: 'ops', reason: 'this device is blocked: sold on' };
    assert.deepEqual(await held.ended, { reason: 'evicted', evictor });
  });

  it('is told in a reason that fits, however long its own is', async () => {
    const ann = new Player(gateway.url, `ann-${randomUUID()}`);
    const deviceId = `tv-${randomUUID()}`;
    await ann.acquire({ streamId: 'a', deviceId });
    await block('device', deviceId, `${'x'.repeat(230)}${'😀'.repeat(50)}`);
    const { status, body } = await ann.beat('a');
    assert.equal(status, 410);
    assert.match(JSON.stringify(body['evictor']), /this device is blocked: x{230}/);
    assert.deepEqual((await fixture.sessions.list(ann.userId)).active, []);
  });
});

describe('a token that is bound to a device', () => {
  let fixture: GatewayFixture;
  let url: string;
  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways({ caps: { account: 2 }, overLimit: 'evictNamed' });
    ({ url } = await fixture.startGateway());
  });
  after(() => fixture?.stop());

  it('ends no stream of another device, by whatever call, and all of its own', async () => {
    const userId = `ann-${randomUUID()}`;
    const any = new Player(url, userId);
    const phone = new Player(url, userId, { device: 'phone' });
    await any.acquire({ streamId: 'on tv', deviceId: 'tv' });
    await any.acquire({ streamId: 'on phone', deviceId: 'phone' });
    const takeOver = { streamId: 'new', deviceId: 'phone', evict: ['on tv'] };
    for (const answer of [
      await phone.evict({ streamIds: ['on phone', 'on tv'] }),
      await phone.release('on tv'),
      await phone.beat('on tv'),
      await phone.acquire(takeOver),
    ]) {
      const problem = { type: 'urn:stream-sessions:problem:forbidden', detail: 'the token is bound to another device' };
      assert.partialDeepStrictEqual(answer, { status: 403, body: problem });
    }
    assert.equal((await phone.acquire({ ...takeOver, evict: ['on phone'] })).status, 201);
    const all = await phone.evict();
    assert.partialDeepStrictEqual(all, { status: 200, body: { evicted: [{ streamId: 'new' }] } });
    assert.partialDeepStrictEqual(await phone.evict(), { status: 200, body: { evicted: [], notActive: [] } });
    assert.equal((await phone.release('never was')).status, 204);
    assert.deepEqual(activeIdsOf(await any.list()), ['on tv']);
  });

  it('speaks for its subject: whoever a user’s token names as the one who evicts, it is the user', async () => {
    const userId = `ann-${randomUUID()}`;
    const path = `${url}/v1/users/${userId}/evictions`;
    const evictors = [
      [new Caller({ subject: userId }), userId],
      [new Caller({ subject: userId, claims: { device: 'tv' } }), userId],
      [new Caller({ subject: 'desk', scope: 'streams' }), 'support'],
    ] as const;
    for (const [caller, by] of evictors) {
      const ann = new Player(url, userId);
      const streamId = randomUUID();
      await ann.acquire({ streamId });
      await caller.send(path, { method: 'POST', body: { streamIds: [streamId], by: 'support' } });
      assert.partialDeepStrictEqual((await ann.beat(streamId)).body, { evictor: { by } });
    }
    const desk = new Caller({ subject: 'desk', scope: 'streams' });
    const ann = new Player(url, userId);
    await ann.acquire({ streamId: 'last' });
    await desk.send(path, { method: 'POST', body: {} });
    assert.partialDeepStrictEqual((await ann.beat('last')).body, { evictor: { by: 'desk' } });
  });
});
