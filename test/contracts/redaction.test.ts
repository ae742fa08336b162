import assert from 'node:assert/strict';
import fc from 'fast-check';
import { REDACTED, redactText, secretValues } from '../../contracts/shared/redaction.ts';

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const TOKEN = `${base64url({ alg: 'HS256' })}.${base64url({ resource: '*', action: '*' })}.c2lnbmF0dXJlLXNpZ25hdHVyZQ`;
const JWE = `${base64url({ alg: 'dir', enc: 'A256GCM' })}..aXYtaXYtaXY.Y2lwaGVydGV4dA.dGFnLXRhZw`;
const KEY = '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nabc+/=\n-----END PRIVATE KEY-----\n';

describe('redaction of text', () => {
  const secretsIn: readonly (readonly [what: string, text: string, secret: string])[] = [
    ['a signed token', `refused ${TOKEN}`, TOKEN],
    ['a token that is cut off within its signature', `got ${TOKEN.slice(0, -10)}…`, TOKEN.slice(0, -10)],
    ['an encrypted token', JWE, 'Y2lwaGVydGV4dA'],
    ['a token in a query', `GET /?token=${TOKEN}&x=1`, TOKEN],
    ['an opaque bearer token', 'Authorization: Bearer 2YotnFZFEjr1zCsicMWpAA', '2YotnFZFEjr1zCsicMWpAA'],
    ['basic credentials', 'authorization: basic dXNlcjpwYXNzd29yZA==', 'dXNlcjpwYXNzd29yZA'],
    ['a password of Redis', 'connect redis://user:hunter22@redis:6379/0 failed', 'hunter22'],
    ['a password without a user', 'rediss://:p@ss/w0rd#1@redis:6379', 'p@ss/w0rd#1'],
    ['a user of an https URL', 'https://deploy-key-1@host/jwks', 'deploy-key-1'],
    ['an api key in a query', 'https://api/x?api_key=abcdefgh12&location=y', 'abcdefgh12'],
    ['a presigned URL', 'https://s3/x?X-Amz-Signature=0a1b2c3d&X-Amz-Date=1', '0a1b2c3d'],
    ['a line of a TOML profile', '3:  api_key = "sk-VERYSECRET', 'sk-VERYSECRET'],
    ['a setting', 'STREAM_API_SECRET=s3cr3t is no good', 's3cr3t'],
    ['a password of digits', 'password=12345678', '12345678'],
    ['a private key', KEY, 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC'],
    ['the id of an AWS key', 'credentials AKIAIOSFODNN7EXAMPLE', 'AKIAIOSFODNN7EXAMPLE'],
  ];
  for (const [what, text, secret] of secretsIn) {
    it(`takes out ${what}, also where the text stands in JSON`, () => {
      assert.ok(text.includes(secret));
      const redacted = redactText(text);
      assert.ok(!redacted.includes(secret), redacted);
      assert.ok(redacted.includes(REDACTED), redacted);
      const json = redactText(JSON.stringify({ message: text, after: 'kept', nested: JSON.stringify({ text }) }));
      assert.ok(!json.includes(secret), json);
      assert.partialDeepStrictEqual(JSON.parse(json), { after: 'kept' });
    });
  }

  const plain: readonly string[] = [
    'a bearer token is required',
    'Basic authentication is not offered',
    'JWT_SECRET must be at least 32 bytes',
    'TOKEN_LIFETIME_MS=500 must not be below 1000',
    'https://sqs.eu-central-1.amazonaws.com/123/social-graph-activities',
    'follow/timeline:alice/user:bob',
    'HTTP 400: actor: must not be empty',
    'connect ECONNREFUSED 127.0.0.1:6379',
  ];
  it('leaves everything else as it is', () => {
    for (const text of plain) assert.equal(redactText(text), text);
  });

  it('takes out known values, whatever they look like, and leaves the short ones, which are words', () => {
    const secrets = ['correct horse "battery" \\staple', 'local'];
    const line = JSON.stringify({ message: `it is ${secrets[0]} on local` });
    assert.deepEqual(JSON.parse(redactText(line, secrets)), { message: `it is ${REDACTED} on local` });
  });

  it('keeps JSON what it is, and is done within a moment, whatever stands there', () => {
    const piece = fc.constantFrom(
      TOKEN,
      KEY,
      'eyJ',
      '://',
      '@',
      'token=',
      'password = "',
      '\\',
      '"',
      'Bearer ',
      '.',
      '-',
      '\n',
      'x',
    );
    const hostile = fc
      .array(fc.oneof(piece, fc.string({ unit: 'grapheme' })), { maxLength: 40 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(hostile, (text) => {
        const redacted: unknown = JSON.parse(redactText(JSON.stringify({ text, after: [1, 'kept'] })));
        assert.partialDeepStrictEqual(redacted, { after: [1, 'kept'] });
      }),
    );
    for (const part of [
      'eyJ',
      'eyJ-',
      'eyJaaaaaaaaaaaa.',
      '://',
      'secret',
      'token=',
      'password ',
      '-----BEGIN PRIVATE KEY-----',
      'Bearer ',
    ]) {
      const long = part.repeat(200_000 / part.length);
      const begun = performance.now();
      redactText(long);
      assert.ok(performance.now() - begun < 5_000, `${part} took ${performance.now() - begun} ms`);
    }
  });
});

describe('the secrets among settings', () => {
  it('are those whose names say so, those in lists, and the passwords of URLs, but no paths of files', () => {
    const values = secretValues({
      STREAM_API_SECRET: 'one',
      JWT_SECRET: ['two', 'three'],
      GATEWAY_REDIS_URL: 'redis://user:f%6Fur@host',
      REDIS_URLS: [
        'redis://:five@host',
        'redis://host',
        'redis+cluster://u:s,ix@one:1,two:2',
        'redis+cluster://one,two',
      ],
      LEASE_PRIVATE_KEY_FILE: '/run/secrets/lease.pem',
      AWS_REGION: 'eu-central-1',
      LIMIT_TOKEN_BURST: 5,
      TEMPORAL_API_KEY: undefined,
    });
    assert.deepEqual(values, ['one', 'two', 'three', 'f%6Fur', 'four', 'five', 's,ix']);
  });
});
