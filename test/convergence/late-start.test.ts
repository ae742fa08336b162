import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { createTemporalStarter } from '../../bridge/start-event.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { followEvent } from '../support/events.ts';
import { FakeStream } from '../support/fake-stream.ts';
import { sharedTemporal } from '../support/temporal.ts';
import { CuttingProxy } from './cutting-proxy.ts';

const OUTAGE_MS = 10_000;
const POLICY = { resumedLingerMs: 3_000 };
const noAbort = new AbortController().signal;

describe('a bridge cut off between reading an edge and going on from it', function () {
  this.timeout(60_000);
  const stream = new FakeStream();
  let fixture: EventWorkerFixture;

  before(async function () {
    this.timeout(900_000);
    fixture = await startEventWorker(stream.activities);
  });
  after(() => fixture.stop());

  it('does not write its stale event once the connection is back', async () => {
    const { address, namespace } = await sharedTemporal();
    const proxy = await CuttingProxy.start(address);
    const native = await NativeConnection.connect({ address: proxy.address });
    const strict = Connection.lazy({ address: proxy.address });
    const resuming = cutBefore(strict, () => proxy.cut(OUTAGE_MS));
    const cutOff = createTemporalStarter({
      client: new Client({ connection: native, namespace }),
      resumeClient: new Client({ connection: resuming, namespace }),
      taskQueue: fixture.taskQueue,
      policy: POLICY,
    });
    const edge = randomUUID();
    const first = followEvent({ edge, at: 1, copyLimit: 1 });
    const stale = followEvent({ edge, at: 2, copyLimit: 2 });
    const latest = followEvent({ edge, at: 3, kind: 'Unfollow' });
    const starter = fixture.starter(POLICY);
    await starter.start(first, noAbort);
    await fixture.handle(first).result();

    const late = cutOff.start(stale, noAbort).catch(() => 'failed');
    await proxy.wasCut;
    assert.equal(await starter.start(latest, noAbort), 'started');
    await fixture.handle(latest).result();
    // Whether it reads the edge again before it gives up is up to the machine.
    assert.match(await late, /failed|deduplicated/);
    await proxy.restored;
    assert.equal(await cutOff.start(stale, noAbort), 'deduplicated');
    assert.deepEqual(stream.names(), ['follow', 'confirmCopy', 'unfollow']);
    await native.close();
    await strict.close();
    proxy.close();
  });
});

/** The connection with something done just before its starts. */
function cutBefore(connection: Connection, cut: () => void): Connection {
  const workflowService = new Proxy(connection.workflowService, {
    get: (service, name) => {
      const method: unknown = Reflect.get(service, name);
      if (typeof method !== 'function' || name !== 'startWorkflowExecution') return method;
      return (...args: unknown[]): unknown => {
        cut();
        return Reflect.apply(method, service, args);
      };
    },
  });
  return new Proxy(connection, {
    get: (target, name) => {
      if (name === 'workflowService') return workflowService;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
