import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { startNginx, whyNoNginx, type NginxServer } from '../support/nginx.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { startGateways, token, type GatewayFixture, type RunningGateway } from './support/gateways.ts';
import { Caller, Player } from './support/player.ts';

const ORIGIN = 'https://play.example';

describe('the forms of HTTP that a gateway takes', () => {
  let fixture: GatewayFixture;
  let gateway: RunningGateway;
  let player: Player;
  let bearer: string;
  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways();
    gateway = await fixture.startGateway({
      GATEWAY_CORS_ORIGINS: `${ORIGIN}, capacitor://localhost`,
      GATEWAY_TRUSTED_PROXIES: '127.0.0.1/32',
      ABUSE_NEVER_BLOCK: '127.0.0.1/32',
    });
  });
  beforeEach(async () => {
    player = new Player(gateway.url, randomUUID());
    bearer = await token({ subject: player.userId });
    assert.equal((await player.acquire({ streamId: 'a' })).status, 201);
  });
  after(() => fixture.stop());

  /** With headers as they are; the body's length is told or it comes in chunks, as the headers have it. */
  async function send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: string,
  ): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string }> {
    const { hostname, port } = new URL(gateway.url);
    const all = { authorization: `Bearer ${bearer}`, ...headers };
    const sent = request({ hostname, port, method, path, headers: all, agent: false });
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve);
      sent.once('error', reject);
    });
    sent.end(body);
    const response = await answer;
    return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
  }
  const streamPath = (): string => `/v1/users/${player.userId}/streams/a`;

  it('an empty body of whatever type, length or encoding, for beats, releases and Sigma', async () => {
    const types = [
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/plain;charset=UTF-8',
      'application/octet-stream',
      'application/json; charset=utf-8',
      'application/xml',
      'nonsense',
      '',
    ];
    const lengths = [
      {},
      { 'content-length': '0' },
      { 'transfer-encoding': 'chunked' },
      { 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' },
    ];
    for (const type of [undefined, ...types]) {
      for (const length of lengths) {
        const headers = { ...length, ...(type === undefined ? {} : { 'content-type': type }) };
        const said = JSON.stringify(headers);
        assert.equal((await send('POST', `${streamPath()}/heartbeat`, headers)).status, 200, said);
        assert.equal((await send('PUT', `/stream/${player.userId}/tv`, headers)).status, 200, said);
        assert.equal((await send('DELETE', `/stream/${player.userId}/tv`, headers)).status, 200, said);
        assert.equal((await send('DELETE', `${streamPath()}x`, headers)).status, 204, said);
      }
    }
  }).timeout(60_000);

  it('but no body of another type than JSON', async () => {
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'nonsense', '']) {
      const answer = await send('POST', `${streamPath()}/heartbeat`, { 'content-type': type }, 'contentId=film');
      assert.equal(answer.status, 415, type);
    }
    const packed = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    assert.equal((await send('POST', `${streamPath()}/heartbeat`, packed, '{}')).status, 415);
  });

  it('405 with what is offered for every other method, and 404 for every other path', async () => {
    const offers = [
      [streamPath(), ['DELETE']],
      [`${streamPath()}/heartbeat`, ['POST']],
      [`/v1/users/${player.userId}/streams`, ['GET', 'HEAD', 'POST']],
      [`/v1/users/${player.userId}/evictions`, ['POST']],
      ['/v1/heartbeats', ['POST']],
      ['/v1/blacklist', ['GET', 'HEAD']],
      ['/v1/blacklist/user/x', ['DELETE', 'PUT']],
      ['/.well-known/jwks.json', ['GET', 'HEAD']],
      ['/', ['GET', 'HEAD']],
    ] as const;
    for (const [path, offered] of offers) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND', 'TRACE']) {
        if (offered.some((each) => each === method)) continue;
        const { status, headers, body } = await send(method, path);
        assert.equal(status, 405, `${method} ${path}`);
        assert.deepEqual(`${headers.allow}`.split(', ').toSorted(), [...offered, 'OPTIONS'].toSorted(), path);
        if (method !== 'HEAD') assert.match(body, /urn:stream-sessions:problem:method-not-allowed/);
      }
      const options = await send('OPTIONS', path, { authorization: '' });
      assert.equal(options.status, 204, path);
      assert.deepEqual(`${options.headers.allow}`.split(', ').toSorted(), [...offered, 'OPTIONS'].toSorted());
    }
    for (const path of ['/v1', '/v2/users/x/streams', '/v1/users/x/streams/a/b', '/nothing', '/docs/static/nothing']) {
      for (const method of ['GET', 'PATCH', 'OPTIONS']) {
        if (method !== 'GET' && path.startsWith('/docs')) continue;
        assert.equal((await send(method, path)).status, 404, `${method} ${path}`);
      }
    }
  });

  it('HEAD, whether it succeeds or not, with the headers of GET', async () => {
    const list = await send('HEAD', `/v1/users/${player.userId}/streams`);
    assert.deepEqual([list.status, list.body], [200, '']);
    for (const [path, status] of [
      ['/v1/users/somebody/streams', 403],
      ['/nothing', 404],
      ['/v1/blacklist', 403],
    ] as const) {
      const answer = await send('HEAD', path);
      assert.deepEqual([answer.status, answer.body], [status, ''], path);
    }
    assert.equal((await send('HEAD', '/', { authorization: '', accept: 'text/html' })).status, 200);
  });

  it('slashes at the end of a path', async () => {
    assert.equal((await send('POST', `${streamPath()}/heartbeat/`)).status, 200);
    assert.equal((await send('GET', `/v1/users/${player.userId}/streams//?x=1`)).status, 200);
    assert.equal((await send('GET', '/.well-known/jwks.json/')).status, 200);
    assert.equal((await send('DELETE', `${streamPath()}/`)).status, 204);
    assert.equal((await player.beat('a')).status, 410);
  });

  it('null in every field that may be left out, of every body', async () => {
    const absent = { streamId: null, deviceType: null, contentId: null, plan: null, evict: null };
    const granted = await player.acquire(absent);
    assert.equal(granted.status, 201);
    assert.partialDeepStrictEqual(granted.body, { stream: { deviceId: 'tv', mode: 'watched' } });
    const caller = new Caller({ subject: player.userId });
    const beat = `${gateway.url}${streamPath()}/heartbeat`;
    for (const body of [null, { contentId: null }, {}])
      assert.equal((await caller.send(beat, { method: 'POST', body })).status, 200);
    const evicted = await player.evict({ streamIds: null, by: null, reason: null });
    assert.partialDeepStrictEqual(evicted.body, { evicted: [{ end: { reason: 'evicted' } }, {}], notActive: [] });
    const operator = new Caller({ subject: 'ops', scope: 'blacklist' });
    const url = `${gateway.url}/v1/blacklist/device/${randomUUID()}`;
    const block = await operator.send(url, { method: 'PUT', body: { reason: 'test', expiresInSeconds: null } });
    assert.deepEqual([block.status, block.body['expiresAt']], [200, undefined]);
    await operator.send(url, { method: 'DELETE' });
    assert.equal((await player.acquire({ deviceId: null })).status, 400, 'what is required is missing');
  });

  it('and answers the calls of Sigma as its own server does', async () => {
    const path = `/stream/${player.userId}/tv`;
    assert.equal((await send('PUT', `${path}/`)).status, 200);
    assert.equal((await send('PUT', `//stream/${player.userId}/tv//`)).status, 200);
    const freed = await send('DELETE', `${path}/`);
    assert.deepEqual(JSON.parse(freed.body).data.streams, ['a', 'tv']);
    const welcome = { status: true, message: 'Welcome to Sigma streaming server', version: '1.0.0' };
    for (const headers of [{ accept: 'application/json' }, { accept: '*/*' }, {}]) {
      const home = await send('GET', '/', headers);
      assert.deepEqual([home.status, JSON.parse(home.body)], [200, welcome]);
    }
    const wrong = await send('POST', path);
    assert.partialDeepStrictEqual(JSON.parse(wrong.body), {
      status: false,
      message: `Method POST not allowed for path ${path}`,
    });
    assert.deepEqual([wrong.status, wrong.headers.allow], [405, 'PUT, DELETE, OPTIONS']);
    const missing = await send('GET', '/stream/only-a-user');
    assert.partialDeepStrictEqual(JSON.parse(missing.body), { message: 'Path /stream/only-a-user not found' });
    const page = await send('GET', '/', { authorization: '', accept: 'text/html,*/*;q=0.8' });
    assert.match(page.body, /<!doctype html>/i);
  });

  describe('from pages of other origins', () => {
    const trusted = getCACertificates();
    let nginx: NginxServer | undefined;
    after(async () => {
      setDefaultCACertificates(trusted);
      await nginx?.stop();
    });

    function answersPreflights(urlOf: () => string): void {
      const ask = (path: string, origin: string, method: string): Promise<Response> =>
        fetch(urlOf() + path, {
          method: 'OPTIONS',
          headers: {
            origin,
            'access-control-request-method': method,
            'access-control-request-headers': 'authorization,content-type,idempotency-key',
          },
        });

      it('answers preflights without a token, for the origins that are listed', async () => {
        const paths = [`/v1/users/${player.userId}/streams`, `${streamPath()}/heartbeat`, '/stream/ann/tv'];
        for (const path of [...paths, '/.well-known/jwks.json', '/v1/heartbeats']) {
          for (const origin of [ORIGIN, 'capacitor://localhost']) {
            const { status, headers } = await ask(path, origin, 'POST');
            assert.ok(status === 204 || status === 200, `${path}: ${status}`);
            assert.equal(headers.get('access-control-allow-origin'), origin);
            assert.match(headers.get('access-control-allow-methods') ?? '', /POST.*DELETE/);
            assert.match(headers.get('access-control-allow-headers') ?? '', /authorization.*idempotency-key/);
            assert.match(headers.get('vary') ?? '', /origin/i);
          }
          const stranger = await ask(path, 'https://elsewhere.example', 'POST');
          assert.equal(stranger.headers.get('access-control-allow-origin'), null);
        }
      });

      it('lets a page read answers and refusals alike', async () => {
        const list = `${urlOf()}/v1/users/${player.userId}/streams`;
        const headers = { origin: ORIGIN };
        for (const [url, authorization, status] of [
          [list, `Bearer ${bearer}`, 200],
          [list, 'Bearer nonsense', 401],
          [`${urlOf()}/v1/users/somebody/streams`, `Bearer ${bearer}`, 403],
          [`${urlOf()}/.well-known/jwks.json`, '', 200],
        ] as const) {
          const answer = await fetch(url, { headers: { ...headers, ...(authorization ? { authorization } : {}) } });
          assert.equal(answer.status, status, url);
          assert.equal(answer.headers.get('access-control-allow-origin'), ORIGIN, `${status} ${url}`);
          assert.match(answer.headers.get('access-control-expose-headers') ?? '', /retry-after/);
        }
      });
    }

    describe('directly', () => {
      answersPreflights(() => gateway.url);

      it('answers preflights also when the address may do nothing more without a token', async () => {
        const narrow = await fixture.startGateway({ LIMIT_ADDRESS_PER_MINUTE: '1', LIMIT_ADDRESS_BURST: '1' });
        const open = async (): Promise<number> => (await fetch(`${narrow.url}/openapi.json`)).status;
        assert.deepEqual([await open(), await open()], [200, 429]);
        assert.equal((await fetch(`${narrow.url}/v1/heartbeats`, { method: 'OPTIONS' })).status, 204);
        await narrow.close();
      });
    });

    describe('through nginx', () => {
      before(async function () {
        skipWhereMissing(this, whyNoNginx());
        nginx = await startNginx({
          gateways: [Number(new URL(gateway.url).port)],
          admissions: [Number(new URL(gateway.adminUrl).port)],
        });
        setDefaultCACertificates([...trusted, nginx.certificate]);
      });
      answersPreflights(() => `https://localhost:${nginx?.port}`);
    });
  });
});
