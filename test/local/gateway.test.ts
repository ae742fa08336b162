import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { createHttpSessionsClient, StreamLimitReachedError } from '../../client/http.ts';
import { ACCESS_LOG_BUCKET } from '../../contracts/sessions/access-record.ts';
import { DEMO_PLAN, LOCAL_SESSION_POLICY } from '../../local/demo/session-policy.ts';
import { commandOf } from '../../local/processes.ts';
import { sessionToken } from '../../local/session-token.ts';
import { LOCAL_AWS } from '../../local/stack-parts.ts';
import { startStack, type Stack } from '../../local/stack.ts';
import { clientConfig } from '../../local/topology.ts';
import { eventually } from '../support/eventually.ts';
import { sharedTemporal } from '../support/temporal.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';

/** Of a user's shell; each would keep the local gateway from its work. */
const FOREIGN = {
  GATEWAY_ADDRESS: '192.0.2.1:1',
  GATEWAY_REDIS_URL: 'redis://192.0.2.1:1',
  JWT_ISSUER: 'somebody',
  LEASE_PRIVATE_KEY_FILE: '/nowhere',
  SESSIONS_POLICY_FILE: '/nowhere',
  LIMIT_USER_BURST: '1',
  ABUSE_STRIKES: 'none',
  ACCESS_LOG_QUEUE: 'nowhere',
  BLACKLIST_FILE: '/nowhere',
};

describe('the gateway of the local stack', function () {
  this.timeout(90_000);
  let stateDirectory: string;
  let stack: Stack | undefined;

  beforeEach(async () => {
    stateDirectory = await mkdtemp(path.join(tmpdir(), 'local-gateway-'));
    Object.assign(process.env, FOREIGN);
  });
  afterEach(async () => {
    for (const name of Object.keys(FOREIGN)) delete process.env[name];
    await stack?.stop();
    stack = undefined;
    await rm(stateDirectory, { recursive: true, force: true });
  });

  it('serves players by its policy, logs requests into the bucket, outlives kill -9 and drains at the end', async () => {
    stack = await startStack({
      stateDirectory,
      temporalAddress: (await sharedTemporal()).address,
      namespace: path.basename(stateDirectory),
      worker: false,
      sessionPolicy: LOCAL_SESSION_POLICY,
      workerEnv: {
        WORKFLOW_BUNDLE: await sharedWorkflowBundle(),
        ACCESS_LOG_MAX_AGE_MS: '100',
        ACCESS_LOG_FLUSH_MS: '100',
      },
    });
    const { gateway, endpoints, aws } = stack;
    assert.ok(gateway && endpoints.gateway);
    const { url, jwtSecret } = endpoints.gateway;
    const endpointsFile = path.join(stateDirectory, 'endpoints.json');
    const told: unknown = JSON.parse(await readFile(endpointsFile, 'utf8'));
    assert.partialDeepStrictEqual(told, {
      gateway: { url, jwtSecret },
      metrics: [`${gateway.healthUrl}/metrics`],
    });
    for (const metrics of endpoints.metrics) assert.equal((await fetch(metrics)).status, 200);

    const userId = `ann-${randomUUID()}`;
    const client = createHttpSessionsClient({
      url,
      token: await sessionToken(jwtSecret, { subject: userId }),
      timeoutMs: 40_000,
    });
    const { stream, limit, heartbeatIntervalMs } = await client.acquire(userId, { deviceId: 'tv' });
    assert.deepEqual([limit, heartbeatIntervalMs], [3, 15_000], 'the documented defaults');
    const demoId = `ann-${randomUUID()}`;
    const token = await sessionToken(jwtSecret, { subject: demoId, plan: DEMO_PLAN });
    const demo = createHttpSessionsClient({ url, token, timeoutMs: 40_000 });
    for (const deviceId of ['tv', 'phone']) assert.equal((await demo.acquire(demoId, { deviceId })).limit, 2);
    await assert.rejects(demo.acquire(demoId, { deviceId: 'laptop' }), StreamLimitReachedError);
    const s3 = new S3Client({ ...clientConfig({ url: aws.url, ...LOCAL_AWS }), forcePathStyle: true });
    await eventually(
      async () => {
        const { KeyCount } = await s3.send(new ListObjectsV2Command({ Bucket: ACCESS_LOG_BUCKET, Prefix: 'access/' }));
        assert.ok((KeyCount ?? 0) > 0, 'no object in the bucket');
      },
      { timeoutMs: 30_000 },
    );
    s3.destroy();

    const first = gateway.pid;
    process.kill(first, 'SIGKILL');
    const [beat] = await client.heartbeat(userId, stream.streamId);
    assert.equal(beat?.alive, true, 'the next gateway knows the stream');
    assert.notEqual(gateway.pid, first);
    assert.equal(gateway.restarts, 1);
    await client.release(userId, stream.streamId);

    const last = gateway.pid;
    await stack.stop();
    assert.equal(await commandOf(last), undefined);
    await assert.rejects(stat(endpointsFile));
    await assert.rejects(fetch(url));
    assert.ok((await readdir(stateDirectory)).includes('gateway.log'));
    assert.match(await readFile(path.join(stateDirectory, 'gateway.log'), 'utf8'), /"msg":"stopped"/);
  });

  it('can be left out, and says which port is in its way', async () => {
    const { address } = await sharedTemporal();
    stack = await startStack({ temporalAddress: address, worker: false, gateway: false });
    assert.equal(stack.gateway, undefined);
    assert.equal(stack.endpoints.gateway, undefined);
    const port = Number(new URL(stack.endpoints.stream.url).port);
    for (const [name, variable] of [
      ['gateway', 'GATEWAY_PORT'],
      ['gatewayHealth', 'GATEWAY_HEALTH_PORT'],
    ] as const) {
      const ports = { [name]: port };
      await assert.rejects(
        startStack({ stateDirectory, temporalAddress: address, worker: false, ports }),
        new RegExp(`port ${port} is in use.*${variable}`),
      );
    }
  });
});
