import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as plainRequest } from 'node:http';
import { connect, type TLSSocket } from 'node:tls';
import { eventually } from '../support/eventually.ts';
import { startNginx, whyNoNginx, type NginxServer } from '../support/nginx.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { answerOf, ask, assertProblem, type Request } from './https-client.ts';
import { startStandInGateway, type StandInGateway } from './stand-in-gateway.ts';

describe('nginx in front of the gateways', () => {
  let nginx: NginxServer;
  let gateway: StandInGateway;
  const sockets: TLSSocket[] = [];

  before(async function () {
    skipWhereMissing(this, whyNoNginx());
    gateway = await startStandInGateway();
    nginx = await startNginx({ gateways: [gateway.port] });
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await nginx?.stop();
    await gateway?.close();
  });
  beforeEach(() => gateway.reset());

  const get = (path: string, request: Request = {}) => ask(nginx, path, request);

  it('asks for admission with what decides, and passes the request on with the real address', async () => {
    const answer = await get('/v1/users/alice/streams?x=1', {
      method: 'POST',
      body: '{"deviceId":"tv"}',
      headers: {
        authorization: 'Bearer token-1',
        'x-forwarded-for': '6.6.6.6',
        'x-real-ip': '6.6.6.6',
        forwarded: 'for=6.6.6.6',
        'x-original-uri': '/harmless',
        'x-request-id': 'my-request.1',
      },
    });
    assert.deepEqual([answer.status, answer.body], [200, '{"served":true}']);
    const [asked] = gateway.asked;
    assert.equal(asked?.method, 'GET');
    assert.equal(asked?.headers.authorization, 'Bearer token-1');
    assert.equal(asked?.headers['x-original-uri'], '/v1/users/alice/streams?x=1');
    assert.equal(asked?.headers['x-original-method'], 'POST');
    const [passed] = gateway.served;
    assert.equal(passed?.url, '/v1/users/alice/streams?x=1');
    assert.equal(passed?.headers['x-original-uri'], undefined);
    assert.equal(passed?.headers.forwarded, undefined);
    for (const seen of [asked, passed]) {
      assert.equal(seen?.headers['x-forwarded-for'], '127.0.0.1');
      assert.equal(seen?.headers['x-request-id'], 'my-request.1');
      assert.notEqual(seen?.headers['x-real-ip'], '6.6.6.6');
    }
    assert.equal(answer.headers['x-request-id'], 'my-request.1');
    assert.match(`${answer.headers['strict-transport-security']}`, /^max-age=\d{8}/);
  });

  it('keeps who is refused away from the service, with status, reason and headers of the admission', async () => {
    const refusals = [
      ['unauthenticated', 401, 401, { 'www-authenticate': 'Bearer error="invalid_token"' }],
      ['blocked', 403, 403, {}],
      ['forbidden', 403, 403, {}],
      ['rate-limited', 403, 429, { 'retry-after': '7' }],
    ] as const;
    for (const [code, answered, seen, headers] of refusals) {
      for (const problem of [
        undefined,
        `{"type":"urn:stream-sessions:problem:${code}","status":${seen},"reason":"\\u00fc"}`,
      ]) {
        gateway.admit = (_request, response) => {
          const body = problem === undefined ? {} : { 'x-admission-problem': problem };
          response.writeHead(answered, { 'x-admission-code': code, ...headers, ...body }).end();
        };
        const answer = await get('/v1/users/alice/streams', { method: 'POST', body: '{}' });
        assert.equal(answer.status, seen, code);
        assertProblem(answer, problem === undefined && code === 'blocked' ? 'forbidden' : code);
        for (const [name, value] of Object.entries(headers)) assert.equal(answer.headers[name], value, name);
        if (problem !== undefined) assert.equal(answer.body, problem);
      }
    }
    assert.equal(gateway.served.length, 0);
    assert.equal(gateway.asked.length, 8);
  });

  it('lets preflights of browsers through without admission, and a page read what it is refused', async () => {
    const origin = 'https://play.example';
    gateway.admit = (_request, response) => {
      response.writeHead(401, { 'x-admission-code': 'unauthenticated', 'access-control-allow-origin': origin }).end();
    };
    const preflight = { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } };
    for (const path of ['/v1/users/alice/streams', '/stream/alice/tv', '/.well-known/jwks.json', '/healthz']) {
      assert.equal((await get(path, preflight)).status, 200, path);
    }
    assert.equal(gateway.asked.length, 0);
    assert.deepEqual([...new Set(gateway.served.map(({ method }) => method))], ['OPTIONS']);
    assert.equal((await get('/internal/admission', preflight)).status, 404);
    const refused = await get('/v1/users/alice/streams', { headers: { origin } });
    assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [401, origin]);
    assert.match(`${refused.headers['access-control-expose-headers']}`, /retry-after/);
    assert.equal(gateway.asked[0]?.headers.origin, origin);
  });

  it('answers 503 when the admission fails, and never lets through', async () => {
    for (const status of [500, 503, 429, 302]) {
      gateway.admit = (_request, response) => response.writeHead(status).end();
      const answer = await get('/v1/users/alice/streams');
      assert.equal(answer.status, 503, `${status}`);
      assertProblem(answer, 'unavailable');
      assert.equal(answer.headers['retry-after'], '1');
    }
    assert.equal(gateway.served.length, 0);
  });

  it("passes the gateway's own problems on as they are", async () => {
    for (const status of [401, 403, 404, 409, 410, 413, 429, 503]) {
      gateway.serve = (_request, response) => {
        const headers = { 'content-type': 'application/problem+json', 'retry-after': '9', 'x-request-id': 'gateway' };
        response.writeHead(status, headers).end('{"own":true}');
      };
      const answer = await get('/v1/users/alice/streams', { headers: { 'x-request-id': 'mine' } });
      assert.deepEqual([answer.status, answer.body, answer.headers['retry-after']], [status, '{"own":true}', '9']);
      assert.equal(answer.headers['x-request-id'], 'mine', 'once only');
    }
  });

  it('hides what is for the inside, in all spellings', async () => {
    const paths = ['/internal/admission', '/internal', '/metrics', '/readyz', '/.admission', '//internal/admission'];
    const spellings = [
      '/v1/../metrics',
      '/%6detrics',
      '/v1/%2e%2e/internal/admission',
      '/METRICS',
      '/metrics/',
      '/metrics?x',
    ];
    for (const path of [...paths, ...spellings]) {
      const answer = await get(path);
      assert.equal(answer.status, 404, path);
      assertProblem(answer, 'not-found');
    }
    assert.equal(gateway.asked.length + gateway.served.length, 0);
    gateway.admit = (_request, response) => response.writeHead(401).end();
    assert.equal((await get('/.well-known/jwks.json')).status, 200, 'needs no admission');
    assert.equal((await get('/healthz')).status, 200);
  });

  it('speaks TLS 1.2 and 1.3 only', async () => {
    const plain = plainRequest({ port: nginx.port, host: '127.0.0.1', path: '/v1/users/alice/streams' });
    assertProblem(await answerOf(plain), 'invalid-request');
    for (const [version, spoken] of [
      ['TLSv1.2', true],
      ['TLSv1.3', true],
      ['TLSv1.1', false],
    ] as const) {
      const options = {
        minVersion: version,
        maxVersion: version,
        ciphers: 'DEFAULT@SECLEVEL=0',
        ca: nginx.certificate,
      };
      const socket = connect({ port: nginx.port, host: '127.0.0.1', servername: 'localhost', ...options });
      sockets.push(socket);
      const outcome = await Promise.race([
        once(socket, 'secureConnect').then(() => true),
        once(socket, 'error').then(() => false),
      ]).catch(() => false);
      assert.equal(outcome, spoken, version);
    }
    assert.equal(gateway.served.length, 0);
  });

  it('logs requests as JSON, without tokens and queries', async () => {
    await get('/v1/users/alice/streams?token=secret-1', {
      headers: {
        authorization: 'Bearer secret-2',
        cookie: 'session=secret-3',
        referer: 'https://x/?secret-4',
        'x-request-id': 'logged-1',
      },
    });
    await eventually(async () => {
      const lines = (await nginx.accessLog()).trim().split('\n');
      const logged = lines
        .map((line): Record<string, unknown> => JSON.parse(line))
        .find(({ requestId }) => requestId === 'logged-1');
      assert.equal(logged?.['path'], '/v1/users/alice/streams');
      assert.equal(logged['status'], '200');
      assert.equal(logged['address'], '127.0.0.1');
    });
    assert.doesNotMatch((await nginx.accessLog()) + (await nginx.errorLog()), /secret-|token-1/);
  });
});
