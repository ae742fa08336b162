import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../contracts/shared/names.ts';
import { freePort } from '../../local/ports.ts';
import { commandOf } from '../../local/processes.ts';
import { ensureNamespace, ensureSearchAttributes } from '../../local/temporal-namespace.ts';
import { startTemporalServer, type TemporalServer } from '../../local/temporal-server.ts';
import { eventually } from '../support/eventually.ts';
import { sharedTemporal, temporalBinary } from '../support/temporal.ts';

describe('a Temporal development server', function () {
  this.timeout(60_000);

  it('answers, has our search attributes, and is gone after the stop', async () => {
    const server = await startTemporalServer({ binary: await temporalBinary() });
    try {
      assert.ok(server.uiUrl);
      assert.equal((await fetch(server.uiUrl)).status, 200);
      const connection = await Connection.connect({ address: server.address });
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
      for (const name of Object.keys(SEARCH_ATTRIBUTES)) assert.ok(name in customAttributes, name);
      await connection.close();
    } finally {
      await server.stop();
    }
    assert.equal(await commandOf(server.pid), undefined);
    await assert.rejects(Connection.connect({ address: server.address, connectTimeout: 500 }));
  });

  it('has its workflows again after a restart on the same file', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'local-temporal-'));
    const options = {
      binary: await temporalBinary(),
      uiPort: 'none' as const,
      databaseFile: path.join(directory, 'sub', 'temporal.db'),
    };
    const first = await startTemporalServer(options);
    await withClient(first, async (client) => {
      await client.workflow.start('socialEvent', { workflowId: 'kept', taskQueue: 'nobody', args: [] });
    });

    const second = await startTemporalServer(options);
    await withClient(second, async (client) => {
      const { status } = await client.workflow.getHandle('kept').describe();
      assert.equal(status.name, 'RUNNING');
    });
    await rm(directory, { recursive: true, force: true });
  });

  it('names the port that is in use and the variable that changes it', async () => {
    const port = await freePort();
    const squatter = createServer().listen(port, '127.0.0.1');
    await once(squatter, 'listening');
    const binary = await temporalBinary();
    await assert.rejects(startTemporalServer({ binary, port }), new RegExp(`port ${port} .*TEMPORAL_PORT`));
    await assert.rejects(startTemporalServer({ binary, uiPort: port }), new RegExp(`port ${port} .*TEMPORAL_UI_PORT`));
    squatter.close();
  });

  it('that dies early fails with what it wrote last', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'local-temporal-'));
    const databaseFile = path.join(directory, 'no-database');
    await writeFile(databaseFile, 'this is no database'.repeat(100));
    const binary = await temporalBinary();
    await assert.rejects(startTemporalServer({ binary, uiPort: 'none', databaseFile }), /ended early[^]*\S/);
    await rm(directory, { recursive: true, force: true });
  });

  it('is started anew after a panic, and fails with all of its output when it goes on panicking', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'local-temporal-'));
    const binary = path.join(directory, 'temporal');
    const panicsLeft = (count: number) => writeFile(path.join(directory, 'panics-left'), String(count));
    await writeFile(binary, panicking(directory, await temporalBinary()), { mode: 0o755 });
    await panicsLeft(2);
    const server = await startTemporalServer({ binary, uiPort: 'none' });
    await server.stop();
    await panicsLeft(3);
    await assert.rejects(startTemporalServer({ binary, uiPort: 'none' }), /ended early[^]*panic: no port[^]*frame 99/);
    await rm(directory, { recursive: true, force: true });
  });

  it('ends when the process that started it is killed', async function () {
    if (process.platform === 'win32') this.skip();
    const script = `
      const { startTemporalServer } = await import(${JSON.stringify(import.meta.resolve('../../local/temporal-server.ts'))});
      const server = await startTemporalServer({ binary: ${JSON.stringify(await temporalBinary())}, uiPort: 'none' });
      process.stdout.write(String(server.pid) + '\\n');
    `;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const output: unknown[] = await once(parent.stdout, 'data');
    const pid = Number(String(output[0]));
    assert.ok(await commandOf(pid));
    parent.kill('SIGKILL');
    await eventually(async () => assert.equal(await commandOf(pid), undefined), { timeoutMs: 20_000 });
  });
});

describe('the namespace', function () {
  this.timeout(60_000);

  it('is registered with 30 days of retention, lengthened where that is too short, and else left alone', async () => {
    const { connection } = await sharedTemporal();
    const namespace = `retention-${await freePort()}`;
    assert.equal((await ensureNamespace(connection, { namespace, retentionDays: 3 })).length, 1);
    assert.equal(await retentionDays(connection, namespace), 3);
    assert.equal((await ensureNamespace(connection, { namespace })).length, 1);
    assert.equal(await retentionDays(connection, namespace), 30);
    assert.deepEqual(await ensureNamespace(connection, { namespace }), []);
    assert.deepEqual(await ensureNamespace(connection, { namespace, retentionDays: 2 }), []);
    assert.equal(await retentionDays(connection, namespace), 30);
  });

  it('gets our search attributes once, and can be queried by them at once', async () => {
    const { connection } = await sharedTemporal();
    const namespace = `attributes-${await freePort()}`;
    await ensureNamespace(connection, { namespace });
    assert.equal((await ensureSearchAttributes(connection, namespace)).length, 1);
    const client = new Client({ connection, namespace });
    assert.equal((await client.workflow.count(`EventStatus = 'parked' OR ActiveStreams > 0`)).count, 0);
    assert.deepEqual(await ensureSearchAttributes(connection, namespace), []);
  });
});

async function withClient(server: TemporalServer, use: (client: Client) => Promise<void>): Promise<void> {
  const connection = await Connection.connect({ address: server.address });
  try {
    await use(new Client({ connection }));
  } finally {
    await connection.close();
    await server.stop();
  }
}

async function retentionDays(connection: Connection, namespace: string): Promise<number> {
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  return Number(config?.workflowExecutionRetentionTtl?.seconds) / 86_400;
}

/** The Temporal CLI, after it has ended as often as the file says the way Go panics. */
function panicking(directory: string, temporal: string): string {
  return `#!/bin/sh
left=$(cat "${directory}/panics-left")
[ "$left" -gt 0 ] || exec "${temporal}" "$@"
echo $((left - 1)) > "${directory}/panics-left"
echo 'panic: no port' >&2
seq -f 'frame %g' 99 >&2
exit 2
`;
}
