import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, importPKCS8, SignJWT } from 'jose';
import { createLeaseVerifier, InvalidLeaseError, type LeaseVerifier } from '../../client/lease-verifier.ts';
import { KeysUnavailableError } from '../../client/key-set.ts';
import { createTokenVerifier } from '../../gateway/auth/token-verifier.ts';
import { createLeaseSigner, type LeaseRequest } from '../../gateway/leases/lease-signer.ts';
import { bearer, claims, craft, now, refusedAs, startKeyHost } from './support/tokens.ts';

const WISH: LeaseRequest = { userId: 'alice', streamId: 's1', deviceId: 'tv', contentId: 'film', expiresInMs: 45_000 };

function newKey(): { readonly pem: string; readonly publicPem: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  return { pem: pemOf(privateKey), publicPem: publicPemOf(privateKey) };
}

function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}

function publicPemOf(key: KeyObject): string {
  return createPublicKey(pemOf(key)).export({ format: 'pem', type: 'spki' }).toString();
}

function rejects(verifying: Promise<unknown>, reason: string): Promise<void> {
  return assert.rejects(verifying, (error) => {
    assert.ok(error instanceof InvalidLeaseError);
    assert.equal(error.reason, reason);
    return true;
  });
}

describe('a lease', () => {
  const { pem, publicPem } = newKey();
  const signer = createLeaseSigner({ privateKey: pem, issuer: 'gateway' });
  const verifier: LeaseVerifier = createLeaseVerifier({ jwks: signer.jwks(), issuer: 'gateway' });
  /** A token of the lease's own key, with anything in it. */
  const forge = async (payload: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: 'EdDSA', typ: 'lease+jwt', kid: signer.keyId, ...header })
      .sign(await importPKCS8(pem, 'EdDSA'));
  const leaseClaims = (more: Record<string, unknown> = {}): Record<string, unknown> =>
    claims({ iss: 'gateway', aud: 'playback', sid: 's1', did: 'tv', iat: now(), ...more });

  it('says what may be played, where and until when', async () => {
    const before = Date.now();
    const lease = await verifier.verify(signer.sign(WISH));
    const { issuedAtMs, expiresAtMs, ...rest } = lease;
    assert.deepEqual(rest, { userId: 'alice', streamId: 's1', deviceId: 'tv', contentId: 'film' });
    assert.ok(expiresAtMs > before + 44_000 && expiresAtMs <= Date.now() + 45_000 && expiresAtMs % 1_000 === 0);
    assert.ok(issuedAtMs <= Date.now() && issuedAtMs > before - 1_000);
    const { contentId: _, ...untitled } = WISH;
    assert.ok(!('contentId' in (await verifier.verify(signer.sign(untitled)))));
    const odd = { ...untitled, userId: 'größe/"\n\u{1F600}' };
    assert.equal((await verifier.verify(signer.sign(odd))).userId, odd.userId);
  });

  it('is good for what it is for only', async () => {
    const lease = signer.sign(WISH);
    const { userId, streamId, deviceId, contentId } = WISH;
    assert.ok(await verifier.verify(lease, { userId, streamId, deviceId, contentId: contentId ?? '' }));
    assert.ok(await verifier.verify(lease, { streamId }));
    for (const other of [{ userId: 'Alice' }, { streamId: 's2' }, { deviceId: '' }, { userId, contentId: 'series' }])
      await rejects(verifier.verify(lease, other), 'mismatch');
    const { contentId: _, ...untitled } = WISH;
    await rejects(verifier.verify(signer.sign(untitled), { contentId: 'film' }), 'mismatch');
  });

  it('can be verified with the public key alone, as PEM or JWK', async () => {
    const [jwk] = signer.jwks().keys;
    assert.ok(jwk);
    for (const publicKey of [publicPem, jwk])
      assert.ok(await createLeaseVerifier({ publicKey }).verify(signer.sign(WISH)));
    const other = createLeaseVerifier({ publicKey: newKey().publicPem });
    await rejects(other.verify(signer.sign(WISH)), 'badSignature');
  });

  it('ends on time, however far the clock of the verifier may be trusted', async () => {
    const over = await forge(leaseClaims({ iat: now() - 60, exp: now() - 3 }));
    await rejects(verifier.verify(over), 'expired');
    const lenient = createLeaseVerifier({ jwks: signer.jwks(), clockToleranceSeconds: 10 });
    assert.ok(await lenient.verify(over));
    await rejects(verifier.verify(signer.sign({ ...WISH, expiresInMs: -1_001 })), 'expired');
    // The gateway's clock may be ahead: a lease of the future is as good as any.
    assert.ok(await verifier.verify(await forge(leaseClaims({ iat: now() + 600, exp: now() + 645 }))));
  });

  it('is no access token, and an access token is no lease', async () => {
    const access = createTokenVerifier({ jwks: signer.jwks() });
    await assert.rejects(access.verify(bearer(signer.sign(WISH))), refusedAs('wrongType'));
    const token = await forge(leaseClaims(), { typ: 'JWT' });
    assert.equal((await access.verify(bearer(token))).subject, 'alice');
    await rejects(verifier.verify(token), 'wrongType');
    await rejects(verifier.verify(await forge(leaseClaims(), { typ: 'at+jwt' })), 'wrongType');
    await rejects(verifier.verify(await forge(leaseClaims({ aud: 'gateway' }))), 'wrongAudience');
    await rejects(verifier.verify(await forge(leaseClaims({ iss: 'another' }))), 'wrongIssuer');
  });

  it('cannot be forged', async () => {
    const header = { typ: 'lease+jwt', kid: signer.keyId };
    const [head = '', payload = '', signature = ''] = signer.sign(WISH).split('.');
    await rejects(verifier.verify(craft({ ...header, alg: 'HS256' }, leaseClaims(), publicPem)), 'wrongAlgorithm');
    await rejects(verifier.verify(craft({ ...header, alg: 'none' }, leaseClaims())), 'wrongAlgorithm');
    await rejects(verifier.verify(`${head}.${payload}.`), 'malformed');
    const stretched = Buffer.from(JSON.stringify(leaseClaims({ exp: now() + 9_999 }))).toString('base64url');
    await rejects(verifier.verify(`${head}.${stretched}.${signature}`), 'badSignature');
    await rejects(
      verifier.verify(`${head}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`),
      'badSignature',
    );
    await rejects(verifier.verify(`${head}.${payload}.${signature}=`), 'malformed');
    const stranger = createLeaseSigner({ issuer: 'gateway' });
    await rejects(verifier.verify(stranger.sign(WISH)), 'unknownKey');
    await rejects(
      verifier.verify(createLeaseSigner({ issuer: 'gateway', keyId: signer.keyId }).sign(WISH)),
      'badSignature',
    );
    for (const text of ['', 'x', 'a.b.c', 'x'.repeat(100_000)]) await rejects(verifier.verify(text), 'malformed');
  });

  it('is refused when something is missing in it', async () => {
    for (const more of [
      { sub: '' },
      { sid: undefined },
      { did: 7 },
      { cid: '' },
      { exp: undefined },
      { iat: undefined },
    ])
      await rejects(verifier.verify(await forge(leaseClaims(more))), 'malformed');
  });

  it('outlives the rotation of its key', async () => {
    const next = newKey();
    const host = await startKeyHost(...signer.jwks().keys);
    try {
      const edge = createLeaseVerifier({ jwksUrl: host.url, remote: { cooldownMs: 0 } });
      const old = signer.sign(WISH);
      assert.ok(await edge.verify(old));
      const rotated = createLeaseSigner({ privateKey: next.pem, issuer: 'gateway', otherPublicKeys: [publicPem] });
      host.keys = rotated.jwks().keys;
      assert.ok(await edge.verify(rotated.sign(WISH)));
      assert.ok(await edge.verify(old));
      host.behaviour = 'fail';
      assert.ok(await edge.verify(rotated.sign(WISH)));
      await assert.rejects(createLeaseVerifier({ jwksUrl: host.url }).verify(old), KeysUnavailableError);
    } finally {
      await host.stop();
    }
  });

  it('has a key that tells no secret, with a name that every gateway gives it', async () => {
    const again = createLeaseSigner({ privateKey: pem, issuer: 'gateway' });
    assert.deepEqual(again.jwks(), signer.jwks());
    assert.deepEqual(Object.keys(signer.jwks().keys[0] ?? {}).toSorted(), ['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    assert.equal(signer.keyId, await calculateJwkThumbprint(signer.jwks().keys[0] ?? {}));
    assert.equal(signer.generated, false);
    const [one, two] = [createLeaseSigner({ issuer: 'a' }), createLeaseSigner({ issuer: 'a' })];
    assert.ok(one.generated && one.keyId !== two.keyId);
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    assert.throws(() => createLeaseSigner({ issuer: 'a', privateKey: pemOf(rsa) }), TypeError);
    assert.throws(() => createLeaseSigner({ issuer: 'a', privateKey: 'no key' }));
  });
});
