import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { hasScope, mayActFor, mayUseDevice, SCOPES } from '../../gateway/auth/authorize.ts';
import { soleAuthorization } from '../../gateway/auth/authorization-header.ts';
import { UnauthenticatedError } from '../../gateway/auth/errors.ts';
import { createTokenVerifier } from '../../gateway/auth/token-verifier.ts';
import { bearer, claims, craft, hs256, issuerKey, now, refusedAs, SECRET } from './support/tokens.ts';

describe('access tokens', () => {
  const verifier = createTokenVerifier({ secret: SECRET });
  const refused = (token: string, reason: string): Promise<void> =>
    assert.rejects(verifier.verify(bearer(token)), refusedAs(reason));

  it('tell who asks and what for', async () => {
    const token = hs256(
      claims({ iss: 'idp', jti: 't1', scope: 'streams  blacklist', plan: 'family', device: 'tv', exp: 4e9 }),
    );
    assert.deepEqual(await verifier.verify(bearer(token)), {
      subject: 'alice',
      scopes: new Set(['streams', 'blacklist']),
      tokenId: 't1',
      issuer: 'idp',
      plan: 'family',
      deviceId: 'tv',
      expiresAtMs: 4e12,
    });
    const plain = await verifier.verify(`bearer   ${hs256(claims())}`);
    assert.deepEqual([plain.subject, plain.scopes.size, plain.tokenId], ['alice', 0, undefined]);
  });

  it('are refused when there is none, or several, or something else', async () => {
    await assert.rejects(verifier.verify(undefined), refusedAs('missing'));
    await assert.rejects(verifier.verify(''), refusedAs('missing'));
    const token = hs256(claims());
    const headers = ['Basic YTpi', 'Bearer', 'Bearer ', token, `Bearer ${token}, Bearer ${token}`, `Bearer ${token} x`];
    for (const header of [...headers, `Token ${token}`, `Bearer ${token}\n`, `Bearer\t${token}`])
      await assert.rejects(verifier.verify(header), refusedAs('malformed'), header.slice(0, 20));
    assert.equal(soleAuthorization(['Host', 'h', 'AUTHORIZATION', 'Bearer a']), 'Bearer a');
    assert.equal(soleAuthorization(['Host', 'Authorization']), undefined);
    const twice = ['authorization', 'Bearer a', 'Host', 'h', 'Authorization', 'Bearer a'];
    assert.throws(() => soleAuthorization(twice), refusedAs('malformed'));
  });

  it('are refused without a signature, and with one of another secret', async () => {
    const [head, payload] = hs256(claims()).split('.');
    for (const alg of ['none', 'None', 'NONE', 'nOnE', ''])
      await refused(craft({ alg, typ: 'JWT' }, claims()), 'wrongAlgorithm');
    await refused(`${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`, 'malformed');
    await refused(`${head}.${payload}.`, 'malformed');
    await refused(`${head}.${payload}.AAAA`, 'badSignature');
    await refused(craft({ alg: 'HS256' }, claims(), 'another secret of the tests, as long'), 'badSignature');
    for (const alg of ['HS384', 'HS512', 'RS256', 'ES256', 'EdDSA', 'constructor', '__proto__'])
      await refused(craft({ alg }, claims()), 'wrongAlgorithm');
  });

  it('are not signed with a public key taken for a secret', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k' };
    const both = createTokenVerifier({ secret: SECRET, jwks: { keys: [jwk] } });
    const onlyKeys = createTokenVerifier({ jwks: { keys: [jwk] } });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const der = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
    for (const secret of [pem, pem.trim(), der, JSON.stringify(jwk), jwk.n ?? '']) {
      const confused = bearer(craft({ alg: 'HS256', kid: 'k' }, claims(), secret));
      await assert.rejects(both.verify(confused), refusedAs('badSignature'));
      await assert.rejects(onlyKeys.verify(confused), refusedAs('wrongAlgorithm'));
    }
    const symmetric = createTokenVerifier({ jwks: { keys: [{ kty: 'oct', k: 'AAAA', kid: 'k' }] } });
    await assert.rejects(symmetric.verify(bearer(hs256(claims(), { kid: 'k' }))), refusedAs('wrongAlgorithm'));
  });

  it('are accepted by secret and by key pair side by side, also without a key id', async () => {
    const keys = await Promise.all(
      ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'].flatMap((alg) => [issuerKey(undefined, alg), issuerKey('k', alg)]),
    );
    const both = createTokenVerifier({ secret: SECRET, jwks: { keys: keys.map(({ jwk }) => jwk) } });
    for (const key of keys) assert.equal((await both.verify(bearer(await key.sign(claims())))).subject, 'alice');
    assert.equal((await both.verify(bearer(hs256(claims())))).subject, 'alice');
    const stranger = await issuerKey(undefined, 'EdDSA');
    await assert.rejects(both.verify(bearer(await stranger.sign(claims()))), refusedAs('badSignature'));
    const unknown = await issuerKey('other');
    await assert.rejects(both.verify(bearer(await unknown.sign(claims()))), refusedAs('unknownKey'));
  });

  it('take no key from their own header', async () => {
    const own = await issuerKey('own');
    const known = await issuerKey('known');
    const strict = createTokenVerifier({ jwks: { keys: [known.jwk] } });
    const url = 'http://127.0.0.1:1/keys.json';
    for (const header of [{ jwk: own.jwk }, { jku: url }, { x5u: url }, { x5c: ['AAAA'] }])
      await assert.rejects(strict.verify(bearer(await own.sign(claims(), header))), refusedAs('unknownKey'));
    const kids = ['../../dev/null', "' OR 1=1 --", url, 'file:///etc/passwd', '\0', '__proto__', 'constructor', ''];
    for (const kid of kids) {
      await assert.rejects(strict.verify(bearer(await own.sign(claims(), { kid }))), refusedAs('unknownKey'), kid);
      assert.equal((await verifier.verify(bearer(hs256(claims(), { kid })))).subject, 'alice');
    }
    await refused(hs256(claims(), { kid: 7 }), 'malformed');
  });

  it('hold only for their time', async () => {
    await refused(hs256({ sub: 'alice' }), 'malformed');
    await refused(hs256(claims({ exp: now() - 6 })), 'expired');
    await refused(hs256(claims({ exp: 0 })), 'expired');
    await refused(hs256(claims({ nbf: now() + 60 })), 'notYetValid');
    assert.ok(await verifier.verify(bearer(hs256(claims({ exp: now() - 2, nbf: now() + 2 })))));
    const forms = [
      '"4000000000.5"',
      '" 4000000000"',
      '"8640000000001"',
      'true',
      'null',
      '[4000000000]',
      '1e400',
      '-1e400',
      '1e300',
      '8640000000001',
      '"never"',
      '{}',
    ];
    for (const exp of forms) {
      const reason = exp === '-1e400' ? 'expired' : 'malformed';
      await refused(craft({ alg: 'HS256' }, `{"sub":"alice","exp":${exp}}`), reason);
    }
    for (const nbf of ['soon', {}, true]) await refused(hs256(claims({ nbf })), 'malformed');
  });

  it('are refused when they hold for longer than is allowed', async () => {
    const hour = createTokenVerifier({ secret: SECRET, maxLifetimeSeconds: 3_600 });
    const within = (payload: Record<string, unknown>) => hour.verify(bearer(hs256(claims(payload))));
    assert.ok(await within({ exp: now() + 3_590 }));
    assert.ok(await within({ iat: now() - 3_000, exp: now() + 500 }));
    const long = [{ exp: now() + 3_700 }, { iat: now() - 3_000, exp: now() + 700 }, { iat: 4e9, exp: 4e9 + 60 }];
    for (const payload of long) await assert.rejects(within(payload), refusedAs('lifetimeTooLong'));
  });

  it('are refused for another issuer or audience', async () => {
    const strict = createTokenVerifier({ secret: SECRET, issuer: ['a', 'b'], audience: 'gateway' });
    const verify = (payload: Record<string, unknown>) => strict.verify(bearer(hs256(claims(payload))));
    assert.ok(await verify({ iss: 'b', aud: ['x', 'gateway'] }));
    for (const iss of [undefined, 'c', ['a'], 'A', '', null])
      await assert.rejects(verify({ iss, aud: 'gateway' }), refusedAs('wrongIssuer'));
    for (const aud of [undefined, 'gateway2', [], ['x'], { gateway: true }, null])
      await assert.rejects(verify({ iss: 'a', aud }), refusedAs('wrongAudience'));
  });

  it('are understood as issuers write them, where the meaning is certain', async () => {
    const read = async (more: Record<string, unknown>) => await verifier.verify(bearer(hs256(claims(more))));
    const scopesOf = async (more: Record<string, unknown>) => [...(await read(more)).scopes];
    const both = ['streams', 'blacklist'];
    for (const more of [
      { scope: both },
      { scp: 'streams blacklist' },
      { scp: both },
      { scope: 'streams', scp: ['blacklist'] },
      { scope: null, scp: ['streams blacklist'] },
    ])
      assert.deepEqual(await scopesOf(more), both, JSON.stringify(more));
    for (const more of [{}, { scope: null }, { scp: [] }, { scope: '' }, { roles: both }, { permissions: both }])
      assert.deepEqual(await scopesOf(more), [], JSON.stringify(more));
    assert.equal((await read({ sub: 4711 })).subject, '4711');
    assert.equal((await read({ sub: 0 })).subject, '0');
    const numbers = await read({ jti: 7, plan: 3, device: 12 });
    assert.deepEqual([numbers.tokenId, numbers.plan, numbers.deviceId], ['7', '3', '12']);
    const absent = { jti: null, plan: null, device: null, iss: null, iat: null, nbf: null, one_time: null };
    const plain = await read(absent);
    assert.deepEqual(Object.keys(plain).toSorted(), ['expiresAtMs', 'scopes', 'subject']);
    const times = { exp: '4000000000', iat: String(now()), nbf: String(now() - 1) };
    assert.equal((await read(times)).expiresAtMs, 4e12);
    await refused(hs256(claims({ nbf: String(now() + 60) })), 'notYetValid');
    await refused(hs256(claims({ exp: String(now() - 60) })), 'expired');
    const entra = createTokenVerifier({ secret: SECRET, scopeClaims: ['scp', 'roles'] });
    const service = await entra.verify(bearer(hs256(claims({ roles: ['streams'], scope: 'blacklist' }))));
    assert.deepEqual([...service.scopes], ['streams']);
  });

  it('are refused when a claim has a wrong form, rather than read without it, and say which', async () => {
    const names = async (name: string, value: unknown) => {
      const error: unknown = await verifier.verify(bearer(hs256(claims({ [name]: value })))).catch((e: unknown) => e);
      assert.ok(error instanceof UnauthenticatedError, `${name} ${JSON.stringify(value)}`);
      assert.equal(error.reason, 'malformed');
      assert.ok(error.message.includes(` ${name} `), error.message);
    };
    const odd = [true, 1.5, -0.5, 2 ** 53, '', ['alice'], {}, 'a'.repeat(256), '\uD800'];
    for (const name of ['sub', 'jti', 'plan', 'device', 'iss']) for (const value of odd) await names(name, value);
    for (const value of [undefined, null]) await names('sub', value);
    for (const name of ['scope', 'scp'])
      for (const value of [7, true, {}, [7], [null], [['x']]]) await names(name, value);
    for (const value of ['true', 1, [], {}]) await names('one_time', value);
    await refused(hs256(claims({ one_time: true })), 'malformed');
    assert.equal((await verifier.verify(bearer(hs256(claims({ sub: 'a'.repeat(255) }))))).subject.length, 255);
  });

  it('are refused when they can be read in two ways', async () => {
    const times = `"exp":${now() + 60}`;
    const payloads = [
      `{"sub":"alice",${times},"sub":"bob"}`,
      `{"sub":"alice",${times},"\\u0073ub":"bob"}`,
      `{"sub":"alice",${times},"scope":"","scope":"streams"}`,
      `{"sub":"alice",${times},"deep":[{"a":1,"b":{"c":1,"c":2}}]}`,
      `{"sub":"alice",${times}} `.replace('}', '},'),
      `\uFEFF{"sub":"alice",${times}}`,
      `[{"sub":"alice",${times}}]`,
      '7',
      '',
    ];
    for (const payload of payloads) await refused(craft({ alg: 'HS256' }, payload), 'malformed');
    await refused(craft('{"alg":"none","alg":"HS256"}', claims()), 'malformed');
    await refused(craft({ alg: 'HS256' }, Buffer.from(`{"sub":"\xff",${times}}`, 'latin1')), 'malformed');
    const innocent = `{ "sub" : "a\\"{,:\\"sub\\":", ${times}, "x": {"sub": ["sub", "sub"]}, "y": {"sub": 1} }`;
    assert.equal((await verifier.verify(bearer(craft({ alg: 'HS256' }, innocent)))).subject, 'a"{,:"sub":');
    const proto = `{"sub":"alice",${times},"__proto__":{"scope":"streams","plan":"x"}}`;
    const caller = await verifier.verify(bearer(craft({ alg: 'HS256' }, proto)));
    assert.deepEqual([caller.scopes.size, caller.plan], [0, undefined]);
  });

  it('are refused in any but the canonical writing', async () => {
    const [head = '', payload = '', signature = ''] = hs256(claims()).split('.');
    // 32 bytes leave two bits of the last character unused.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet[alphabet.indexOf(signature.at(-1) ?? '') ^ 1] ?? '';
    const standard = Buffer.from(signature, 'base64url').toString('base64');
    const writings = [
      `${head}.${payload}.${signature.slice(0, -1)}${last}`,
      `${head}.${payload}.${signature}=`,
      `${head}.${payload}=.${signature}`,
      `${head}.${payload}.${standard}`,
      `${head}.${payload}.${signature}.`,
      `${head}.${payload}.${signature}.${signature}`,
      `.${head}.${payload}.${signature}`,
      `${head}..${signature}`,
      `${head}.${payload}`,
      `${head}A.${payload}.${signature}`,
      `${head}.${payload}.${signature}\u00E9`,
    ];
    for (const writing of writings) await refused(writing, 'malformed');
  });

  it('are refused with extensions that must be understood, and of another type', async () => {
    for (const more of [{ crit: ['x'], x: 1 }, { crit: [] }, { crit: ['b64'], b64: false }, { b64: true }])
      await refused(hs256(claims(), more), 'malformed');
    for (const typ of ['lease+jwt', 'application/lease+jwt', 'dpop+jwt', 'logout+jwt', 'JWE', 'secevent+jwt'])
      await refused(hs256(claims(), { typ }), 'wrongType');
    for (const typ of [undefined, 'jwt', 'at+JWT', 'application/at+jwt'])
      assert.ok(await verifier.verify(bearer(hs256(claims(), { typ }))));
  });

  it('are refused unread when they are large', async () => {
    for (const size of [9_000, 1_000_000, 10_000_000]) {
      await refused('a'.repeat(size), 'malformed');
      await refused(`${'a.'.repeat(size / 2)}b`, 'malformed');
      await assert.rejects(verifier.verify(`Bearer${' '.repeat(size)}`), refusedAs('malformed'));
    }
    await refused(hs256(claims({ pad: 'x'.repeat(8_000) })), 'malformed');
    await refused(craft({ alg: 'HS256' }, '['.repeat(5_000)), 'malformed');
  });

  it('stand in no error', async () => {
    const secretive = hs256(claims({ sub: 'alice', secret: 'payload of alice', exp: 1 }));
    for (const token of [secretive, `${secretive}x`, `${hs256(claims()).slice(0, -4)}AAAA`]) {
      const error: unknown = await verifier.verify(bearer(token)).catch((failure: unknown) => failure);
      assert.ok(error instanceof UnauthenticatedError && error.cause === undefined);
      const text = [JSON.stringify(error), error.message, error.stack ?? ''].join(' ');
      for (const part of token.split('.')) assert.ok(!text.includes(part));
    }
  });

  it('are refused when they were revoked', async () => {
    const strict = createTokenVerifier({ secret: SECRET, isRevoked: ({ tokenId }) => tokenId === 'gone' });
    assert.ok(await strict.verify(bearer(hs256(claims({ jti: 'kept' })))));
    await assert.rejects(strict.verify(bearer(hs256(claims({ jti: 'gone' })))), refusedAs('revoked'));
  });

  it('need a secret of 32 bytes or keys', () => {
    assert.throws(() => createTokenVerifier({}), TypeError);
    assert.throws(() => createTokenVerifier({ secret: 'x'.repeat(31) }), TypeError);
    assert.throws(() => createTokenVerifier({ jwks: { keys: [] }, jwksUrl: new URL('http://127.0.0.1') }), TypeError);
    assert.ok(createTokenVerifier({ secret: 'é'.repeat(16) }));
  });

  it('are accepted by either of two secrets while one is changed for the other, and by no third one', async () => {
    const [next, previous] = ['the next secret of these tests, long enough', 'the previous secret of these tests, too'];
    const both = createTokenVerifier({ secret: [next, previous] });
    for (const secret of [next, previous]) {
      const token = bearer(craft({ alg: 'HS256' }, claims(), secret));
      for (let time = 0; time < 2; time += 1) assert.equal((await both.verify(token)).subject, 'alice');
    }
    await assert.rejects(both.verify(bearer(hs256(claims()))), refusedAs('badSignature'));
    const expired = bearer(craft({ alg: 'HS256' }, claims({ exp: 1 }), previous));
    await assert.rejects(both.verify(expired), refusedAs('expired'));
    assert.throws(() => createTokenVerifier({ secret: [next, 'x'.repeat(31)] }), TypeError);
  });

  it('act for their own subject only, unless they are of a service', async () => {
    const alice = await verifier.verify(bearer(hs256(claims({ scope: 'stream streamss Streams', device: 'tv' }))));
    assert.ok(mayActFor(alice, 'alice'));
    for (const other of ['Alice', 'alice ', 'alic\u0435', 'alice\0', '', 'bob']) assert.ok(!mayActFor(alice, other));
    const service = await verifier.verify(bearer(hs256(claims({ sub: 'player-api', scope: 'x streams' }))));
    assert.ok(mayActFor(service, 'bob') && !hasScope(service, SCOPES.blacklist));
    assert.deepEqual(
      [mayUseDevice(alice, 'tv'), mayUseDevice(alice, 'TV'), mayUseDevice(service, 'x')],
      [true, false, true],
    );
  });
});
