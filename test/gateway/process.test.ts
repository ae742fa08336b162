import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { Client } from '@temporalio/client';
import { freePort } from '../../local/ports.ts';
import { startWorkerProcess, type WorkerProcess } from '../../local/worker-process.ts';
import { makeCertificate, whyNoOpenssl } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { sharedTemporal } from '../support/temporal.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { terminateAll, TOKEN_SETTINGS } from './support/gateways.ts';
import { gatewayNamespace } from './support/namespace.ts';
import { Player } from './support/player.ts';

describe('a worker process with the roles sessions and gateway', function () {
  this.timeout(120_000);
  const trusted = getCACertificates();
  const lines: string[] = [];
  let folder: string;
  let policyFile: string;
  let client: Client | undefined;
  let worker: WorkerProcess | undefined;
  let url: string;

  before(async function () {
    this.timeout(900_000);
    skipWhereMissing(this, whyNoOpenssl());
    folder = await mkdtemp(path.join(tmpdir(), 'gateway-'));
    const [certificate, key] = [path.join(folder, 'tls.crt'), path.join(folder, 'tls.key')];
    makeCertificate(certificate, key);
    setDefaultCACertificates([...trusted, await readFile(certificate, 'utf8')]);
    policyFile = path.join(folder, 'policy.json');
    await writeFile(policyFile, JSON.stringify({ version: 1, caps: { account: 1 } }));
    const { address, namespace } = await gatewayNamespace();
    client = new Client({ connection: (await sharedTemporal()).connection, namespace });
    const port = await freePort();
    url = `https://localhost:${port}`;
    const nowhere = 'http://127.0.0.1:9';
    worker = await startWorkerProcess({
      temporalAddress: address,
      namespace,
      awsUrl: nowhere,
      stream: { url: nowhere, apiKey: '', apiSecret: '', appId: '' },
      roles: 'sessions,gateway',
      logLevel: 'debug',
      env: {
        WORKFLOW_BUNDLE: await sharedWorkflowBundle(),
        GATEWAY_ADDRESS: `127.0.0.1:${port}`,
        GATEWAY_TLS_CERT_FILE: certificate,
        GATEWAY_TLS_KEY_FILE: key,
        SESSIONS_POLICY_FILE: policyFile,
        ...TOKEN_SETTINGS,
        // As long as a slow machine may take for the requests of a test that come while it drains.
        GATEWAY_DRAIN_MS: '10000',
      },
      onLine: (line) => lines.push(line),
    });
    await worker.ready();
  });

  after(async () => {
    setDefaultCACertificates(trusted);
    worker?.kill('SIGKILL');
    await worker?.exited;
    if (client) await terminateAll(client);
    if (folder) await rm(folder, { recursive: true });
  });

  it('speaks TLS only', async () => {
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    await assert.rejects(fetch(`${url.replace('https', 'http')}/readyz`));
  });

  it('takes over a new version of the policy without a restart, and keeps the old one when the new is unusable', async () => {
    const player = new Player(url, randomUUID());
    assert.equal((await player.acquire({ streamId: 'a' })).status, 201);
    assert.equal((await player.acquire({ streamId: 'b' })).status, 409);
    await writeFile(policyFile, '{"version": 2, "caps": {"acount": 9}}');
    await eventually(() => assert.match(lines.join('\n'), /the policy stays as it was: .*acount/));
    await writeFile(policyFile, JSON.stringify({ version: 3, caps: { account: 2 } }));
    await eventually(async () => assert.equal((await player.acquire({ streamId: 'b' })).status, 201));
  });

  it('logs each request with its id, and never a token', async () => {
    const player = new Player(url, randomUUID());
    const answer = await player.list();
    await eventually(() => {
      const line = lines.find((each) => each.includes(answer.headers.get('x-request-id') ?? 'none'));
      assert.match(line ?? '', /"route":"\/v1\/users\/:userId\/streams","status":200/);
    });
    assert.doesNotMatch(lines.join('\n'), /eyJ|Bearer/);
  });

  it('answers what is under way when it is told to stop, and exits 0', async () => {
    const player = new Player(url, randomUUID());
    await player.acquire({ streamId: 'a' });
    const sent = Array.from({ length: 45 }, (_, index) =>
      index % 9 === 0 ? player.acquire({ streamId: `b${index}` }) : player.beat('a'),
    );
    const exit = worker?.stop();
    // Beside the answers: once it has drained, it tells nothing any more.
    const told = eventually(async () => {
      const readiness = await fetch(`${url}/readyz`);
      const body: unknown = await readiness.json();
      assert.deepEqual([readiness.status, readiness.headers.get('connection')], [503, 'close']);
      assert.partialDeepStrictEqual(body, { unready: ['draining'] });
    });
    const [answers] = await Promise.all([Promise.all(sent), told]);
    for (const { status } of answers) assert.ok([200, 201, 409].includes(status), `${status}`);
    assert.equal((await exit)?.code, 0);
    await assert.rejects(fetch(`${url}/readyz`), 'nobody answers any more');
  });
});
