import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Connection } from '@temporalio/client';
import { z } from 'zod';
import { startAws } from '../../local/aws.ts';
import { freePort } from '../../local/ports.ts';
import { startStreamServer } from '../../local/stream/server.ts';
import { ensureNamespace, ensureSearchAttributes } from '../../local/temporal-namespace.ts';
import { startTemporalServer } from '../../local/temporal-server.ts';
import { createTopology } from '../../local/topology.ts';
import { startWorkerProcess } from '../../local/worker-process.ts';
import { issuerKey } from '../gateway/support/tokens.ts';
import { eventually } from '../support/eventually.ts';
import { writeLeaseKey } from '../support/lease-key.ts';
import { startRedisServer, whyNoRedis } from '../support/redis-server.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { temporalBinary } from '../support/temporal.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';

const ALL = 'bridge,events,sessions,gateway,access-log';
const STREAM = { apiKey: 'key', apiSecret: 'a-secret', appId: '1' };
const EACH_MS = 40_000;

const readiness = z.object({
  ready: z.boolean(),
  unready: z.array(z.string()),
  degraded: z.array(z.string()).optional(),
});

describe('a worker process that starts before all that it needs', function () {
  this.timeout(240_000);
  const closing: (() => unknown)[] = [];
  before(function () {
    skipWhereMissing(this, whyNoRedis());
  });
  after(async () => {
    for (const close of closing.toReversed()) await close();
  });

  it('says at once what it waits for, waits for each part alike, and is ready when the last one is there', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'start-order-'));
    closing.push(() => rm(folder, { recursive: true }));
    const [temporalPort, awsPort, streamPort, redisPort, keysPort, gatewayPort] = await Promise.all(
      Array.from({ length: 6 }, () => freePort()),
    );
    const awsUrl = `http://127.0.0.1:${awsPort}`;
    const lines: string[] = [];
    const worker = await startWorkerProcess({
      temporalAddress: `127.0.0.1:${temporalPort}`,
      awsUrl,
      stream: { ...STREAM, url: `http://127.0.0.1:${streamPort}` },
      roles: ALL,
      onLine: (line) => lines.push(line),
      env: {
        WORKFLOW_BUNDLE: await sharedWorkflowBundle(),
        GATEWAY_ADDRESS: `127.0.0.1:${gatewayPort}`,
        GATEWAY_DRAIN_MS: '0',
        GATEWAY_REDIS_URL: `redis://127.0.0.1:${redisPort}`,
        JWT_JWKS_URL: `http://127.0.0.1:${keysPort}/keys`,
        JWT_UNCHECKED_CLAIMS: 'iss,aud',
        LEASE_PRIVATE_KEY_FILE: await writeLeaseKey(folder),
      },
    });
    closing.push(async () => {
      worker.kill('SIGKILL');
      await worker.exited;
    });
    const lacks = async (role = ''): Promise<readonly string[]> => {
      const { ready, unready } = readiness.parse(await (await fetch(`${worker.healthUrl}/readyz${role}`)).json());
      assert.equal(ready, unready.length === 0);
      return unready;
    };
    const eventuallyLacks = (names: readonly string[]): Promise<void> =>
      eventually(async () => assert.deepEqual((await lacks()).toSorted(), names.toSorted(), lines.join('\n')), {
        timeoutMs: EACH_MS,
      });

    await eventuallyLacks(['temporal', 'sqs', 's3', 'getstream']);
    assert.equal((await fetch(`${worker.healthUrl}/healthz`)).status, 200);
    await eventually(() => {
      for (const what of ['Temporal', 'SQS', 'S3', 'GetStream'])
        assert.match(lines.join('\n'), new RegExp(`waiting: ${what} does`));
    });

    const aws = await startAws({ port: awsPort ?? 0 });
    closing.push(() => aws.stop());
    await createTopology({
      url: awsUrl,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
    await eventually(async () => assert.deepEqual(await lacks('/access-log'), []), { timeoutMs: EACH_MS });
    await eventuallyLacks(['temporal', 'getstream']);

    const temporal = await startTemporalServer({
      binary: await temporalBinary(),
      port: temporalPort ?? 0,
      uiPort: 'none',
    });
    closing.push(() => temporal.stop());
    const connection = await Connection.connect({ address: temporal.address });
    await ensureNamespace(connection, { namespace: 'default' });
    await ensureSearchAttributes(connection, 'default');
    await connection.close();
    await eventually(async () => assert.deepEqual(await lacks('/sessions'), []), { timeoutMs: EACH_MS });
    await eventuallyLacks(['getstream', 'redis', 'keys']);
    await assert.rejects(fetch(`http://127.0.0.1:${gatewayPort}/readyz`), 'nobody could be answered yet');

    const stream = await startStreamServer({ ...STREAM, port: streamPort ?? 0, rateLimits: false });
    closing.push(() => stream.close());
    await eventuallyLacks(['redis', 'keys']);
    const redis = await startRedisServer([], { at: redisPort });
    closing.push(() => redis.kill());
    await eventuallyLacks(['keys']);
    const keys = await startKeyServer(keysPort ?? 0);
    closing.push(() => keys.close());
    await eventuallyLacks([]);
    assert.equal((await fetch(`http://127.0.0.1:${gatewayPort}/readyz`)).status, 200);
    assert.equal((await worker.stop()).code, 0, lines.join('\n'));
  });
});

async function startKeyServer(port: number): Promise<Server> {
  const { jwk } = await issuerKey('a');
  const server = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
