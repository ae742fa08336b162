import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';
import { createLeaseVerifier } from '../../client/lease-verifier.ts';
import { eventually } from '../support/eventually.ts';
import { startGateways, type GatewayFixture, type RunningGateway } from './support/gateways.ts';
import { Caller, Player, type Answer } from './support/player.ts';

const POLICY = {
  caps: { account: 2, content: 1 },
  plans: { family: { account: 5 } },
  leaseMs: 5_000,
  heartbeatIntervalMs: 500,
};

describe('services and their players at a gateway', () => {
  let fixture: GatewayFixture;
  let gateway: RunningGateway;
  const service = new Caller({ scope: 'streams' });
  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways(POLICY);
    gateway = await fixture.startGateway({ GATEWAY_TRUSTED_PROXIES: '127.0.0.1/32' });
  });
  after(() => fixture.stop());

  const newPlayer = (claims: Readonly<Record<string, unknown>> = {}): Player =>
    new Player(gateway.url, randomUUID(), claims);
  const asService = (userId: string, body: Readonly<Record<string, unknown>>): Promise<Answer> =>
    service.send(`${gateway.url}/v1/users/${userId}/streams`, { method: 'POST', body });
  const beat = (userId: string, streamId: string, body?: unknown): Promise<Answer> =>
    service.send(`${gateway.url}/v1/users/${userId}/streams/${streamId}/heartbeat`, { method: 'POST', body });
  const beats = (body: unknown, caller = service): Promise<Answer> =>
    caller.send(`${gateway.url}/v1/heartbeats`, { method: 'POST', body });

  it('say the plan of a subscriber, which of a user its token alone does', async () => {
    const userId = randomUUID();
    const wish = { deviceId: 'tv', plan: 'family' };
    assert.equal((await asService(userId, wish)).body['limit'], 5);
    assert.equal((await asService(userId, { deviceId: 'tv' })).body['limit'], 2);
    const user = newPlayer({ plan: 'family' });
    assert.equal((await user.acquire()).body['limit'], 5);
    for (const claims of [{}, { plan: 'family' }]) {
      const refused = await newPlayer(claims).acquire({ plan: 'family' });
      assert.equal(refused.status, 400);
      assert.match(String(refused.body['detail']), /plan/);
    }
  });

  it('beat for many streams in one call, of which a bad one spoils no other', async () => {
    const users = Array.from({ length: 20 }, () => randomUUID());
    await Promise.all(users.map((userId) => asService(userId, { deviceId: 'tv', streamId: 'a' })));
    const [first = '', second = ''] = users;
    await service.send(`${gateway.url}/v1/users/${second}/streams/a`, { method: 'DELETE' });
    const good = users.slice(2).map((userId) => ({ userId, streamId: 'a' }));
    const bad = [{ userId: second, streamId: 'a' }, { userId: first }, 'nonsense', { userId: 'x', streamId: '' }];
    const answer = await beats([...good, ...bad, { userId: first, streamId: 'a', contentId: 'film', later: 1 }]);
    assert.equal(answer.status, 200);
    const { results } = z.object({ results: z.array(z.looseObject({ status: z.int() })) }).parse(answer.body);
    assert.deepEqual(
      results.map(({ status }) => status),
      [...good.map(() => 200), 410, 400, 400, 400, 200],
    );
    assert.partialDeepStrictEqual(results[0], { ...good[0], expiresInMs: 4_500, heartbeatIntervalMs: 500 });
    assert.partialDeepStrictEqual(results[18], { userId: second, problem: { reason: 'released', status: 410 } });
    assert.match(JSON.stringify(results[19]), /streamId: /);
    const leases = createLeaseVerifier({ jwksUrl: new URL(`${gateway.url}/.well-known/jwks.json`) });
    const { contentId } = await leases.verify(String(results.at(-1)?.['lease']), { userId: first, streamId: 'a' });
    assert.equal(contentId, 'film');
  });

  it('keep many streams alive by that alone, and take no more than is declared', async () => {
    const userId = randomUUID();
    for (const streamId of ['a', 'b']) await asService(userId, { deviceId: streamId, streamId });
    const both = ['a', 'b'].map((streamId) => ({ userId, streamId }));
    const untilMs = Date.now() + 7_000;
    while (Date.now() < untilMs) {
      await sleep(250);
      const { body } = await beats(both);
      assert.partialDeepStrictEqual(body, { results: [{ status: 200 }, { status: 200 }] });
    }
    const hundred = Array.from({ length: 100 }, () => ({ userId, streamId: 'a' }));
    assert.equal((await beats(hundred)).status, 200);
    for (const body of [[...hundred, ...both], [], {}, null, 'a']) assert.equal((await beats(body)).status, 400);
    const user = new Caller({ subject: userId });
    const own = await beats([...both, { userId: randomUUID(), streamId: 'a' }], user);
    assert.partialDeepStrictEqual(own.body, { results: [{ status: 200 }, { status: 200 }, { status: 403 }] });
  }).timeout(60_000);

  it('are limited by their token, whatever their address may do, and by no user of theirs', async () => {
    const narrow = await fixture.startGateway({
      LIMIT_ADDRESS_PER_MINUTE: '1',
      LIMIT_ADDRESS_BURST: '1',
      LIMIT_SERVICE_PER_MINUTE: '1',
      LIMIT_SERVICE_BURST: '40',
      ABUSE_STRIKES: '2',
    });
    const url = `${narrow.url}/v1/heartbeats`;
    const unknown = Array.from({ length: 100 }, () => ({ userId: randomUUID(), streamId: 'a' }));
    const api = new Caller({ subject: 'player-api', scope: 'streams' });
    const statuses: number[] = [];
    for (let call = 0; call < 50; call++)
      statuses.push((await api.send(url, { method: 'POST', body: call === 0 ? unknown : unknown.slice(0, 1) })).status);
    assert.deepEqual(statuses.slice(0, 40), Array(40).fill(200));
    assert.ok(statuses.slice(41).includes(429));
    const other = new Caller({ subject: 'other-api', scope: 'streams' });
    assert.equal((await other.send(url, { method: 'POST', body: unknown.slice(0, 1) })).status, 200);
    assert.equal((await new Player(narrow.url, randomUUID()).acquire()).status, 201, 'from the same address');
    await narrow.close();
  }).timeout(60_000);

  it('play another content in the same slot, within the caps by content', async () => {
    const userId = randomUUID();
    await asService(userId, { deviceId: 'tv', streamId: 'a', contentId: 'film' });
    await asService(userId, { deviceId: 'phone', streamId: 'b', contentId: 'news' });
    const refused = await beat(userId, 'a', { contentId: 'news' });
    assert.partialDeepStrictEqual(refused, {
      status: 409,
      body: { violation: { cap: 'content', key: 'news', limit: 1, active: 1 }, conflicts: [{ streamId: 'b' }] },
    });
    const verifier = createLeaseVerifier({ jwksUrl: new URL(`${gateway.url}/.well-known/jwks.json`) });
    assert.equal((await beat(userId, 'a', { contentId: 'film' })).status, 200);
    const switched = await beat(userId, 'a', { contentId: 'sport' });
    for (const { status, body } of [switched, await beat(userId, 'a')]) {
      assert.equal(status, 200);
      assert.equal((await verifier.verify(String(body['lease']), { userId })).contentId, 'sport');
    }
    const listed = await service.send(`${gateway.url}/v1/users/${userId}/streams`);
    assert.partialDeepStrictEqual(listed.body, {
      slots: 2,
      active: [
        { streamId: 'a', contentId: 'sport' },
        { streamId: 'b', contentId: 'news' },
      ],
    });
    assert.equal((await asService(userId, { deviceId: 'tv', streamId: 'a', contentId: 'film' })).status, 201);
    const other = await asService(userId, { deviceId: 'tv', streamId: 'a', contentId: 'news' });
    assert.equal(other.status, 422, 'an acquire switches nothing');
    await fixture.sessions.switchContent(userId, 'a', 'opera');
    assert.equal((await fixture.sessions.list(userId)).active[0]?.contentId, 'opera');
    const gone = await beat(userId, 'never was', { contentId: 'film' });
    assert.partialDeepStrictEqual(gone, { status: 410, body: { reason: 'unknown' } });
  });

  it('are told nothing of leases that no player keeps to', async () => {
    const player = newPlayer();
    const answers = [
      await player.acquire({ streamId: 'a' }),
      await player.acquire({ streamId: 'b' }),
      await player.acquire({ streamId: 'c' }),
      await player.list(),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 201, 409, 200],
    );
    for (const { body } of answers) assert.doesNotMatch(JSON.stringify(body), /leaseMs|leaseEndsAt/);
  });

  it('see from how many addresses one stream of one device is played', async () => {
    const player = newPlayer();
    const from = (address: string) => ({ 'x-forwarded-for': address });
    const caller = new Caller({ subject: player.userId });
    const before = await sharedStreams();
    for (const host of [1, 2, 3]) {
      const headers = from(`198.51.100.${host}`);
      assert.equal((await player.acquire({ streamId: 'a' }, headers)).status, 201);
      const url = `${gateway.url}/v1/users/${player.userId}/streams/a/heartbeat`;
      assert.equal((await caller.send(url, { method: 'POST', headers })).status, 200);
    }
    await player.acquire({ streamId: 'b' }, from('198.51.100.1'));
    const { body } = await player.list();
    assert.partialDeepStrictEqual(body, { slots: 2, active: [{ streamId: 'a', addresses: 3 }, { streamId: 'b' }] });
    assert.doesNotMatch(JSON.stringify(body), /"addresses":1/);
    await eventually(async () => assert.equal(await sharedStreams(), before + 1));
  });

  it('answer as the description of the API has it, and with nothing else', async () => {
    const player = newPlayer();
    const { userId } = player;
    const stream = '/v1/users/{userId}/streams/{streamId}';
    const operator = new Caller({ subject: 'ops', scope: 'blacklist' });
    const block = `${gateway.url}/v1/blacklist/device/${randomUUID()}`;
    const sigma = `${gateway.url}/stream/${userId}/tv`;
    const given: [method: string, path: string, answer: Answer][] = [
      [
        'post',
        '/v1/users/{userId}/streams',
        await player.acquire({ streamId: 'a', deviceType: 'tv', contentId: 'film' }),
      ],
      ['post', `${stream}/heartbeat`, await player.beat('a')],
      ['post', `${stream}/heartbeat`, await player.beat('never was')],
      ['post', '/v1/heartbeats', await beats([{ userId, streamId: 'a' }, 1])],
      ['post', '/v1/users/{userId}/evictions', await player.evict({ streamIds: ['a', 'x'], reason: 'test' })],
      ['post', `${stream}/heartbeat`, await player.beat('a')],
      ['post', '/v1/users/{userId}/streams', await player.acquire({ surprise: 1 })],
      ['delete', stream, await player.release('a')],
      ['put', '/stream/{userId}/{streamId}', await service.send(sigma, { method: 'PUT' })],
      ['get', '/v1/users/{userId}/streams', await player.list()],
      ['delete', '/stream/{userId}/{streamId}', await service.send(sigma, { method: 'DELETE' })],
      ['put', '/v1/blacklist/{kind}/{value}', await operator.send(block, { method: 'PUT', body: { reason: 'test' } })],
      ['get', '/v1/blacklist', await operator.send(`${gateway.url}/v1/blacklist`)],
      ['delete', '/v1/blacklist/{kind}/{value}', await operator.send(block, { method: 'DELETE' })],
      ['get', '/v1/blacklist', await service.send(`${gateway.url}/v1/blacklist`)],
    ];
    const { paths } = openApi.parse((await service.send(`${gateway.url}/openapi.json`)).body);
    const ajv = new Ajv2020({ strict: false });
    for (const [method, path, { status, headers, body }] of given) {
      const { responses } = paths[path]?.[method] ?? assert.fail(`${method} ${path} is not described`);
      const content = (responses[status] ?? responses['default'])?.content;
      const [type = ''] = (headers.get('content-type') ?? '').split(';');
      if (status === 204) assert.equal(content, undefined);
      else {
        const schema = content?.[type]?.schema ?? assert.fail(`${method} ${path} ${status}: ${type} is not described`);
        const isSuccess = status < 300;
        const valid = ajv.validate(isSuccess ? closed(schema) : schema, body);
        assert.ok(valid, `${method} ${path} ${status}: ${ajv.errorsText()} in ${JSON.stringify(body)}`);
      }
    }
    const described = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => [method, path]),
    );
    const tried = given.map(([method, path]) => `${method} ${path}`);
    const jwks = 'get /.well-known/jwks.json';
    assert.deepEqual(described.map((each) => each.join(' ')).toSorted(), [...new Set([...tried, jwks])].toSorted());
  });

  async function sharedStreams(): Promise<number> {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    return Number(/^gateway_shared_streams_total (\d+)/m.exec(text)?.[1] ?? 0);
  }
});

const content = z.record(z.string(), z.looseObject({ schema: z.unknown() })).optional();
const operation = z.looseObject({ responses: z.record(z.string(), z.looseObject({ content })) });
const openApi = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), operation)) });

/** The schema without room for fields that it does not name. */
function closed(schema: unknown): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"additionalProperties":{}', '"additionalProperties":false'));
}
