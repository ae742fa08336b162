import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { Readable } from 'node:stream';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { Redis } from 'ioredis';
import { ACCESS_LOG_BUCKET } from '../../contracts/sessions/access-record.ts';
import { LOCAL_AWS } from '../../local/stack-parts.ts';
import { sessionToken } from '../../local/session-token.ts';
import { startStack, type Stack } from '../../local/stack.ts';
import { clientConfig } from '../../local/topology.ts';
import { eventually } from '../support/eventually.ts';
import { startRedisServer, whyNoRedis, type RedisServer } from '../support/redis-server.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { issuerKey, startKeyHost, type KeyHost } from '../gateway/support/tokens.ts';
import { writeLeaseKey } from '../support/lease-key.ts';
import { findSecrets } from '../support/secret-search.ts';
import { sharedTemporal } from '../support/temporal.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';

const PASSWORDS = { redis: 'the-password-of-redis-0123', keys: 'the-password-of-the-keys-0123' };
const API_KEY = 'an-opaque-key-of-a-client-0123456789';

describe('no secret leaves a gateway', function () {
  this.timeout(120_000);
  const lines: string[] = [];
  let stateDirectory: string;
  let stack: Stack;
  let redis: RedisServer;
  let keyHost: KeyHost;

  before(async function () {
    this.timeout(900_000);
    skipWhereMissing(this, whyNoRedis());
    redis = await startRedisServer();
    const admin = new Redis(redis.url);
    await admin.call('ACL', 'SETUSER', 'gateway', 'on', `>${PASSWORDS.redis}`, '~*', '&*', '+@all');
    await admin.quit();
    keyHost = await startKeyHost((await issuerKey('known')).jwk);
    stateDirectory = await mkdtemp(path.join(tmpdir(), 'secrets-gateway-'));
    stack = await startStack({
      stateDirectory,
      temporalAddress: (await sharedTemporal()).address,
      namespace: path.basename(stateDirectory),
      worker: false,
      logLevel: 'debug',
      onWorkerLine: (line) => lines.push(line),
      workerEnv: {
        WORKFLOW_BUNDLE: await sharedWorkflowBundle(),
        ACCESS_LOG_MAX_AGE_MS: '100',
        ACCESS_LOG_FLUSH_MS: '100',
        LEASE_PRIVATE_KEY_FILE: await writeLeaseKey(stateDirectory),
        GATEWAY_REDIS_URL: redis.url.replace('//', `//gateway:${PASSWORDS.redis}@`),
        JWT_JWKS_URL: `${keyHost.url.href}?token=${PASSWORDS.keys}`,
      },
    });
  });
  after(async () => {
    await stack?.stop();
    await redis?.kill();
    await keyHost?.stop();
    if (stateDirectory) await rm(stateDirectory, { recursive: true, force: true });
  });

  it('whatever callers send, wherever they put their tokens, and whatever fails', async () => {
    const { gateway, endpoints, aws } = stack;
    assert.ok(gateway && endpoints.gateway);
    const { url, jwtSecret } = endpoints.gateway;
    const known = [jwtSecret, API_KEY, ...Object.values(PASSWORDS)];
    const user = `u-${randomUUID()}`;
    const good = await sessionToken(jwtSecret, { subject: user });
    const service = await sessionToken(jwtSecret, { subject: 'service', scope: 'streams' });
    const forged = await sessionToken('another secret of more than 32 bytes, as it must be', { subject: user });
    const elsewhere = await (await issuerKey('unknown')).sign({ sub: user, exp: Math.ceil(Date.now() / 1_000) + 60 });

    const streams = `/v1/users/${user}/streams`;
    const json = { 'content-type': 'application/json' };
    const body = (fields: object): string => JSON.stringify(fields);
    const requests: readonly (readonly [what: string, target: string, init: RequestInit])[] = [
      ...[good, forged, elsewhere, good.slice(0, -5), API_KEY].flatMap((token, index) =>
        (['Bearer', 'Basic', 'bearer', ''] as const).map(
          (scheme) =>
            [`${index} ${scheme}`, streams, { headers: { authorization: `${scheme} ${token}`.trim() } }] as const,
        ),
      ),
      [
        'two tokens',
        streams,
        {
          headers: [
            ['authorization', `Bearer ${good}`],
            ['authorization', `Bearer ${forged}`],
          ],
        },
      ],
      ['in the query', `${streams}?token=${good}&access_token=${good}&api_key=${API_KEY}`, { headers: bearer(good) }],
      ['in a cookie', '/', { headers: { cookie: `session=${good}; key=${API_KEY}` } }],
      ['as a user', `/v1/users/${good}/streams`, { headers: bearer(service) }],
      ['as a stream', `${streams}/${good}`, { method: 'DELETE', headers: bearer(good) }],
      ['as a path', `/none/${good}?token=${API_KEY}`, { headers: bearer(good) }],
      ['in a path that is none', `/%zz?token=${API_KEY}&x=${good}`, { headers: bearer(good) }],
      [
        'as a name of a client',
        streams,
        { headers: { ...bearer(good), 'user-agent': `curl ${good} password=${API_KEY}` } },
      ],
      ['as an id of a request', streams, { headers: { ...bearer(good), 'x-request-id': good.slice(0, 60) } }],
      [
        'as a device',
        streams,
        { method: 'POST', headers: { ...bearer(good), ...json }, body: body({ deviceId: good }) },
      ],
      ['as a field', streams, { method: 'POST', headers: { ...bearer(good), ...json }, body: body({ [good]: good }) }],
      [
        'in broken JSON',
        streams,
        { method: 'POST', headers: { ...bearer(good), ...json }, body: `{"token": "${good}` },
      ],
      [
        'in a type',
        streams,
        { method: 'POST', headers: { ...bearer(good), 'content-type': `x/y; t=${good}` }, body: good },
      ],
      [
        'as a reason',
        `/v1/users/${user}/evictions`,
        { method: 'POST', headers: { ...bearer(good), ...json }, body: body({ reason: good, streamIds: [good] }) },
      ],
      ['by Sigma', `/stream/${user}/${good}`, { method: 'PUT', headers: bearer(forged) }],
    ];
    // Redis no longer knows the gateway's user; the keys are away.
    await redis.restart();
    keyHost.behaviour = 'fail';
    const problems: string[] = [];
    const statuses = new Set<number>();
    for (const [what, target, init] of requests) {
      const answer = await fetch(`${url}${target}`, init);
      const told = await answer.text();
      statuses.add(answer.status);
      if (answer.status >= 400) {
        problems.push(told, JSON.stringify([...answer.headers]));
        assert.deepEqual(findSecrets(told, known), [], `the answer to a token ${what}: ${answer.status} ${told}`);
      }
    }
    for (const status of [200, 400, 401, 404, 503])
      assert.ok(statuses.has(status), `${status} of ${[...statuses].join()}`);
    assert.deepEqual(findSecrets(problems.join('\n'), known), []);

    // A path that is none comes to no route, and to no record.
    const recorded = requests.length - 1;
    let records = '';
    await eventually(
      async () => {
        records = await accessLog(aws.url);
        assert.equal(records.split('\n').length - 1, recorded);
      },
      { timeoutMs: 30_000 },
    );
    assert.deepEqual(findSecrets(records, known), []);

    const pages = [...endpoints.metrics, `${gateway.healthUrl}/readyz`, `${gateway.healthUrl}/diagnostics`];
    const told = await Promise.all(pages.map(async (page) => await (await fetch(page)).text()));
    assert.match(told.join('\n'), /gateway_request_duration_seconds/);
    assert.deepEqual(findSecrets(told.join('\n'), known), []);

    const log = lines.join('\n');
    assert.ok(lines.filter((line) => line.includes('"msg":"request"')).length >= recorded);
    assert.match(log, /Redis|shared store/);
    assert.deepEqual(findSecrets(log, known), []);
  });
});

function bearer(token: string): { readonly authorization: string } {
  return { authorization: `Bearer ${token}` };
}

async function accessLog(url: string): Promise<string> {
  const s3 = new S3Client({ ...clientConfig({ url, ...LOCAL_AWS }), forcePathStyle: true });
  try {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: ACCESS_LOG_BUCKET, Prefix: 'access/' }));
    const objects = Contents.map(async ({ Key }) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: ACCESS_LOG_BUCKET, Key }));
      return await text(Readable.from([await Body?.transformToByteArray()]).pipe(createGunzip()));
    });
    return (await Promise.all(objects)).join('');
  } finally {
    s3.destroy();
  }
}
