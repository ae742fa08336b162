import assert from 'node:assert/strict';
import { startFauxqs } from 'fauxqs';
import { freePort } from '../../local/ports.ts';
import { startTemporalServer } from '../../local/temporal-server.ts';
import { startWorkerProcess } from '../../local/worker-process.ts';
import { eventually } from '../support/eventually.ts';
import { sharedTemporal, temporalBinary } from '../support/temporal.ts';

const NOWHERE = 'http://127.0.0.1:1';
const STREAM = { url: NOWHERE, apiKey: 'key', apiSecret: 'secret', appId: '1' };

describe('a worker process that cannot start', function () {
  this.timeout(900_000);

  it('names the queue that is missing and ends, instead of doing half of its work', async () => {
    const { address, namespace } = await sharedTemporal();
    const aws = await startFauxqs({ port: 0, logger: false });
    try {
      const lines: string[] = [];
      const worker = await startWorkerProcess({
        temporalAddress: address,
        namespace,
        awsUrl: aws.address,
        stream: STREAM,
        onLine: (line) => lines.push(line),
      });
      assert.equal((await worker.exited).code, 1);
      assert.match(lines.join('\n'), /social-graph-activities/);
    } finally {
      await aws.stop();
    }
  });
});

describe('a worker process that starts before Temporal', function () {
  this.timeout(900_000);

  it('waits for it', async () => {
    const port = await freePort();
    const lines: string[] = [];
    const worker = await startWorkerProcess({
      temporalAddress: `127.0.0.1:${port}`,
      awsUrl: NOWHERE,
      stream: STREAM,
      roles: 'sessions',
      onLine: (line) => lines.push(line),
    });
    await eventually(() => assert.match(lines.join('\n'), /Temporal does not answer; trying again/), {
      timeoutMs: 30_000,
    });
    const temporal = await startTemporalServer({ binary: await temporalBinary(), port, uiPort: 'none' });
    try {
      await worker.ready();
      assert.equal((await worker.stop()).code, 0);
    } finally {
      worker.kill('SIGKILL');
      await temporal.stop();
    }
  });

  it('leaves off when it is told to stop', async () => {
    const lines: string[] = [];
    const worker = await startWorkerProcess({
      temporalAddress: `127.0.0.1:${await freePort()}`,
      awsUrl: NOWHERE,
      stream: STREAM,
      roles: 'sessions',
      onLine: (line) => lines.push(line),
    });
    await eventually(() => assert.match(lines.join('\n'), /trying again/), { timeoutMs: 30_000 });
    assert.equal((await worker.stop()).code, 1);
    assert.match(lines.join('\n'), /The worker process failed: TransportError/);
  });
});
