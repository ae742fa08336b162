import assert from 'node:assert/strict';
import { readAccessClaims } from '../../gateway/auth/caller.ts';
import { createTokenVerifier } from '../../gateway/auth/token-verifier.ts';
import { VerifiedTokens } from '../../gateway/auth/verified-tokens.ts';
import { eventually } from '../support/eventually.ts';
import { bearer, claims, craft, hs256, issuerKey, now, refusedAs, SECRET } from './support/tokens.ts';

describe('tokens that were verified before', () => {
  it('are refused once they have expired', async () => {
    const verifier = createTokenVerifier({ secret: SECRET, clockToleranceSeconds: 0 });
    const token = bearer(hs256(claims({ exp: now() + 2 })));
    await verifier.verify(token);
    await verifier.verify(token);
    await eventually(() => assert.rejects(verifier.verify(token), refusedAs('expired')));
  });

  it('are refused once they are revoked', async () => {
    let revoked = false;
    const verifier = createTokenVerifier({ secret: SECRET, isRevoked: () => revoked });
    const token = bearer(hs256(claims()));
    await verifier.verify(token);
    revoked = true;
    await assert.rejects(verifier.verify(token), refusedAs('revoked'));
  });

  it('vouch for no other signature, and for no other claims', async () => {
    const verifier = createTokenVerifier({ secret: SECRET });
    const header = { alg: 'HS256', typ: 'JWT' };
    const payload = claims();
    const token = craft(header, payload);
    await verifier.verify(bearer(token));
    await assert.rejects(
      verifier.verify(bearer(craft(header, payload, 'of somebody else'))),
      refusedAs('badSignature'),
    );
    const forged = [
      ...craft(header, { ...payload, sub: 'bob' })
        .split('.')
        .slice(0, 2),
      token.split('.')[2],
    ].join('.');
    await assert.rejects(verifier.verify(bearer(forged)), refusedAs('badSignature'));
    assert.equal((await verifier.verify(bearer(token))).subject, 'alice');
  });

  it('tell who asks as before, of key sets with and without key ids', async () => {
    const keys = [await issuerKey(undefined), await issuerKey(undefined), await issuerKey('named', 'EdDSA')];
    const verifier = createTokenVerifier({ jwks: { keys: keys.map(({ jwk }) => jwk) } });
    for (const [index, key] of keys.entries()) {
      const token = bearer(await key.sign(claims({ sub: `user-${index}`, plan: 'family' })));
      for (let turn = 0; turn < 3; turn += 1) {
        const { subject, plan } = await verifier.verify(token);
        assert.deepEqual([subject, plan], [`user-${index}`, 'family']);
      }
    }
  });
});

describe('memory of verified tokens', () => {
  const known = readAccessClaims(claims(), { toleranceSeconds: 5, scopeClaims: ['scope'] });

  const setUp = (maxTokens?: number) => {
    const clock = { nowMs: 1_000 };
    const tokens = new VerifiedTokens(maxTokens, () => clock.nowMs);
    const current = { key: {} };
    const keep = (token: string): void => {
      const currentKey = () => Promise.resolve(current.key);
      tokens.keep(token, { claims: known, key: current.key, currentKey, acceptedUntilMs: 5_000 });
    };
    return { clock, tokens, current, keep };
  };

  it('answers from the moment of the check until the token expires, and at no other time', async () => {
    for (const [nowMs, answer] of [
      [1_000, known],
      [4_999, known],
      [5_000, undefined],
      [999, undefined],
    ] as const) {
      const { clock, tokens, keep } = setUp();
      keep('token');
      clock.nowMs = nowMs;
      assert.equal(await tokens.find('token'), answer, String(nowMs));
    }
  });

  it('forgets a token whose key is another one now, or cannot be had', async () => {
    const { tokens, current, keep } = setUp();
    keep('token');
    current.key = {};
    assert.equal(await tokens.find('token'), undefined);
    assert.equal(tokens.size, 0);
    const currentKey = () => Promise.reject(new Error('no keys'));
    tokens.keep('token', { claims: known, key: {}, currentKey, acceptedUntilMs: 5_000 });
    assert.equal(await tokens.find('token'), undefined);
  });

  it('keeps the tokens that are used, and no more than it may', async () => {
    const { tokens, keep } = setUp(3);
    for (const token of ['a', 'b', 'c']) keep(token);
    await tokens.find('a');
    keep('d');
    assert.equal(tokens.size, 3);
    assert.equal(await tokens.find('b'), undefined);
    for (const token of ['a', 'c', 'd']) assert.equal(await tokens.find(token), known, token);
  });
});
