import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hasDuplicateNames } from '../../client/duplicate-names.ts';
import { UnauthenticatedError } from '../../gateway/auth/errors.ts';
import { createTokenVerifier } from '../../gateway/auth/token-verifier.ts';
import { bearer, claims, craft, hs256, issuerKey, SECRET } from './support/tokens.ts';

describe('access tokens of any make', function () {
  this.timeout(20_000);

  it('are refused once a single character is changed, added or taken away', async () => {
    const key = await issuerKey('k');
    const verifier = createTokenVerifier({ secret: SECRET, jwks: { keys: [key.jwk] } });
    const tokens = [hs256(claims({ jti: 'x' })), await key.sign(claims({ scope: 'streams' }))];
    const change = fc.record({
      token: fc.constantFrom(...tokens),
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      kind: fc.constantFrom('replace', 'insert', 'delete'),
      character: fc.constantFrom(...'ABCXYZabcxyz0123456789-_.=+/ \0é'.split('')),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ token, at, kind, character }) => {
        const index = Math.floor(at * token.length);
        const left = kind === 'insert' ? '' : token.charAt(index);
        const changed = `${token.slice(0, index)}${kind === 'delete' ? '' : character}${token.slice(index + left.length)}`;
        if (changed === token) return;
        // A blank before the token is part of the header, not of the token.
        if (changed.trimStart() === token) return;
        await assert.rejects(verifier.verify(bearer(changed)), UnauthenticatedError);
      }),
      { numRuns: 2_000 },
    );
  });

  it('end in an error that means something, whatever is signed', async () => {
    const verifier = createTokenVerifier({ secret: SECRET, maxLifetimeSeconds: 60 });
    const value = fc.oneof(fc.jsonValue(), fc.double(), fc.constantFrom('alice', 4e9, -1, 1e308));
    const names = ['sub', 'exp', 'iat', 'nbf', 'jti', 'scope', 'plan', 'device', 'one_time', 'iss', 'aud', '__proto__'];
    const payload = fc.dictionary(fc.constantFrom(...names), value);
    const header = fc.dictionary(fc.constantFrom('typ', 'kid', 'crit', 'b64', 'jwk', 'alg', 'x5c', 'zip'), value);
    await fc.assert(
      fc.asyncProperty(payload, header, async (body, head) => {
        const token = craft({ ...head, alg: 'HS256' }, body);
        await verifier
          .verify(bearer(token))
          .catch((error: unknown) => assert.ok(error instanceof UnauthenticatedError));
      }),
      { numRuns: 1_000 },
    );
  });

  it('are read by what JSON says of names, in any writing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 1, '\t', '\n \r'), (value, space) => {
        assert.equal(hasDuplicateNames(JSON.stringify(value, undefined, space)), false);
      }),
    );
    const around = fc.tuple(fc.jsonValue(), fc.jsonValue(), fc.jsonValue());
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), around, fc.nat({ max: 3 }), (name, [one, other, beside], depth) => {
        const escaped = JSON.stringify(name).slice(1, -1);
        const units = Array.from({ length: name.length }, (_, index) => name.charCodeAt(index));
        const unicode = units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
        const twice = `{ "${escaped}" : ${JSON.stringify(one)} , "${unicode}":${JSON.stringify(other)}}`;
        const text = `${'[{"in":'.repeat(depth)}${twice}${`}, ${JSON.stringify(beside)}]`.repeat(depth)}`;
        JSON.parse(text);
        assert.equal(hasDuplicateNames(text), true);
      }),
    );
  });
});
