import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { z } from 'zod';
import { TASK_QUEUES } from '../../contracts/shared/names.ts';
import { freePort } from '../../local/ports.ts';
import { startWorkerProcess, type WorkerProcess } from '../../local/worker-process.ts';
import { terminateAll } from '../gateway/support/gateways.ts';
import { gatewayNamespace } from '../gateway/support/namespace.ts';
import { eventually } from '../support/eventually.ts';
import { writeLeaseKey } from '../support/lease-key.ts';
import { sharedTemporal } from '../support/temporal.ts';

const NOWHERE = 'http://127.0.0.1:9';
const STREAM = { url: NOWHERE, apiKey: 'key', apiSecret: 'secret', appId: '1' };
/** A block has to be told within this, and be forgotten by itself soon after. */
const BLOCK_KNOWN_MS = 30_000;
const RECOVERED_MS = 60_000;

const health = z.object({ live: z.boolean(), blocked: z.array(z.string()).optional() });

describe('the health of a worker process', function () {
  this.timeout(180_000);
  const processes: WorkerProcess[] = [];
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'health-'));
  });
  after(async () => {
    for (const each of processes) each.kill('SIGKILL');
    await Promise.all(processes.map(({ exited }) => exited));
    await rm(folder, { recursive: true });
  });

  async function start(options: Partial<Parameters<typeof startWorkerProcess>[0]>): Promise<WorkerProcess> {
    const started = await startWorkerProcess({
      temporalAddress: `127.0.0.1:${await freePort()}`,
      awsUrl: NOWHERE,
      stream: STREAM,
      ...options,
    });
    processes.push(started);
    return started;
  }

  async function healthOf({ healthUrl }: WorkerProcess) {
    const response = await fetch(`${healthUrl}/healthz`, { signal: AbortSignal.timeout(5_000) });
    const answer = health.parse(await response.json());
    assert.equal(response.status, answer.live ? 200 : 503);
    return answer;
  }

  it('tells that the event loop stands still, has the metrics meanwhile, and recovers by itself', async () => {
    const preload = new URL('support/block-event-loop.ts', import.meta.url).href;
    const worker = await start({ roles: 'access-log', env: { NODE_OPTIONS: `--import ${preload}` } });
    await eventually(async () => assert.deepEqual(await healthOf(worker), { live: true }), { timeoutMs: 30_000 });
    worker.kill('SIGUSR2');
    await eventually(async () => assert.deepEqual(await healthOf(worker), { live: false, blocked: ['event loop'] }), {
      timeoutMs: BLOCK_KNOWN_MS,
    });
    const metrics = await (await fetch(`${worker.healthUrl}/metrics`)).text();
    assert.match(metrics, /^worker_process_live 0$/m);
    assert.match(metrics, /^worker_process_ready 0$/m, 'of the SDK');
    assert.equal((await fetch(`${worker.healthUrl}/diagnostics`)).status, 503);
    const readiness = await fetch(`${worker.healthUrl}/readyz`);
    assert.partialDeepStrictEqual(await readiness.json(), { ready: false, unready: ['event loop'] });
    await eventually(async () => assert.deepEqual(await healthOf(worker), { live: true }), { timeoutMs: RECOVERED_MS });
  });

  it('tells that a workflow loops for ever, and recovers by itself once that is ended', async () => {
    const { address, namespace } = await gatewayNamespace();
    const client = new Client({ connection: (await sharedTemporal()).connection, namespace });
    const worker = await start({
      temporalAddress: address,
      namespace,
      roles: 'sessions',
      env: { WORKFLOW_BUNDLE: await loopingBundle() },
    });
    await worker.ready();
    assert.deepEqual(await healthOf(worker), { live: true }, 'idle');
    const workflowId = `loop-${randomUUID()}`;
    await client.workflow.start('loopForEver', { workflowId, taskQueue: TASK_QUEUES.streamSessions });
    await eventually(
      async () => {
        assert.deepEqual(await healthOf(worker), { live: false, blocked: ['workflow thread of sessions'] });
      },
      { timeoutMs: BLOCK_KNOWN_MS },
    );
    await terminateAll(client);
    await eventually(async () => assert.deepEqual(await healthOf(worker), { live: true }), { timeoutMs: RECOVERED_MS });
    assert.equal((await worker.stop()).code, 0);
  });

  it('shows what it is, what it was told and what went wrong, but no secret', async () => {
    const secrets = { STREAM_API_SECRET: 'the-secret-of-the-app', JWT_SECRET: 'a secret of at least thirty-two bytes' };
    const worker = await start({
      roles: 'events,gateway',
      env: {
        ...secrets,
        JWT_UNCHECKED_CLAIMS: 'iss,aud',
        GATEWAY_REDIS_URL:
          'redis+sentinel://user:redis-password@127.0.0.1:9,127.0.0.1:10/main?sentinelPassword=other-one',
        LEASE_PRIVATE_KEY_FILE: await writeLeaseKey(folder),
      },
    });
    const shown = z.looseObject({
      version: z.string().regex(/^\d+\.\d+\.\d+/),
      roles: z.tuple([z.literal('events'), z.literal('gateway')]),
      dependencies: z.array(
        z.object({
          name: z.string(),
          available: z.boolean(),
          lastFailure: z.object({ at: z.iso.datetime(), error: z.string() }).optional(),
        }),
      ),
      recentFailures: z.array(z.looseObject({ msg: z.string() })),
      configuration: z.record(z.string(), z.unknown()),
    });
    await eventually(
      async () => {
        const text = await (await fetch(`${worker.healthUrl}/diagnostics`)).text();
        const { dependencies, recentFailures, configuration } = shown.parse(JSON.parse(text));
        for (const secret of [...Object.values(secrets), 'redis-password', 'other-one', 'PRIVATE KEY']) {
          assert.ok(!text.includes(secret), secret);
        }
        assert.deepEqual(dependencies.map(({ name }) => name).toSorted(), ['getstream', 'temporal']);
        for (const { available, lastFailure } of dependencies) {
          assert.equal(available, false);
          assert.match(lastFailure?.error ?? '', /ECONNREFUSED|bad port/);
        }
        assert.match(recentFailures.map(({ msg }) => msg).join(), /waiting: Temporal does not answer/);
        assert.partialDeepStrictEqual(configuration, {
          STREAM_API_SECRET: 'set',
          JWT_SECRET: 'set',
          GATEWAY_REDIS_URL: 'redis+sentinel://127.0.0.1:9,127.0.0.1:10/main',
          GATEWAY_ADDRESS: '127.0.0.1:3000',
        });
      },
      { timeoutMs: 30_000 },
    );
  });

  async function loopingBundle(): Promise<string> {
    const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
    const { code } = await bundleWorkflowCode({
      workflowsPath: file('support/looping-workflows.ts'),
      payloadConverterPath: file('../../contracts/shared/tolerant-payload-converter.ts'),
      logger: new DefaultLogger('WARN'),
    });
    const bundle = path.join(folder, 'looping-bundle.js');
    await writeFile(bundle, code);
    return bundle;
  }
});
