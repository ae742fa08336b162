import assert from 'node:assert/strict';
import { pino } from 'pino';
import { KeysUnavailableError } from '../../gateway/auth/errors.ts';
import { createTokenVerifier, type TokenVerifier } from '../../gateway/auth/token-verifier.ts';
import { keysDependency } from '../../gateway/dependencies.ts';
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

  it('that are newer than the last answer make the gateway unavailable for so long, and are right then', async () => {
    const { host, verifier, token } = await setUp({ cooldownMs: 300 });
    await verifier.verify(token);
    const second = await issuerKey('second');
    host.keys = [second.jwk];
    const fresh = bearer(await second.sign(claims()));
    await assert.rejects(
      verifier.verify(fresh),
      (error) => error instanceof KeysUnavailableError && error.retryAfterMs > 0 && error.retryAfterMs <= 300,
    );
    await eventually(async () => {
      await verifier.verify(fresh).catch((error: unknown) => assert.ok(error instanceof KeysUnavailableError));
      assert.equal((await verifier.verify(fresh)).subject, 'alice');
    });
  });

  it('are not asked for at each unknown key id, whose tokens are refused once it is known to be none', async () => {
    const { host, verifier, token } = await setUp({ cooldownMs: 60_000 });
    await verifier.verify(token);
    const stranger = await issuerKey('stranger');
    for (let index = 0; index < 20; index++) {
      const foreign = bearer(await stranger.sign(claims(), { kid: `kid-${index}` }));
      await assert.rejects(verifier.verify(foreign), KeysUnavailableError);
    }
    assert.equal(host.requests, 1);
    await verifier.verify(token);
    const { host: patient, verifier: other } = await setUp({ cooldownMs: 0 });
    await assert.rejects(other.verify(bearer(await stranger.sign(claims()))), refusedAs('unknownKey'));
    assert.ok(patient.requests <= 2);
  });

  it('may be replaced under the same key id', async () => {
    const { host, verifier, token } = await setUp({ cooldownMs: 0 });
    await verifier.verify(token);
    const second = await issuerKey('first');
    host.keys = [second.jwk];
    assert.equal((await verifier.verify(bearer(await second.sign(claims())))).subject, 'alice');
    await assert.rejects(verifier.verify(token), refusedAs('badSignature'));
  });

  it('are found where their host redirects to, if nobody on the way could have changed them', async () => {
    const { host, verifier, token } = await setUp({ cooldownMs: 0 });
    host.redirect = (path) => (path === '/keys.json' ? '/elsewhere.json' : undefined);
    assert.equal((await verifier.verify(token)).subject, 'alice');
    assert.equal(host.requests, 2);
    for (const target of [`http://localhost:${host.url.port}/keys`, 'ftp://127.0.0.1/', 'http://%', '/keys.json']) {
      const { host: astray, verifier: other } = await setUp();
      astray.redirect = () => target;
      await assert.rejects(other.verify(token), KeysUnavailableError, target);
      assert.ok(astray.requests <= 4, target);
    }
  });

  it('are available to a gateway that starts wherever they are found', async () => {
    const { host } = await setUp();
    host.redirect = (path) => (path === '/keys.json' ? '/elsewhere.json' : undefined);
    const dependency = keysDependency(host.url, pino({ level: 'silent' }));
    await dependency.usable(AbortSignal.timeout(10_000));
    await dependency.close();
  });

  it('are read up to a size, and no further', async () => {
    const { host, verifier, token } = await setUp({ cooldownMs: 0, timeoutMs: 20_000 }, 'flood');
    await assert.rejects(verifier.verify(token), KeysUnavailableError);
    assert.ok(host.bytesSent < 20_000_000, `${host.bytesSent} bytes were read`);
  });

  it('that are odd are ignored, and told once, and their tokens are no forgeries', async () => {
    const good = await issuerKey('good');
    const twins = await Promise.all([issuerKey('twin'), issuerKey('twin')]);
    const leaked = await issuerKey('leaked');
    const ignored: (readonly string[])[] = [];
    const { host, verifier } = await setUp({ cooldownMs: 0, onIgnored: (keys) => ignored.push(keys) });
    const odd = [
      null,
      'text',
      { kty: 'oct', kid: 'shared', k: 'c2VjcmV0' },
      { kty: 'XYZ', kid: 'future' },
      { kty: '__proto__', kid: 'trap' },
      { ...leaked.jwk, d: 'AAAA' },
      { ...leaked.jwk, kid: 7 },
      { kty: 'RSA', kid: 'half', n: 'AQAB' },
    ];
    host.document = { keys: [...odd, good.jwk, ...twins.map(({ jwk }) => jwk)], comment: 'kept' };
    for (const key of [good, ...twins]) {
      assert.equal((await verifier.verify(bearer(await key.sign(claims())))).subject, 'alice');
    }
    for (const kid of ['leaked', 'shared', 'future', 'trap', 'half']) {
      await assert.rejects(verifier.verify(bearer(await leaked.sign(claims(), { kid }))), refusedAs('unknownKey'), kid);
    }
    assert.equal(ignored.length, 1);
    assert.equal(ignored[0]?.length, odd.length);
    assert.doesNotMatch(JSON.stringify(ignored), /AAAA|c2VjcmV0/);
    for (const document of [{ keys: {} }, [], 'text', 7]) {
      host.document = document;
      assert.equal((await verifier.verify(bearer(await good.sign(claims())))).subject, 'alice', 'the last keys serve');
    }
  });

  it('are waited for by nobody for long once their host did not answer, and that is told once', async () => {
    const changes: (Error | undefined)[] = [];
    const remote = { timeoutMs: 1_000, cooldownMs: 0, onChange: (failure?: Error) => void changes.push(failure) };
    const { host, verifier, token } = await setUp(remote, 'hang');
    await assert.rejects(verifier.verify(token), KeysUnavailableError);
    for (let index = 0; index < 3; index += 1) {
      const startedMs = performance.now();
      await assert.rejects(verifier.verify(token), KeysUnavailableError);
      assert.ok(performance.now() - startedMs < 900);
    }
    host.behaviour = 'serve';
    await eventually(() => verifier.verify(token));
    assert.deepEqual(
      changes.map((failure) => failure?.name),
      ['TimeoutError', undefined],
    );
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
    await eventually(async () => assert.equal((await verifier.verify(fresh)).subject, 'alice'));
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
