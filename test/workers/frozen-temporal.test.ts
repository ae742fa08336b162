import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { freePort } from '../../local/ports.ts';
import { ensureNamespace, ensureSearchAttributes } from '../../local/temporal-namespace.ts';
import { startTemporalServer, type TemporalServer } from '../../local/temporal-server.ts';
import { startWorkerProcess, type WorkerProcess, type WorkerProcessOptions } from '../../local/worker-process.ts';
import { TOKEN_SETTINGS } from '../gateway/support/gateways.ts';
import { Player } from '../gateway/support/player.ts';
import { eventually } from '../support/eventually.ts';
import { extent } from '../support/extent.ts';
import { temporalBinary } from '../support/temporal.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';
import { startReadyProxy, type ReadyProxy } from './support/ready-proxy.ts';

const NOWHERE = 'http://127.0.0.1:9';
const PLAYERS = 10;
const BEAT_EVERY_MS = 500;
/** Far shorter than Temporal is away: without their beats all streams would end. */
const LEASE_MS = 8_000;
const UNREADY_MS = 15_000;
const RECOVERED_MS = 60_000;

describe('Temporal that is frozen', function () {
  this.timeout(300_000);
  let folder: string;
  let temporal: TemporalServer;
  let worker: WorkerProcess;
  let gateway: WorkerProcess;
  let proxy: ReadyProxy | undefined;
  let gatewayUrl: string;

  before(async function () {
    this.timeout(900_000);
    folder = await mkdtemp(path.join(tmpdir(), 'frozen-'));
    temporal = await startTemporalServer({ binary: await temporalBinary(), uiPort: 'none' });
    const connection = await Connection.connect({ address: temporal.address });
    await ensureNamespace(connection, { namespace: 'default' });
    await ensureSearchAttributes(connection, 'default');
    await connection.close();
    const policyFile = path.join(folder, 'policy.json');
    const policy = { version: 1, caps: { account: 2 }, leaseMs: LEASE_MS, heartbeatIntervalMs: 2_000 };
    await writeFile(policyFile, JSON.stringify(policy));
    const port = await freePort();
    gatewayUrl = `http://127.0.0.1:${port}`;
    const common: WorkerProcessOptions = {
      temporalAddress: temporal.address,
      awsUrl: NOWHERE,
      stream: { url: NOWHERE, apiKey: '', apiSecret: '', appId: '' },
    };
    const env = { GATEWAY_ADDRESS: `127.0.0.1:${port}`, SESSIONS_POLICY_FILE: policyFile, GATEWAY_DRAIN_MS: '0' };
    [worker, gateway] = await Promise.all([
      startWorkerProcess({ ...common, roles: 'sessions', env: { WORKFLOW_BUNDLE: await sharedWorkflowBundle() } }),
      startWorkerProcess({ ...common, roles: 'gateway', env: { ...env, ...TOKEN_SETTINGS } }),
    ]);
    await Promise.all([worker.ready(), gateway.ready()]);
    proxy = await startReadyProxy(gatewayUrl);
  });
  after(async () => {
    await proxy?.close();
    for (const each of [worker, gateway]) {
      each?.kill('SIGKILL');
      await each?.exited;
    }
    if (temporal) process.kill(temporal.pid, 'SIGCONT');
    await temporal?.stop();
    await rm(folder, { recursive: true });
  });

  /** Of a gateway. */
  const ready = (degraded: readonly string[]) => ({ status: 200, body: { ready: true, unready: [], degraded } });

  async function readinessOf(url: string) {
    const response = await fetch(`${url}/readyz`);
    return { status: response.status, body: await response.json() };
  }

  it('costs no beat behind a proxy that honours readiness, is told by the worker within 15 s, and by both when it is back', async () => {
    const players = Array.from({ length: PLAYERS }, () => new Player(proxy?.url ?? '', randomUUID()));
    for (const player of players) assert.equal((await player.acquire({ streamId: 'a' })).status, 201);
    const playing = new AbortController();
    const beats: Record<number, number> = {};
    const beating = players.map(async (player) => {
      while (!playing.signal.aborted) {
        const { status } = await player.beat('a');
        beats[status] = (beats[status] ?? 0) + 1;
        await sleep(BEAT_EVERY_MS);
      }
    });
    await eventually(
      async () => {
        assert.ok((beats[200] ?? 0) > PLAYERS);
        assert.deepEqual(await readinessOf(gatewayUrl), ready([]));
      },
      { timeoutMs: 30_000 },
    );
    const frozenAtMs = performance.now();
    process.kill(temporal.pid, 'SIGSTOP');
    try {
      await eventually(
        async () => {
          assert.deepEqual(await readinessOf(worker.healthUrl), {
            status: 503,
            body: { ready: false, unready: ['temporal'] },
          });
        },
        { timeoutMs: UNREADY_MS },
      );
      await eventually(async () => {
        for (const url of [gatewayUrl, gateway.healthUrl])
          assert.deepEqual(await readinessOf(url), ready(['temporal']));
      });
      assert.equal((await fetch(`${worker.healthUrl}/healthz`)).status, 200, 'a restart would mend nothing');
      // Long beyond the lease.
      await sleep(Math.max(0, extent(60_000, 20_000) - (performance.now() - frozenAtMs)));
    } finally {
      process.kill(temporal.pid, 'SIGCONT');
    }
    await eventually(
      async () => {
        assert.deepEqual(await readinessOf(worker.healthUrl), { status: 200, body: { ready: true, unready: [] } });
        assert.deepEqual(await readinessOf(gatewayUrl), ready([]));
      },
      { timeoutMs: RECOVERED_MS },
    );
    // And accounts answer again.
    const newcomer = new Player(gatewayUrl, randomUUID());
    await eventually(async () => assert.equal((await newcomer.acquire({ streamId: 'b' })).status, 201), {
      timeoutMs: RECOVERED_MS,
    });
    playing.abort();
    await Promise.all(beating);
    assert.deepEqual(Object.keys(beats), ['200'], JSON.stringify(beats));
    assert.equal(proxy?.refused, 0);
  });
});
