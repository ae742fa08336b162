import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { StreamLimitReachedError } from '../../client/session-errors.ts';
import { createSessionsClient } from '../../client/sessions.ts';
import { startWorkerProcess, type WorkerProcess } from '../../local/worker-process.ts';
import { sharedTemporal } from '../support/temporal.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';
import { policyWith, wish } from './support/policies.ts';

/** Of this run alone: the process serves the task queue of the contracts, so nothing else may use this server's. */
describe('a worker process with the role sessions', function () {
  this.timeout(60_000);
  const processes: WorkerProcess[] = [];

  before(async function () {
    this.timeout(900_000);
    await sharedWorkflowBundle();
  });

  after(async () => {
    for (const each of processes) each.kill('SIGKILL');
    await Promise.all(processes.map(({ exited }) => exited));
  });

  it('grants no more than the cap though it is killed among 60 acquires, loses no stream, and drains on SIGTERM', async () => {
    const { address, namespace, connection } = await sharedTemporal();
    const first = await start(address, namespace);
    const userId = randomUUID();
    const sessions = createSessionsClient({
      client: new Client({ connection, namespace }),
      policy: policyWith(),
      timeoutMs: 45_000,
    });
    const early = await sessions.acquire(userId, wish('early'));
    const attempts = Array.from({ length: 60 }, async (_, index) => {
      if (index === 20) first.kill('SIGKILL');
      return sessions.acquire(userId, wish(`s${index}`));
    });
    await first.exited;
    const second = await start(address, namespace);
    const outcomes = await Promise.allSettled(attempts);
    const granted = outcomes.filter(({ status }) => status === 'fulfilled');
    assert.equal(granted.length, 2, 'beside the early one');
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected')
        assert(outcome.reason instanceof StreamLimitReachedError, String(outcome.reason));
    }
    const view = await sessions.list(userId);
    assert.equal(view.active.find(({ streamId }) => streamId === 'early')?.startedAt, early.stream.startedAt);
    assert.equal(view.slots, 3);

    assert.deepEqual(await (await fetch(`${second.healthUrl}/readyz`)).json(), { ready: true, unready: [] });
    assert.deepEqual(await (await fetch(`${second.healthUrl}/healthz`)).json(), { live: true });
    assert.match(
      await (await fetch(second.metricsUrl)).text(),
      /stream_sessions_acquires_total\{[^}]*outcome="granted"/,
    );
    assert.equal((await second.stop()).code, 0);
  });

  async function start(temporalAddress: string, namespace: string): Promise<WorkerProcess> {
    const nowhere = 'http://127.0.0.1:9';
    const started = await startWorkerProcess({
      temporalAddress,
      namespace,
      awsUrl: nowhere,
      stream: { url: nowhere, apiKey: '', apiSecret: '', appId: '' },
      roles: 'sessions',
      env: { WORKFLOW_BUNDLE: await sharedWorkflowBundle() },
    });
    processes.push(started);
    await started.ready();
    return started;
  }
});
