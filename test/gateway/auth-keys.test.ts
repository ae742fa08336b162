import assert from 'node:assert/strict';
import { KeysUnavailableError } from '../../gateway/auth/errors.ts';
import { createTokenVerifier, type TokenVerifier } from '../../gateway/auth/token-verifier.ts';
import type { RemoteKeysOptions } from '../../client/key-set.ts';
import { eventually } from '../support/eventually.ts';
import { bearer, claims, hs256, issuerKey, refusedAs, SECRET, startKeyHost, type KeyHost } from './support/tokens.ts';

describe('keys of an issuer by URL', () => {
  const hosts: KeyHost[] = [];
  after(async () => {
    for (const host of hosts) await host.stop();
  });

  const setUp = async (
    remote: RemoteKeysOptions = {},
    behaviour: KeyHost['behaviour'] = 'serve',
  ): Promise<{ host: KeyHost; verifier: TokenVerifier; token: string }> => {
    const key = await issuerKey('first');
    const host = await startKeyHost(key.jwk);
    host.behaviour = behaviour;
    hosts.push(host);
    const verifier = createTokenVerifier({ jwksUrl: host.url, secret: SECRET, remote });
    return { host, verifier, token: bearer(await key.sign(claims())) };
  };

  it('are fetched once for many tokens that come at once, and not for those of the secret', async () => {
    const { host, verifier, token } = await setUp();
    await verifier.verify(bearer(hs256(claims())));
    assert.equal(host.requests, 0);
    await Promise.all(Array.from({ length: 50 }, () => verifier.verify(token)));
    assert.equal(host.requests, 1);
  });

  it('may be rotated while tokens come: none is refused', async () => {
    const { host, verifier, token } = await setUp({ cooldownMs: 0 });
    await verifier.verify(token);
    const second = await issuerKey('second', 'EdDSA');
    const fresh = bearer(await second.sign(claims()));
    const [[oldKey]] = [host.keys];
    assert.ok(oldKey);
    host.keys = [oldKey, second.jwk];
    const both = await Promise.all(
      Array.from({ length: 40 }, (_, index) => verifier.verify(index % 2 ? token : fresh)),
    );
    assert.equal(both.length, 40);
    assert.ok(host.requests >= 2 && host.requests < 10);
    assert.equal((await verifier.verify(token)).subject, 'alice');
  });

  it('are not asked for at each unknown key id', async () => {
    const { host, verifier, token } = await setUp({ cooldownMs: 60_000 });
    await verifier.verify(token);
    const stranger = await issuerKey('stranger');
    for (let index = 0; index < 20; index++) {
      const foreign = bearer(await stranger.sign(claims(), { kid: `kid-${index}` }));
      await assert.rejects(verifier.verify(foreign), refusedAs('unknownKey'));
    }
    assert.equal(host.requests, 1);
    await verifier.verify(token);
  });

  it('serve on while their host is away, hangs or talks nonsense, and are renewed when it is back', async () => {
    const { host, verifier, token } = await setUp({ maxAgeMs: 0, cooldownMs: 0, timeoutMs: 1_000 });
    await verifier.verify(token);
    const second = await issuerKey('second');
    const fresh = bearer(await second.sign(claims()));
    for (const behaviour of ['fail', 'hang', 'nonsense'] as const) {
      host.behaviour = behaviour;
      assert.equal((await verifier.verify(token)).subject, 'alice', behaviour);
      // Whether a key that nobody knows is new cannot be said now.
      await assert.rejects(verifier.verify(fresh), KeysUnavailableError, behaviour);
    }
    host.behaviour = 'serve';
    host.keys = [second.jwk];
    assert.equal((await verifier.verify(fresh)).subject, 'alice');
    await assert.rejects(verifier.verify(token), refusedAs('unknownKey'));
  });

  it('that were never had make the gateway unavailable, not the caller unknown', async () => {
    const { host, verifier, token } = await setUp({ timeoutMs: 1_000, cooldownMs: 20 }, 'hang');
    const failures = await Promise.allSettled(Array.from({ length: 20 }, () => verifier.verify(token)));
    for (const failure of failures)
      assert.ok(failure.status === 'rejected' && failure.reason instanceof KeysUnavailableError);
    assert.equal(host.requests, 1);
    await assert.rejects(verifier.verify(bearer('e30.e30.AA')), refusedAs('malformed'));
    host.behaviour = 'serve';
    await eventually(() => verifier.verify(token));
  });

  it('that were withdrawn serve no more once they are old', async () => {
    const { host, verifier, token } = await setUp({ maxAgeMs: 50, cooldownMs: 0 });
    await verifier.verify(token);
    host.keys = [];
    await eventually(() => assert.rejects(verifier.verify(token), refusedAs('unknownKey')));
  });
});
