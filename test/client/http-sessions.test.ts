import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  createHttpSessionsClient,
  type HttpSessionsClient,
  type HttpSessionsClientOptions,
} from '../../client/http-sessions.ts';
import {
  BlockedError,
  InvalidSessionRequestError,
  NotAllowedError,
  NotAuthenticatedError,
  RateLimitedError,
  SessionsUnavailableError,
  StreamEndedError,
  StreamIdTakenError,
  StreamLimitReachedError,
  type UnansweredError,
} from '../../client/session-errors.ts';
import { policyWith, wish } from '../sessions/support/policies.ts';
import { eventually } from '../support/eventually.ts';
import { problemBody, startStandInGateway, type Fault, type StandInGateway } from './support/stand-in-gateway.ts';

const TOKEN = 'header.payload.signature';
const unavailable: Fault = { status: 503, headers: { 'retry-after': '0' }, body: problemBody(503, 'unavailable') };

describe('sessions over HTTP', () => {
  let gateway: StandInGateway;
  let sessions: HttpSessionsClient;
  const connect = (options: Partial<HttpSessionsClientOptions> = {}): HttpSessionsClient =>
    createHttpSessionsClient({ url: gateway.url, token: TOKEN, ...options });

  beforeEach(async () => {
    gateway = await startStandInGateway(policyWith());
    sessions = connect();
  });
  afterEach(() => gateway.stop());

  it('take slots, keep them, list them and free them', async () => {
    const userId = 'größe/%2e?#\u{1F600}';
    const { stream, lease, ...rest } = await sessions.acquire(userId, wish('one/two', { contentId: 'film' }));
    assert.deepEqual([stream.streamId, stream.contentId, rest.active, rest.limit], ['one/two', 'film', 1, 3]);
    assert.ok(lease?.startsWith('lease of one/two'));
    assert.ok(!('later' in rest) && rest.outcome === 'granted' && !rest.repeated);
    const { streamId: made } = (await sessions.acquire(userId, { deviceId: 'tv' })).stream;
    const beats = await sessions.heartbeat(userId, ['one/two', 'nobody', made]);
    assert.deepEqual(
      beats.map((beat) => [beat.streamId, beat.alive]),
      [
        ['one/two', true],
        ['nobody', false],
        [made, true],
      ],
    );
    assert.deepEqual(beats[1], { streamId: 'nobody', alive: false, end: { reason: 'unknown' } });
    await sessions.release(userId, { streamId: 'one/two' });
    await sessions.release(userId, 'one/two');
    const { active, ended, limit } = await sessions.list(userId);
    assert.deepEqual([active.map(({ streamId }) => streamId), ended[0]?.end.reason, limit], [[made], 'released', 3]);
    const { evicted, notActive } = await sessions.evict(userId, { streamIds: [made, 'nobody'], by: 'carol' });
    assert.deepEqual([evicted.length, notActive], [1, [{ streamId: 'nobody' }]]);
    const [beat] = await sessions.heartbeat(userId, made);
    const evictor = { kind: 'operator', by: 'carol' };
    assert.deepEqual(beat, { streamId: made, alive: false, end: { reason: 'evicted', evictor } });
    for (const { token } of gateway.requests) assert.equal(token, `Bearer ${TOKEN}`);
  });

  it('throw what the ones on Temporal throw', async () => {
    gateway.policy = policyWith({ caps: { account: 1 } });
    await sessions.acquire('alice', wish('one'));
    await assert.rejects(sessions.acquire('alice', wish('two')), (error) => {
      assert.ok(error instanceof StreamLimitReachedError);
      assert.deepEqual([error.conflicts[0]?.streamId, error.violation.limit], ['one', 1]);
      return true;
    });
    await assert.rejects(sessions.acquire('alice', wish('one', { deviceId: 'other' })), StreamIdTakenError);
    await sessions.release('alice', 'one');
    await assert.rejects(
      sessions.acquire('alice', wish('one')),
      (error) => error instanceof StreamEndedError && error.streamId === 'one' && error.end.reason === 'released',
    );
  });

  it('tell refusals apart by what a caller can do', async () => {
    const refusal = (status: number, code: string, more = {}): Fault => ({
      status,
      body: problemBody(status, code, more),
    });
    const failure = async (fault: Fault): Promise<unknown> => {
      gateway.faults.push(fault);
      return sessions.list('alice').then(
        () => assert.fail('no error'),
        (error: unknown) => error,
      );
    };
    const unknown = await failure(refusal(401, 'unauthenticated', { reason: 'expired' }));
    assert.ok(unknown instanceof NotAuthenticatedError && unknown.reason === 'expired');
    assert.ok((await failure(refusal(403, 'forbidden'))) instanceof NotAllowedError);
    const expiresAt = '2030-01-01T00:00:00.000Z';
    const blocked = await failure(refusal(403, 'blocked', { reason: 'chargeback', expiresAt }));
    assert.ok(blocked instanceof BlockedError && blocked.reason === 'chargeback' && blocked.expiresAt === expiresAt);
    const invalid = await failure(refusal(400, 'invalid-request', { errors: [] }));
    assert.ok(invalid instanceof InvalidSessionRequestError && invalid.message === 'it is invalid-request (400)');
    for (const status of [302, 404, 413]) {
      const fault = { status, headers: { location: 'http://127.0.0.1:1/' }, body: '<html>' };
      assert.ok((await failure(fault)) instanceof InvalidSessionRequestError, String(status));
    }
    assert.ok((await failure({ status: 401, body: '<html>' })) instanceof NotAuthenticatedError);
    assert.ok((await failure({ status: 403, body: { type: 7 } })) instanceof NotAllowedError);
    assert.ok((await failure({ status: 409, body: problemBody(409, 'stream-limit-reached') })) instanceof Error);
    assert.ok((await failure({ status: 200, body: { hello: 'proxy' } })) instanceof SessionsUnavailableError);
    assert.equal(gateway.requests.length, 11);
  });

  it('come through answers that were lost and connections that broke, with one slot taken', async () => {
    gateway.policy = policyWith({ caps: { account: 1 } });
    gateway.faults.push('loseAnswer', 'drop', unavailable, { status: 502, body: '<html>' }, { status: 408 });
    const granted = await sessions.acquire('alice', { deviceId: 'tv' });
    assert.ok(granted.repeated);
    assert.equal(gateway.requests.length, 6);
    const [{ key } = { key: undefined }] = gateway.requests;
    assert.ok(key !== undefined && gateway.requests.every((request) => request.key === key));
    gateway.faults.push('loseAnswer', unavailable);
    await sessions.release('alice', granted.stream.streamId);
    assert.deepEqual((await sessions.list('alice')).active, []);
  });

  it('use the request id of their caller as the key', async () => {
    const first = await sessions.acquire('alice', { deviceId: 'tv', requestId: 'playback 1' });
    const again = await sessions.acquire('alice', { deviceId: 'tv', requestId: 'playback 1' });
    assert.ok(again.repeated && again.stream.streamId === first.stream.streamId);
  });

  it('wait as long as they are told, and give up when that is too long', async () => {
    const began = performance.now();
    gateway.faults.push({ status: 429, headers: { 'retry-after': '1' }, body: problemBody(429, 'rate-limited') });
    await sessions.list('alice');
    assert.ok(performance.now() - began >= 1_000);
    const date = new Date('2001-01-01T00:00:00Z').toUTCString();
    const later = new Date('2001-01-01T00:01:00Z').toUTCString();
    for (const headers of [{ 'retry-after': '60' }, { 'retry-after': later, date }]) {
      gateway.faults.push({ status: 429, headers, body: problemBody(429, 'rate-limited') });
      await assert.rejects(
        sessions.list('alice'),
        (error) => error instanceof RateLimitedError && error.retryAfterMs === 60_000,
      );
    }
    gateway.faults.push({ status: 503, headers: { 'retry-after': '60' } });
    await assert.rejects(sessions.list('alice'), SessionsUnavailableError);
  });

  it('end in time when nobody answers, and try another connection before', async () => {
    const hasty = connect({ timeoutMs: 6_000 });
    gateway.faults.push('hang');
    await hasty.list('alice');
    gateway.faults.push('hang', 'hang', 'hang', 'hang');
    await assert.rejects(hasty.list('alice'), SessionsUnavailableError);
    assert.ok(gateway.requests.length >= 4);
    await assert.rejects(
      connect({ url: 'http://127.0.0.1:1', timeoutMs: 300 }).list('alice'),
      SessionsUnavailableError,
    );
  });

  it('ask for a token before each try, and show it to nobody', async () => {
    let asked = 0;
    const renewing = connect({ token: async () => `token-${++asked}` });
    gateway.faults.push(unavailable);
    await renewing.list('alice');
    assert.deepEqual(
      gateway.requests.map(({ token }) => token),
      ['Bearer token-1', 'Bearer token-2'],
    );
    const failing = connect({ token: () => Promise.reject(new Error('no issuer')), timeoutMs: 200 });
    await assert.rejects(failing.list('alice'), SessionsUnavailableError);
    const silent = connect({ token: () => new Promise(() => undefined), timeoutMs: 200 });
    await assert.rejects(silent.list('alice'), SessionsUnavailableError);
    for (const token of ['secret\nx', '', 'sécret']) {
      await assert.rejects(connect({ token }).list('alice'), (error) => {
        assert.ok(error instanceof NotAuthenticatedError && error.cause === undefined);
        return !error.message.includes('cret');
      });
    }
  });

  it('refuse what HTTP cannot carry before anything is sent', async () => {
    for (const id of ['', '.', '..', '\uD800']) {
      await assert.rejects(sessions.list(id), InvalidSessionRequestError);
      await assert.rejects(sessions.release('alice', id), InvalidSessionRequestError);
      await assert.rejects(sessions.heartbeat('alice', ['one', id]), InvalidSessionRequestError);
    }
    for (const more of [{ mode: 'counted' }, { requestId: 'ключ' }, { requestId: 'a\nb' }] as const)
      await assert.rejects(sessions.acquire('alice', wish('one', more)), InvalidSessionRequestError);
    assert.ok(gateway.requests.every(({ url }) => url.endsWith('/streams/one/heartbeat')));
    for (const url of ['gateway', 'ftp://gateway', 'http://user:password@gateway'])
      assert.throws(() => createHttpSessionsClient({ url, token: TOKEN }), TypeError);
  });

  it('find a gateway under a path', async () => {
    const apart = await startStandInGateway(policyWith(), '/play');
    try {
      for (const url of [apart.url, `${apart.url}/`]) await connect({ url }).list('alice');
    } finally {
      await apart.stop();
    }
  });

  it('say the plan of the subscriber, for services', async () => {
    gateway.policy = policyWith({ caps: { account: 1 }, plans: { family: { account: 5 } } });
    assert.equal((await sessions.acquire('alice', wish('one', { plan: 'family' }))).limit, 5);
  });

  it('play another content in the same slot', async () => {
    gateway.policy = policyWith({ caps: { account: 3, content: 1 } });
    for (const [streamId, contentId] of [['one', 'film'] as const, ['two', 'news'] as const])
      await sessions.acquire('alice', wish(streamId, { contentId }));
    const { lease, evicted } = await sessions.switchContent('alice', 'one', 'sport');
    assert.ok(lease?.startsWith('lease of one') && evicted.length === 0);
    await assert.rejects(sessions.switchContent('alice', 'one', 'news'), StreamLimitReachedError);
    await assert.rejects(sessions.switchContent('alice', 'nobody', 'film'), StreamEndedError);
    assert.deepEqual(
      (await sessions.list('alice')).active.map(({ contentId }) => contentId),
      ['sport', 'news'],
    );
  });

  it('beat for many streams of many accounts in few requests, each with its own answer', async () => {
    const users = Array.from({ length: 120 }, (_, index) => `user-${index}`);
    await Promise.all(users.map((userId) => sessions.acquire(userId, wish('one'))));
    const before = gateway.requests.length;
    const beats = await sessions.heartbeats([
      ...users.map((userId) => ({ userId, streamId: 'one' })),
      { userId: 'alice', streamId: 'nobody' },
      { userId: 'alice', streamId: 'limited' },
    ]);
    assert.equal(gateway.requests.length - before, 2);
    assert.ok(
      beats.slice(0, 120).every((beat, index) => 'alive' in beat && beat.alive && beat.userId === users[index]),
    );
    const [gone, limited] = beats.slice(120);
    assert.deepEqual(gone, { userId: 'alice', streamId: 'nobody', alive: false, end: { reason: 'unknown' } });
    assert(limited && 'error' in limited && limited.error instanceof RateLimitedError);
    assert.equal(limited.error.retryAfterMs, 2_000);
    assert.deepEqual(await sessions.heartbeats([]), []);
    const long = Array.from({ length: 40 }, () => ({ userId: 'x'.repeat(255), streamId: 'ж'.repeat(255) }));
    await sessions.heartbeats(long);
    assert.equal(gateway.requests.length - before, 5, 'no body is above what a gateway takes');
  });

  it('hold a stream at the pace of the gateway, with ever new leases, through refusals', async () => {
    gateway.policy = policyWith({ leaseMs: 20_000, heartbeatIntervalMs: 100 });
    const [leases, unanswered]: [string[], UnansweredError[]] = [[], []];
    // Shorter than the wait that the first refusal asks for.
    const held = await connect({ timeoutMs: 900 }).hold('alice', wish('one'), {
      onLease: (lease) => leases.push(lease),
      onUnanswered: (error) => unanswered.push(error),
    });
    assert.equal(held.lease, held.granted.lease);
    gateway.faults.push(
      { status: 429, headers: { 'retry-after': '1' } },
      { status: 401, body: problemBody(401, 'unauthenticated', { reason: 'expired' }) },
      { status: 503, headers: { 'retry-after': '5' } },
    );
    await eventually(() => assert.ok(unanswered.length >= 3 && leases.length > 0 && gateway.faults.length === 0));
    assert.equal(held.lease, leases.at(-1));
    assert.ok(unanswered.some((error) => error instanceof NotAuthenticatedError));
    await sessions.evict('alice', { by: 'carol' });
    assert.deepEqual(await held.ended, { reason: 'evicted', evictor: { kind: 'operator', by: 'carol' } });
  });

  it('give a held stream up when nobody answers for a whole lease, however long the account keeps it', async () => {
    gateway.policy = policyWith({ leaseMs: 600, heartbeatIntervalMs: 150 });
    const held = await connect({ timeoutMs: 2_000 }).hold(randomUUID(), wish('one'));
    await gateway.stop();
    assert.deepEqual(await held.ended, { reason: 'unknown' });
  });
});
