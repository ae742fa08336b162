import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { eventually } from '../support/eventually.ts';
import { startNginx, whyNoNginx, type NginxServer } from '../support/nginx.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { ask, assertProblem, ended, firstText, openSocket, type Request } from './https-client.ts';
import { startStandInGateway, type StandInGateway } from './stand-in-gateway.ts';

describe('nginx under abuse', () => {
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

  async function open(): Promise<TLSSocket> {
    const socket = await openSocket(nginx);
    sockets.push(socket);
    return socket;
  }

  it('refuses what is too large or malformed, before the gateway sees it', async () => {
    const large = await get('/v1/users/alice/streams', { method: 'POST', body: 'x'.repeat(20_000) });
    assert.equal(large.status, 413);
    assertProblem(large, 'payload-too-large');
    for (const headers of [
      { 'x-long': 'x'.repeat(8_000) },
      Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`x-${index}`, 'x'.repeat(20)])),
    ]) {
      const answer = await get('/v1/users/alice/streams', { headers });
      assert.equal(answer.status, 431);
      assertProblem(answer, 'headers-too-large');
    }
    const long = await get(`/v1/users/${'x'.repeat(8_000)}/streams`);
    assert.equal(long.status, 414);
    assertProblem(long, 'uri-too-long');
    for (const smuggled of [
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd',
      'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n',
      'GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n',
    ]) {
      const socket = await open();
      socket.write(smuggled);
      assert.match(await firstText(socket), /^HTTP\/1\.1 400 /, JSON.stringify(smuggled));
    }
    assert.equal(gateway.served.length, 0);
  });

  it('cuts slow callers off in seconds while others are served', async () => {
    const idle = await Promise.all(Array.from({ length: 40 }, open));
    const dripping = await Promise.all(Array.from({ length: 40 }, open));
    const stalled = await Promise.all(Array.from({ length: 20 }, open));
    const startedMs = performance.now();
    const closed = Promise.all([...idle, ...dripping, ...stalled].map(ended));
    const dripsSent = setInterval(() => {
      for (const socket of dripping) if (socket.writable) socket.write('x');
    }, 200);
    for (const socket of dripping) socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    const head = 'POST /v1/users/alice/streams HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{';
    for (const socket of stalled) socket.write(head);
    try {
      let answered = 0;
      while ([...idle, ...dripping, ...stalled].some((socket) => !socket.closed)) {
        const answer = await get('/v1/users/alice/streams');
        assert.equal(answer.status, 200);
        answered += 1;
        await Promise.race([closed, once(AbortSignal.timeout(100), 'abort')]);
        assert.ok(performance.now() - startedMs < 20_000, 'slow callers are still connected');
      }
      assert.ok(answered > 10, `${answered} good requests`);
    } finally {
      clearInterval(dripsSent);
    }
    assert.ok(
      gateway.served.every(({ method }) => method === 'GET'),
      'no slow body reached the gateway',
    );
  });

  it('limits the requests under way of one address', async () => {
    const held = new Set<() => void>();
    gateway.serve = (_request, response) => held.add(() => response.end());
    const answers = Array.from({ length: 130 }, () => get('/v1/users/alice/streams'));
    const refused = await Promise.race(answers);
    assert.equal(refused.status, 429);
    assertProblem(refused, 'rate-limited');
    await eventually(() => assert.equal(held.size, 100));
    for (const release of held) release();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 200).length, 100);
  });
});
