import assert from 'node:assert/strict';
import { JWTScopeToken } from 'getstream';
import { findSecrets, secretsOf, textWithin } from './secret-search.ts';

const SECRET = 'a "secret" of the app/1';
const TOKEN = JWTScopeToken(SECRET, '*', '*', { feedId: '*' });

describe('the search for secrets', () => {
  const found: readonly (readonly [what: RegExp, text: string])[] = [
    [/a known secret/, `the value is ${SECRET}`],
    [/a known secret/, JSON.stringify({ msg: SECRET })],
    [/a known secret/, `x=${encodeURIComponent(SECRET)}`],
    [/a known secret/, Buffer.from(SECRET).toString('base64')],
    [/a signed token/, JSON.stringify({ error: { headers: { Anything: TOKEN } } })],
    [/a signed token/, `cut off ${TOKEN.slice(0, -20)}`],
    [/the password of a URL/, 'connect redis://user:hunter2@redis:6379 failed'],
    [/the password of a URL/, 'redis://:hunter2@redis:6379'],
    [/the header of a request/, '{"headers":{"Authorization":"opaque"}}'],
    [/a bearer token/, 'sent Bearer 2YotnFZFEjr1zCsicMWpAA'],
    [/a secret in a query/, 'GET /api/v1.0/feed/user/1/?api_key=abcdefghij&location=unspecified'],
    [/a private key/, '-----BEGIN PRIVATE KEY-----\\nMIIE'],
  ];
  for (const [what, text] of found) {
    it(`finds ${text.slice(0, 50)}`, () => {
      assert.match(findSecrets(text, [SECRET]).join('\n'), what);
    });
  }

  it('finds nothing where there is nothing', () => {
    const lines = [
      '{"level":40,"error":{"name":"ApplicationFailure","message":"HTTP 400: object: must not be empty","stack":"Error: at file:///a/b.ts:1:2"}}',
      '{"authorization":"[redacted]","token":"[redacted]","url":"redis://[redacted]@redis:6379","x":"token=[redacted]"}',
      'a bearer token is required; api.stream-io-api.com answers; follow/timeline:alice/user:bob; 127.0.0.1:7233',
      'gateway_request_duration_seconds_bucket{le="0.001",method="GET",route="/v1/users/:userId/streams",status="200"} 1',
    ];
    for (const line of lines) assert.deepEqual(findSecrets(line, [SECRET, 'short']), []);
  });

  it('knows the secrets among settings, and reads payloads of histories', () => {
    const settings = {
      STREAM_API_SECRET: 'one',
      GATEWAY_REDIS_URL: 'redis://u:t%77o@h',
      AWS_REGION: 'eu',
      X_FILE: '/x',
    };
    assert.deepEqual(secretsOf(settings), ['one', 't%77o', 'two']);
    const history = [
      { attributes: { input: { payloads: [{ data: new TextEncoder().encode(`{"token":"${TOKEN}"}`) }] } } },
    ];
    assert.match(findSecrets(textWithin(history)).join('\n'), /a signed token/);
  });
});
