import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  createMemoryOneTimeTokens,
  createRedisOneTimeTokens,
  type OneTimeTokens,
} from '../../gateway/auth/token-memory.ts';
import { createTokenVerifier, type TokenVerifier } from '../../gateway/auth/token-verifier.ts';
import { connectRedis, StoreUnavailableError, type SharedRedis } from '../../gateway/redis/connection.ts';
import { eventually } from '../support/eventually.ts';
import { startRedisServer, whyNoRedis, type RedisServer } from '../support/redis-server.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { bearer, claims, hs256, refusedAs, SECRET } from './support/tokens.ts';

const verifierWith = (oneTimeTokens: OneTimeTokens): TokenVerifier =>
  createTokenVerifier({ secret: SECRET, oneTimeTokens });
const once = (more: Record<string, unknown> = {}): string =>
  bearer(hs256(claims({ one_time: true, jti: randomUUID(), ...more })));

describe('one-time tokens', () => {
  it('are accepted once, others as often as they come', async () => {
    const verifier = verifierWith(createMemoryOneTimeTokens());
    const token = once();
    assert.equal((await verifier.verify(token)).subject, 'alice');
    await assert.rejects(verifier.verify(token), refusedAs('replayed'));
    const usual = bearer(hs256(claims({ one_time: false, jti: 'usual' })));
    for (let index = 0; index < 3; index++) await verifier.verify(usual);
  });

  it('of two issuers may have the same id', async () => {
    const verifier = verifierWith(createMemoryOneTimeTokens());
    for (const iss of ['a', 'b', undefined]) await verifier.verify(once({ iss, jti: 'same' }));
    for (const iss of ['a', 'b', undefined])
      await assert.rejects(verifier.verify(once({ iss, jti: 'same', sub: 'bob' })), refusedAs('replayed'));
  });

  it('are not used up by a request that is refused', async () => {
    let revoked = true;
    const verifier = createTokenVerifier({ secret: SECRET, isRevoked: () => revoked });
    const token = once();
    await assert.rejects(verifier.verify(token), refusedAs('revoked'));
    revoked = false;
    await verifier.verify(token);
    await assert.rejects(verifier.verify(token), refusedAs('replayed'));
  });

  it('are forgotten only when they have expired', async () => {
    let now = 1_000_000;
    const tokens = createMemoryOneTimeTokens({ maxTokens: 2, clock: () => now });
    assert.ok(await tokens.consume('a', now + 30_000));
    assert.ok(await tokens.consume('b', now + 300_000));
    await assert.rejects(tokens.consume('c', now + 30_000), StoreUnavailableError);
    now += 80_000;
    assert.ok(!(await tokens.consume('a', now)), 'another clock may be a minute behind');
    now += 20_000;
    assert.ok(await tokens.consume('c', now + 30_000));
    assert.ok(!(await tokens.consume('b', now)));
  });
});

describe('one-time tokens of several gateways', function () {
  let server: RedisServer;
  const replicas: SharedRedis[] = [];

  before(async function () {
    skipWhereMissing(this, whyNoRedis());
    server = await startRedisServer();
  });
  after(async () => {
    for (const redis of replicas) redis.disconnect();
    await server?.kill();
  });

  const replica = async (): Promise<TokenVerifier> => {
    const redis = connectRedis(server.url, { warn: () => undefined, info: () => undefined });
    replicas.push(redis);
    await eventually(() => redis.ping());
    return verifierWith(createRedisOneTimeTokens(redis));
  };

  it('are accepted by one of them, however close together they come, and by none after a restart', async () => {
    const gateways = await Promise.all([replica(), replica(), replica()]);
    for (let round = 0; round < 30; round++) {
      const token = once();
      const outcomes = await Promise.allSettled(gateways.map((gateway) => gateway.verify(token)));
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') assert.ok(refusedAs('replayed')(outcome.reason));
      await assert.rejects((await replicaAgain()).verify(token), refusedAs('replayed'));
    }
  });

  let restarted: TokenVerifier | undefined;
  const replicaAgain = async (): Promise<TokenVerifier> => (restarted ??= await replica());

  it('take up room only until they expire', async () => {
    const gateway = await replica();
    await gateway.verify(once({ exp: Math.floor(Date.now() / 1_000) + 100 }));
    const [redis] = replicas;
    assert.ok(redis);
    const ages = await Promise.all((await redis.keys('*one-time*')).map((key) => redis.pttl(key)));
    assert.ok(ages.length > 0);
    for (const age of ages) assert.ok(age > 60_000 && age <= 170_000, `${age} ms`);
    await gateway.verify(once({ exp: 8_640_000_000_000 }));
  });

  it('are neither accepted nor called used while the store does not answer', async () => {
    const gateway = await replica();
    const token = once();
    server.freeze();
    await assert.rejects(gateway.verify(token), StoreUnavailableError);
    server.thaw();
    await server.kill();
    await assert.rejects(gateway.verify(once()), StoreUnavailableError);
    assert.equal((await gateway.verify(bearer(hs256(claims())))).subject, 'alice');
    await server.restart();
    await eventually(async () => assert.equal((await gateway.verify(once())).subject, 'alice'));
  });
});
