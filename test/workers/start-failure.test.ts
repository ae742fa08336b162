import assert from 'node:assert/strict';
import { startFauxqs } from 'fauxqs';
import { startWorkerProcess } from '../../local/worker-process.ts';
import { sharedTemporal } from '../support/temporal.ts';

describe('a worker process that cannot start', function () {
  this.timeout(900_000);

  it('names the queue that is missing and ends, instead of doing half of its work', async () => {
    const { address, namespace } = await sharedTemporal();
    const aws = await startFauxqs({ port: 0, logger: false });
    const stream = { url: 'http://127.0.0.1:1', apiKey: 'key', apiSecret: 'secret', appId: '1' };
    try {
      const lines: string[] = [];
      const worker = await startWorkerProcess({
        temporalAddress: address,
        namespace,
        awsUrl: aws.address,
        stream,
        onLine: (line) => lines.push(line),
      });
      assert.equal((await worker.exited).code, 1);
      assert.match(lines.join('\n'), /social-graph-activities/);
    } finally {
      await aws.stop();
    }
  });
});
