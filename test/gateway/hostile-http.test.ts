import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { startGateways, token, type GatewayFixture, type RunningGateway } from './support/gateways.ts';
import { Caller, Player } from './support/player.ts';
import { sendRaw } from './support/raw-socket.ts';

describe('the gateway under abuse of HTTP', () => {
  let fixture: GatewayFixture;
  let gateway: RunningGateway;
  let bearer: string;
  let userId: string;
  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways();
    gateway = await fixture.startGateway({
      GATEWAY_TRUSTED_PROXIES: '10.0.0.0/8',
      GATEWAY_HEADERS_TIMEOUT_MS: '1000',
      GATEWAY_REQUEST_TIMEOUT_MS: '2000',
      LIMIT_USER_PER_MINUTE: '60',
      LIMIT_USER_BURST: '100',
      LIMIT_ADDRESS_BURST: '1000',
      ABUSE_STRIKES: '20',
    });
  });
  beforeEach(async () => {
    userId = randomUUID();
    bearer = await token({ subject: userId });
  });
  after(() => fixture.stop());

  function head(extra = '', method = 'POST'): string {
    return `${method} /v1/users/${userId}/streams HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${bearer}\r\n${extra}`;
  }

  async function statusesOf(...parts: (string | Buffer)[]): Promise<readonly number[]> {
    return (await sendRaw(gateway.url, { parts, patienceMs: 3_000 })).statuses;
  }

  it('cuts off slow headers and slow bodies in seconds, while others are served', async () => {
    const trickle = Array.from({ length: 40 }, (_, index) => `x-slow-${index}: 1\r\n`);
    const slowHeaders = Array.from({ length: 50 }, () =>
      sendRaw(gateway.url, { parts: [head(), ...trickle], pauseMs: 400, patienceMs: 1_000 }),
    );
    const slowBodies = Array.from({ length: 50 }, () =>
      sendRaw(gateway.url, {
        parts: [head('Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n'), ...Array<string>(40).fill(' ')],
        pauseMs: 400,
        patienceMs: 1_000,
      }),
    );
    const good = new Player(gateway.url, randomUUID());
    assert.equal((await good.acquire({ streamId: 'a' })).status, 201);
    assert.equal((await good.beat('a')).status, 200);
    const answers = await Promise.all([...slowHeaders, ...slowBodies]);
    for (const { statuses, text } of answers) {
      assert.deepEqual(statuses, [408], text);
      assert.match(text, /urn:stream-sessions:problem:request-timeout/);
    }
  }).timeout(40_000);

  it('refuses headers that are too large or too many', async () => {
    assert.deepEqual(await statusesOf(head(`x-bomb: ${'a'.repeat(64_000)}\r\n\r\n`)), [431]);
    const many = Array.from({ length: 2_000 }, (_, index) => `x-${index}: ${index}\r\n`).join('');
    assert.deepEqual(await statusesOf(head(`${many}\r\n`)), [431]);
  });

  it('refuses bodies that are too large, by what they say and by what they are', async () => {
    const json = 'Content-Type: application/json\r\n';
    assert.deepEqual(await statusesOf(head(`${json}Content-Length: 1000000000\r\n\r\n`), 'x'.repeat(100)), [413]);
    const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`;
    assert.deepEqual(await statusesOf(head(`${json}Transfer-Encoding: chunked\r\n\r\n`), chunk, chunk, chunk), [413]);
  });

  it('does not unpack, and takes JSON only', async () => {
    const bomb = gzipSync(JSON.stringify({ deviceId: ' '.repeat(1_000_000) }));
    const packed = head(
      `Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\nConnection: close\r\n\r\n`,
    );
    assert.deepEqual(await statusesOf(packed, bomb), [415]);
    const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
    const bodies = [deep, '{"__proto__":{"x":1},"deviceId":"tv"}', '{"deviceId":"tv"', '"tv"', 'null'];
    const caller = new Caller({ subject: userId });
    for (const body of bodies) {
      const { status } = await caller.send(`${gateway.url}/v1/users/${userId}/streams`, { method: 'POST', text: body });
      assert.equal(status, 400, body.slice(0, 40));
    }
  });

  it('lets nobody smuggle a request behind another', async () => {
    const both = head('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n');
    assert.deepEqual(await statusesOf(`${both}0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`), [400]);
    const twice = head('Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}');
    assert.deepEqual(await statusesOf(twice), [400]);
    assert.deepEqual(await statusesOf('GET / HTTP/9.9\r\n\r\n'), [400]);
    assert.deepEqual(await statusesOf('\x16\x03\x01 hello'), [400]);
  });

  it('answers pipelined requests in their order', async () => {
    const get = 'GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n';
    const last = 'GET /nothing HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n';
    assert.deepEqual(await statusesOf(`${get}${get}${last}`), [200, 200, 404]);
  });

  it('takes no path for another one', async () => {
    const close = 'Connection: close\r\n\r\n';
    for (const path of [
      `/v1/users/${userId}/streams/..%2f..%2fbob/streams`,
      `/v1/users/bob%2f..%2f${userId}/streams`,
      `/v1/users/${userId.toUpperCase()}/streams`,
      `/v1/users/%00${userId}/streams`,
      `/v1/users/${userId}%/streams`,
      `/v1/users/${'x'.repeat(4_000)}/streams`,
      `//v1/users/${userId}/streams`,
    ]) {
      const request = `GET ${path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${bearer}\r\n${close}`;
      const [status = 0] = await statusesOf(request);
      assert.ok([400, 403, 404, 414].includes(status), `${path.slice(0, 60)}: ${status}`);
    }
  });

  it('refuses a second Authorization, whichever is valid', async () => {
    const second = head(`Authorization: Bearer nonsense\r\nConnection: close\r\n\r\n`, 'GET');
    assert.deepEqual(await statusesOf(second), [401]);
  });

  it('counts all spellings of a user as one, from whatever addresses, and blocks who goes on', async () => {
    const name = `Ann-${randomUUID()}`;
    const spellings = [name.toUpperCase(), name.toLowerCase()];
    const callers = spellings.map((subject) => ({ subject, caller: new Caller({ subject }) }));
    const statuses: number[] = [];
    for (let index = 0; index < 160; index++) {
      const { subject, caller } = callers[index % 2] ?? assert.fail();
      const url = `${gateway.url}/v1/users/${subject}/streams`;
      const { status } = await caller.send(url, { headers: { 'x-forwarded-for': `198.51.100.${index}` } });
      statuses.push(status);
    }
    const firstRefused = statuses.indexOf(429);
    assert.ok(firstRefused >= 100 && firstRefused < 120, `first refused: ${firstRefused}`);
    const firstBlocked = statuses.indexOf(403);
    assert.ok(firstBlocked > firstRefused, 'whoever goes on is blocked');
    const told = await new Caller({ subject: name }).send(`${gateway.url}/v1/users/${name}/streams`);
    assert.partialDeepStrictEqual(told, { status: 403, body: { type: 'urn:stream-sessions:problem:blocked' } });
    const other = await new Caller({ subject: userId }).send(`${gateway.url}/v1/users/${userId}/streams`);
    assert.equal(other.status, 200, 'nobody else is');
    const service = await new Caller({ scope: 'streams' }).send(`${gateway.url}/v1/users/${name}/streams`);
    assert.equal(service.status, 200, 'and services still act for the user');
  });

  it('says Retry-After with each 429', async () => {
    const player = new Player(gateway.url, randomUUID());
    const answers = await Promise.all(Array.from({ length: 115 }, () => player.list()));
    const refused = answers.filter(({ status }) => status === 429);
    assert.ok(refused.length >= 10);
    for (const { headers } of refused) assert.match(headers.get('retry-after') ?? '', /^[1-9]\d*$/);
  });
});
