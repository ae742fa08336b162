import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http';
import { once } from 'node:events';
import { eventually } from '../support/eventually.ts';
import { JWT_SECRET, startGateways, type GatewayFixture } from './support/gateways.ts';
import { Caller, Player } from './support/player.ts';
import { craft, now } from './support/tokens.ts';

/** As many as block an address by default, and some more. */
const FORGED = 110;

describe('requests that share an address', () => {
  let fixture: GatewayFixture;
  const proxies: Server[] = [];
  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways();
  });
  after(async () => {
    for (const proxy of proxies) proxy.close().closeAllConnections();
    await fixture?.stop();
  });

  /** An HTTP proxy in front of a gateway, of its own connections. @param headers what it adds, or overwrites */
  async function proxy(target: string, headers: () => IncomingHttpHeaders): Promise<string> {
    const server = createServer((incoming, answer) => {
      const { method, url, headers: sent } = incoming;
      const further = request(`${target}${url}`, { method, headers: { ...sent, ...headers() } }, (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(answer);
      });
      incoming.pipe(further);
    }).listen(0, '127.0.0.1');
    proxies.push(server);
    await once(server, 'listening');
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  }

  async function statusesOf(url: string, tokens: readonly string[]): Promise<readonly number[]> {
    const answers = await Promise.all(
      tokens.map((text) => fetch(`${url}/v1/users/ann/streams`, { headers: { authorization: `Bearer ${text}` } })),
    );
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    return answers.map(({ status }) => status);
  }

  function forged(): string[] {
    return Array.from({ length: FORGED }, (_, index) =>
      craft({ alg: 'HS256' }, { sub: `user-${index}`, exp: now() + 60 }, 'a secret that somebody guessed and missed'),
    );
  }

  async function blocks(url: string): Promise<readonly unknown[]> {
    const { body } = await new Caller({ scope: 'blacklist' }).send(`${url}/v1/blacklist`);
    const list: unknown = body['blocks'];
    assert.ok(Array.isArray(list), JSON.stringify(body));
    return list;
  }

  async function playsOn(url: string): Promise<void> {
    const ann = new Player(url, `ann-${randomUUID()}`);
    const answers = [
      await ann.acquire({ streamId: 'a' }),
      await ann.beat('a'),
      await ann.list(),
      await ann.release('a'),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 200, 200, 204],
    );
  }

  const unlisted: [proxy: string, headers: () => IncomingHttpHeaders][] = [
    ['that says whose requests it brings', () => ({ 'x-forwarded-for': '198.51.100.7' })],
    ['that says so by Forwarded', () => ({ forwarded: 'for=198.51.100.7' })],
    ['that says so by X-Real-IP', () => ({ 'x-real-ip': '198.51.100.7' })],
    ['that says nothing, as sidecars and load balancers do', () => ({})],
  ];
  for (const [which, headers] of unlisted) {
    it(`are not blocked for forged tokens among them, behind a proxy that is not listed, ${which}`, async () => {
      const gateway = await fixture.startGateway();
      const url = await proxy(gateway.url, headers);
      await playsOn(url);
      assert.deepEqual(new Set(await statusesOf(url, forged())), new Set([401]));
      for (let time = 0; time < 3; time += 1) await playsOn(url);
      assert.deepEqual(new Set(await statusesOf(url, forged())), new Set([401]));
      await playsOn(url);
      assert.deepEqual(await blocks(gateway.url), []);
      await gateway.close();
    });
  }

  it('lead to a block where a trusted proxy tells the forger’s address, of that address alone', async () => {
    const gateway = await fixture.startGateway({ GATEWAY_TRUSTED_PROXIES: '127.0.0.1' });
    const forger = await proxy(gateway.url, () => ({ 'x-forwarded-for': '198.51.100.7' }));
    const neighbour = await proxy(gateway.url, () => ({ 'x-forwarded-for': '198.51.100.8' }));
    await statusesOf(forger, forged());
    await eventually(async () => assert.deepEqual(await statusesOf(forger, forged().slice(0, 1)), [403]));
    await playsOn(neighbour);
    assert.partialDeepStrictEqual(await blocks(neighbour), [{ kind: 'address', value: '198.51.100.7/32' }]);
    assert.equal((await blocks(forger)).length, 1, 'an operator behind the address sees it');
    const operator = new Caller({ scope: 'blacklist' });
    const lift = await operator.send(`${forger}/v1/blacklist/address/198.51.100.7`, { method: 'DELETE' });
    assert.equal(lift.status, 204, 'and lifts it');
    await playsOn(forger);
    await gateway.close();
  });

  it('lead to a block where no proxy stands in front, whatever the forger says of others', async () => {
    const gateway = await fixture.startGateway({ GATEWAY_TRUSTED_PROXIES: 'none' });
    const url = await proxy(gateway.url, () => ({ 'x-forwarded-for': '198.51.100.7' }));
    await statusesOf(url, forged());
    await eventually(async () =>
      assert.partialDeepStrictEqual(await blocks(gateway.url), [{ kind: 'address', value: '127.0.0.1/32' }]),
    );
    await gateway.close();
  });

  it('never lead to a block by tokens that are signed, however odd, old or foreign they are', async () => {
    const gateway = await fixture.startGateway({
      GATEWAY_TRUSTED_PROXIES: '127.0.0.1',
      ABUSE_STRIKES: '3',
      JWT_UNCHECKED_CLAIMS: '',
      JWT_ISSUER: 'https://id.example',
      JWT_AUDIENCE: 'gateway',
    });
    const url = await proxy(gateway.url, () => ({ 'x-forwarded-for': '198.51.100.7' }));
    const right = { iss: 'https://id.example', aud: 'gateway' };
    const odd = [{ sub: true }, { exp: 'soon' }, { scope: 7 }, { plan: {} }, { one_time: 1 }, { exp: now() - 60 }];
    const refused = [
      ...odd,
      { iss: 'https://elsewhere.example' },
      { aud: 'other' },
      { nbf: now() + 600 },
      { exp: 4e9 },
    ];
    const crafted = refused.map((claims) => craftSigned({ sub: 'ann', exp: now() + 60, ...right, ...claims }));
    const statuses = await statusesOf(url, [...crafted, ...crafted, ...crafted]);
    assert.deepEqual(new Set(statuses), new Set([401]));
    const understood = craftSigned({ sub: 4711, exp: String(now() + 60), plan: null, scp: ['streams'], ...right });
    assert.deepEqual(await statusesOf(url, [understood]), [200]);
    const operator = craftSigned({ sub: 'ops', exp: now() + 60, scope: ['blacklist'], ...right });
    const list = await fetch(`${url}/v1/blacklist`, { headers: { authorization: `Bearer ${operator}` } });
    assert.deepEqual(await list.json(), { blocks: [] });
    await gateway.close();
  });

  it('keep 20 players behind one address playing, however little the address may do without a token', async () => {
    const settings = { LIMIT_ADDRESS_PER_MINUTE: '1', LIMIT_ADDRESS_BURST: '1', ABUSE_STRIKES: '1' };
    for (const proxies of ['', '127.0.0.1', 'none']) {
      const gateway = await fixture.startGateway({ ...settings, GATEWAY_TRUSTED_PROXIES: proxies });
      const url = await proxy(gateway.url, () => ({ 'x-forwarded-for': '198.51.100.7' }));
      const players = Array.from({ length: 20 }, () => new Player(url, `ann-${randomUUID()}`));
      const acquired = await Promise.all(players.map((player) => player.acquire({ streamId: 'a' })));
      const beats = [];
      for (let beat = 0; beat < 5; beat += 1)
        beats.push(...(await Promise.all(players.map((player) => player.beat('a')))));
      assert.deepEqual(new Set(acquired.map(({ status }) => status)), new Set([201]));
      assert.deepEqual(new Set(beats.map(({ status }) => status)), new Set([200]));
      await gateway.close();
    }
  });

  it('are limited without a valid token, and tokens that were accepted before pass through the flood', async () => {
    const settings = { LIMIT_ADDRESS_PER_MINUTE: '6', LIMIT_ADDRESS_BURST: '5', GATEWAY_TRUSTED_PROXIES: '' };
    const gateway = await fixture.startGateway(settings);
    const ann = new Player(gateway.url, `ann-${randomUUID()}`);
    await ann.acquire({ streamId: 'a' });
    const direct = await statusesOf(gateway.url, forged());
    assert.equal(direct.filter((status) => status === 401).length, 5);
    assert.equal(direct.filter((status) => status === 429).length, FORGED - 5);
    assert.equal((await ann.beat('a')).status, 200);
    const url = await proxy(gateway.url, () => ({ 'x-forwarded-for': '198.51.100.7' }));
    const forwarded = await statusesOf(url, forged());
    const admitted = forwarded.filter((status) => status === 401).length;
    assert.ok(admitted >= 10 * 5 - 5 && admitted < FORGED, `ten times as many: ${admitted}`);
    assert.equal((await ann.beat('a')).status, 200);
    await gateway.close();
  });

  it('are limited by their service, which is told and not blocked, nor are the users it acts for', async () => {
    const gateway = await fixture.startGateway({
      LIMIT_ADDRESS_PER_MINUTE: '1',
      LIMIT_ADDRESS_BURST: '1',
      LIMIT_SERVICE_PER_MINUTE: '60',
      LIMIT_SERVICE_BURST: '400',
      LIMIT_USER_PER_MINUTE: '1',
      LIMIT_USER_BURST: '3',
      ABUSE_STRIKES: '3',
      GATEWAY_TRUSTED_PROXIES: 'none',
    });
    const service = new Caller({ subject: 'player-api', scope: 'streams' });
    const read = async (user: string) => (await service.send(`${gateway.url}/v1/users/${user}/streams`)).status;
    const ofAnn = `ann-${randomUUID()}`;
    const many = await Promise.all(Array.from({ length: 380 }, () => read(randomUUID())));
    assert.deepEqual(new Set(many), new Set([200]));
    const ofOne = await Promise.all(Array.from({ length: 10 }, () => read(ofAnn)));
    assert.deepEqual(
      ofOne.toSorted((one, other) => one - other),
      [...Array<number>(3).fill(200), ...Array<number>(7).fill(429)],
    );
    assert.equal((await new Player(gateway.url, ofAnn).list()).status, 200, 'the user has requests of its own');
    const beyond = await Promise.all(Array.from({ length: 30 }, () => read(randomUUID())));
    assert.ok(beyond.includes(429));
    assert.equal(
      (await new Caller({ subject: 'other-api', scope: 'streams' }).send(`${gateway.url}/v1/users/x/streams`)).status,
      200,
    );
    assert.deepEqual(await blocks(gateway.url), []);
    await gateway.close();
  });
});

/** With the secret of the gateways under test, and any claims. */
function craftSigned(payload: unknown): string {
  return craft({ alg: 'HS256', typ: 'JWT' }, payload, JWT_SECRET);
}
