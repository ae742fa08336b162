import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import {
  BlockedError,
  createHttpSessionsClient,
  StreamEndedError,
  StreamLimitReachedError,
  type HttpSessionsClient,
} from '../../client/http.ts';
import { createLeaseVerifier } from '../../client/lease-verifier.ts';
import { eventually } from '../support/eventually.ts';
import { startNginx, whyNoNginx, type NginxServer } from '../support/nginx.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { startGateways, token, type GatewayFixture, type RunningGateway } from './support/gateways.ts';
import { Caller } from './support/player.ts';

const SETTINGS = { GATEWAY_TRUSTED_PROXIES: '127.0.0.1/32', ABUSE_NEVER_BLOCK: '127.0.0.1/32' };

describe('the typed client over HTTP', () => {
  let fixture: GatewayFixture;
  let gateway: RunningGateway;
  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways({
      caps: { account: 2 },
      overLimit: 'evictNamed',
      leaseMs: 5_000,
      heartbeatIntervalMs: 400,
    });
    gateway = await fixture.startGateway(SETTINGS);
  });
  after(() => fixture.stop());

  async function clientOf(url: string, userId: string): Promise<HttpSessionsClient> {
    return createHttpSessionsClient({ url, token: await token({ subject: userId }), timeoutMs: 5_000 });
  }

  function speaksTo(urlOf: () => string): void {
    it('holds a stream for longer than its lease, with leases that verify, until it is evicted', async () => {
      const userId = `Ünïcode/${randomUUID()}`;
      const client = await clientOf(urlOf(), userId);
      const leases: string[] = [];
      const held = await client.hold(
        userId,
        { deviceId: 'tv', contentId: 'film' },
        { onLease: (lease) => leases.push(lease) },
      );
      await eventually(() => assert.ok(leases.length >= 14), { timeoutMs: 20_000 });
      const verifier = createLeaseVerifier({ jwksUrl: new URL(`${urlOf()}/.well-known/jwks.json`) });
      const lease = await verifier.verify(leases.at(-1) ?? '', { userId, contentId: 'film' });
      assert.equal(lease.streamId, held.granted.stream.streamId);
      await fixture.sessions.evict(userId, { by: 'support', reason: 'asked to' });
      assert.partialDeepStrictEqual(await held.ended, { reason: 'evicted', evictor: { by: 'support' } });
    });

    it('throws the classes of the client on Temporal', async () => {
      const userId = randomUUID();
      const client = await clientOf(urlOf(), userId);
      for (const streamId of ['a', 'b']) await client.acquire(userId, { streamId, deviceId: 'tv' });
      await assert.rejects(client.acquire(userId, { streamId: 'c', deviceId: 'tv' }), (error: unknown) => {
        assert(error instanceof StreamLimitReachedError);
        assert.deepEqual(
          error.conflicts.map(({ streamId }) => streamId),
          ['a', 'b'],
        );
        return true;
      });
      await client.acquire(userId, { streamId: 'c', deviceId: 'phone', evict: ['a'] });
      const [a, b] = await client.heartbeat(userId, ['a', 'b']);
      assert(a && !a.alive && a.end.reason === 'evicted');
      assert(b?.alive);
      await client.release(userId, 'b');
      await client.release(userId, 'b');
      await assert.rejects(client.acquire(userId, { streamId: 'b', deviceId: 'tv' }), StreamEndedError);
      const view = await client.list(userId);
      assert.deepEqual([view.active.map(({ streamId }) => streamId), view.limit], [['c'], 2]);
    });

    it('says who is blocked and why', async () => {
      const userId = randomUUID();
      const client = await clientOf(urlOf(), userId);
      assert.equal((await client.list(userId)).slots, 0);
      const operator = new Caller({ subject: 'ops', scope: 'blacklist' });
      const url = `${gateway.url}/v1/blacklist/user/${userId}`;
      await operator.send(url, { method: 'PUT', body: { reason: 'shares the account', expiresInSeconds: 60 } });
      await assert.rejects(client.list(userId), (error: unknown) => {
        assert(error instanceof BlockedError);
        assert.equal(error.reason, 'shares the account');
        return true;
      });
      await operator.send(url, { method: 'DELETE' });
      assert.equal((await client.list(userId)).slots, 0);
    });
  }

  describe('directly', () => {
    speaksTo(() => gateway.url);

    it('tells a held stream of a blocked token at once, and of an expired one when its lease is over', async () => {
      const exact = await fixture.startGateway({ ...SETTINGS, JWT_CLOCK_TOLERANCE_SECONDS: '0' });
      const hold = async (expiresIn: string, jti: string) => {
        const subject = randomUUID();
        const own = await token({ subject, claims: { jti }, expiresIn });
        return await createHttpSessionsClient({ url: exact.url, token: own }).hold(subject, { deviceId: 'tv' });
      };
      const expiring = await hold('2s', randomUUID());
      const jti = randomUUID();
      const blocked = await hold('10m', jti);
      const operator = new Caller({ subject: 'ops', scope: 'blacklist' });
      const url = `${exact.url}/v1/blacklist/token/${jti}`;
      await operator.send(url, { method: 'PUT', body: { reason: 'leaked' } });
      assert.deepEqual(await blocked.ended, { reason: 'blocked', because: 'leaked' });
      await operator.send(url, { method: 'DELETE' });
      assert.deepEqual(await expiring.ended, { reason: 'unauthenticated', because: 'expired' });
      await exact.close();
    }).timeout(60_000);
  });

  describe('through nginx', () => {
    const trusted = getCACertificates();
    let nginx: NginxServer;
    before(async function () {
      skipWhereMissing(this, whyNoNginx());
      const [port, admission] = [gateway.url, gateway.adminUrl].map((address) => Number(new URL(address).port));
      nginx = await startNginx({ gateways: [port ?? 0], admissions: [admission ?? 0] });
      setDefaultCACertificates([...trusted, nginx.certificate]);
    });
    after(async () => {
      setDefaultCACertificates(trusted);
      await nginx?.stop();
    });
    const url = (): string => `https://localhost:${nginx.port}`;

    speaksTo(url);

    it('lets no refused request reach the routes of the gateway', async () => {
      const path = `/v1/users/${randomUUID()}/streams`;
      const refused = await fetch(url() + path, { headers: { authorization: 'Bearer nonsense' } });
      assert.equal(refused.status, 401);
      const problem: unknown = await refused.json();
      assert.partialDeepStrictEqual(problem, { type: 'urn:stream-sessions:problem:unauthenticated', status: 401 });
      assert.equal(await requestsOf('GET', '/v1/users/:userId/streams', '401'), 0);
      assert.ok((await requestsOf('GET', '/v1/users/:userId/streams', '200')) > 0, 'others did');
    });

    it('shows the documentation to everybody and the metrics to nobody outside', async () => {
      assert.equal((await fetch(`${url()}/docs/`)).status, 200);
      for (const path of ['/metrics', '/internal/admission', '/diagnostics', '/readyz']) {
        assert.equal((await fetch(url() + path)).status, 404, path);
      }
    });

    it('counts an address by what nginx saw, whatever the caller claims', async () => {
      const userId = randomUUID();
      const caller = new Caller({ subject: userId });
      const forged = { 'x-forwarded-for': '203.0.113.7', 'x-real-ip': '203.0.113.7' };
      const operator = new Caller({ subject: 'ops', scope: 'blacklist' });
      const block = `${gateway.url}/v1/blacklist/address/203.0.113.7`;
      await operator.send(block, { method: 'PUT', body: { reason: 'test' } });
      const answer = await caller.send(`${url()}/v1/users/${userId}/streams`, { headers: forged });
      assert.equal(answer.status, 200);
      await operator.send(block, { method: 'DELETE' });
    });

    async function requestsOf(method: string, route: string, status: string): Promise<number> {
      const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      const labels = `{method="${method}",route="${route}",status="${status}"}`;
      const line = text.split('\n').find((each) => each.startsWith(`gateway_request_duration_seconds_count${labels}`));
      return Number(line?.split(' ')[1] ?? 0);
    }
  });
});
