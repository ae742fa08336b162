import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLeaseVerifier } from '../../client/lease-verifier.ts';
import { eventually } from '../support/eventually.ts';
import { startGateways, type GatewayFixture, type RunningGateway } from './support/gateways.ts';
import { Caller, Player, streamIdOf } from './support/player.ts';

describe('the gateway', () => {
  let fixture: GatewayFixture;
  let gateway: RunningGateway;
  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways({
      caps: { account: 2 },
      overLimit: 'evictNamed',
      plans: { family: { account: 5 } },
      // Beats of a slow machine come seconds late; a stream must not be lost for that.
      leaseMs: 5_000,
      heartbeatIntervalMs: 500,
    });
    gateway = await fixture.startGateway();
  });
  after(() => fixture.stop());

  function player(claims: Readonly<Record<string, unknown>> = {}): Player {
    return new Player(gateway.url, `ann/${randomUUID()}`, claims);
  }

  it('grants a slot, keeps it by beats and frees it', async () => {
    const ann = player();
    const granted = await ann.acquire({ streamId: 'a', deviceType: 'tv', contentId: 'film' });
    assert.equal(granted.status, 201);
    assert.match(granted.headers.get('x-request-id') ?? '', /^[\w-]{36}$/);
    assert.equal(granted.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(granted.headers.get('cache-control'), 'no-store');
    const { stream, expiresInMs, heartbeatIntervalMs, active, limit } = granted.body;
    assert.deepEqual([expiresInMs, heartbeatIntervalMs, active, limit], [4_500, 500, 1, 2]);
    assert.partialDeepStrictEqual(stream, { streamId: 'a', deviceId: 'tv', deviceType: 'tv', contentId: 'film' });
    const beat = await ann.beat('a');
    assert.equal(beat.status, 200);
    assert.deepEqual([beat.body['expiresInMs'], beat.body['heartbeatIntervalMs']], [4_500, 500]);
    const listed = await ann.list();
    assert.equal(listed.status, 200);
    assert.partialDeepStrictEqual(listed.body, { limit: 2, slots: 1, active: [{ streamId: 'a' }] });
    assert.equal((await ann.release('a')).status, 204);
    assert.equal((await ann.release('a')).status, 204);
    const gone = await ann.beat('a');
    assert.deepEqual([gone.status, gone.body['reason']], [410, 'released']);
    assert.match(gone.headers.get('content-type') ?? '', /^application\/problem\+json/);
  });

  it('gives a lease with each grant and beat that verifies offline', async () => {
    const ann = player();
    const jwksUrl = new URL(`${gateway.url}/.well-known/jwks.json`);
    const verifier = createLeaseVerifier({ jwksUrl, issuer: 'stream-sessions' });
    const granted = await ann.acquire({ streamId: 'a', contentId: 'film' });
    const beat = await ann.beat('a');
    for (const { lease } of [granted.body, beat.body]) {
      const verified = await verifier.verify(String(lease), { userId: ann.userId, streamId: 'a', contentId: 'film' });
      assert.equal(verified.deviceId, 'tv');
    }
  });

  it('names the streams in the way, and ends the one that is named, whose player is told by whom', async () => {
    const ann = player();
    await ann.acquire({ streamId: 'a' });
    await ann.acquire({ streamId: 'b' });
    const refused = await ann.acquire({ streamId: 'c' });
    assert.equal(refused.status, 409);
    assert.partialDeepStrictEqual(refused.body, {
      type: 'urn:stream-sessions:problem:stream-limit-reached',
      conflicts: [{ streamId: 'a' }, { streamId: 'b' }],
      active: 2,
      limit: 2,
    });
    const granted = await ann.acquire({ streamId: 'c', deviceId: 'phone', evict: ['a'] });
    assert.equal(granted.status, 201);
    const told = await ann.beat('a');
    assert.partialDeepStrictEqual(told, {
      status: 410,
      body: { reason: 'evicted', evictor: { kind: 'stream', deviceId: 'phone', streamId: 'c' } },
    });
  });

  it('tells the loser at once when a stream is ended directly on Temporal', async () => {
    const ann = player();
    await ann.acquire({ streamId: 'a' });
    await fixture.sessions.evict(ann.userId, { streamIds: ['a'], by: 'support', reason: 'asked to' });
    await eventually(async () => {
      const told = await ann.beat('a');
      assert.partialDeepStrictEqual(told.body, { reason: 'evicted', evictor: { by: 'support', reason: 'asked to' } });
    });
  });

  it('tells the players when their account is cancelled', async () => {
    const ann = player();
    await ann.acquire({ streamId: 'a' });
    await fixture.handle(ann.userId).cancel();
    await eventually(async () => {
      const told = await ann.beat('a');
      assert.partialDeepStrictEqual(told.body, { reason: 'evicted', evictor: { reason: 'the account was cancelled' } });
    });
    assert.equal((await ann.acquire({ streamId: 'b' })).status, 201, 'and starts anew');
  });

  it('frees the slot of a player that crashed, within its lease, and tells its late beat why', async () => {
    const ann = player();
    await ann.acquire({ streamId: 'a' });
    // Seldom enough for the user limit.
    const patient = { timeoutMs: 25_000, intervalMs: 250 };
    await eventually(async () => assert.deepEqual((await ann.list()).body['active'], []), patient);
    const late = await ann.beat('a');
    assert.deepEqual([late.status, late.body['reason']], [410, 'expired']);
    const again = await ann.acquire({ streamId: 'a' });
    assert.deepEqual([again.status, again.body['reason']], [410, 'expired']);
  }).timeout(60_000);

  it('keeps a stream that beats for longer than its lease, without a message to its account', async () => {
    const ann = player();
    await ann.acquire({ streamId: 'a' });
    const { historyLength } = await fixture.handle(ann.userId).describe();
    for (let beats = 0; beats < 24; beats++) {
      await sleep(250);
      assert.equal((await ann.beat('a')).status, 200);
    }
    assert.equal((await fixture.handle(ann.userId).describe()).historyLength, historyLength);
  });

  it('answers a retry with the same key with the same stream', async () => {
    const ann = player();
    const key = { 'idempotency-key': randomUUID() };
    const [first, second] = await Promise.all([ann.acquire({}, key), ann.acquire({}, key)]);
    const third = await ann.acquire({}, { 'idempotency-key': `"${key['idempotency-key']}"` });
    assert.deepEqual([first, second, third].map(streamIdOf), Array(3).fill(streamIdOf(first)));
    assert.equal((await ann.list()).body['slots'], 1);
  });

  it('takes the plan from the token alone', async () => {
    const ann = player({ plan: 'family' });
    assert.equal((await ann.acquire()).body['limit'], 5);
    const bob = player();
    const refused = await bob.acquire({ plan: 'family' });
    assert.equal(refused.status, 400);
    assert.match(String(refused.body['detail']), /plan/);
  });

  it('signs a user out everywhere', async () => {
    const ann = player();
    await ann.acquire({ streamId: 'a' });
    await ann.acquire({ streamId: 'b' });
    const evicted = await ann.evict({ reason: 'lost my phone' });
    assert.equal(evicted.status, 200);
    for (const id of ['a', 'b']) {
      const told = await ann.beat(id);
      assert.partialDeepStrictEqual(told.body, { evictor: { by: ann.userId, reason: 'lost my phone' } });
    }
  });

  it('lets a user act for itself only, and a service for anyone', async () => {
    const ann = player();
    const url = `${gateway.url}/v1/users/${encodeURIComponent(ann.userId)}/streams`;
    assert.equal((await new Caller({ subject: 'mallory' }).send(url)).status, 403);
    assert.equal((await new Caller({ scope: 'other streams' }).send(url)).status, 200);
    assert.equal((await fetch(url)).status, 401);
  });

  it('says what is wrong with a request', async () => {
    const ann = player();
    const long = await ann.acquire({ deviceId: 'x'.repeat(256) });
    assert.partialDeepStrictEqual(long, { status: 400, body: { errors: [{ path: 'deviceId' }] } });
    assert.equal((await ann.acquire({ deviceId: '' })).status, 400);
    assert.equal((await ann.acquire({ streamId: 'a\u0000b' })).status, 400);
    assert.equal((await ann.acquire({ deviceId: 'x'.repeat(20_000) })).status, 413);
    assert.equal((await ann.acquire({}, { 'content-type': 'text/plain' })).status, 415);
    assert.equal((await ann.acquire({ surprise: 1 })).status, 400);
    assert.equal((await ann.beat('never was')).body['reason'], 'unknown');
    const missing = await new Caller({ subject: ann.userId }).send(`${gateway.url}/v2/nothing`);
    assert.partialDeepStrictEqual(missing, { status: 404, body: { type: 'urn:stream-sessions:problem:not-found' } });
  });

  it('describes itself', async () => {
    const { body: api } = await new Caller({}).send(`${gateway.url}/openapi.json`);
    const paths = { '/v1/users/{userId}/streams': {}, '/stream/{userId}/{streamId}': {} };
    assert.partialDeepStrictEqual(api, { openapi: '3.1.0', paths });
    for (const path of ['/docs', '/healthz', '/readyz']) {
      assert.equal((await fetch(gateway.url + path)).status, 200, path);
    }
  });

  it('shows metrics and admission to those on its admin listener alone', async () => {
    for (const path of ['/metrics', '/internal/admission', '/diagnostics']) {
      assert.equal((await fetch(gateway.url + path)).status, 404, path);
    }
    assert.match(await (await fetch(`${gateway.adminUrl}/metrics`)).text(), /^gateway_watched_streams \d/m);
    assert.equal((await fetch(`${gateway.adminUrl}/internal/admission`)).status, 204);
  });
});
