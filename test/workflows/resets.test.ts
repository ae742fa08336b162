import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { edgePosition, positionKey } from '../../contracts/events/edge-order.ts';
import { skipUpdate } from '../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { resetRun } from '../convergence/operations.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { followEvent } from '../support/events.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';
import { pairwise } from '../support/pairwise.ts';
import { EventProbe } from './support/event-probe.ts';

interface Way extends Readonly<Record<string, string>> {
  /** What became of the edge's first event, whose run has closed. */
  readonly first: 'applied' | 'skipped' | 'cancelled' | 'terminated while parked';
  /** Of the second event, which comes later and removes the relation. */
  readonly latest: 'open' | 'closed' | 'terminated';
  readonly reset: 'the older run' | 'the latest run';
  readonly to: 'its first task' | 'its last task';
  readonly messages: 'are applied again' | 'are left out';
}

const WAYS = pairwise<Way>({
  first: ['applied', 'skipped', 'cancelled', 'terminated while parked'],
  latest: ['open', 'closed', 'terminated'],
  reset: ['the older run', 'the latest run'],
  to: ['its first task', 'its last task'],
  messages: ['are applied again', 'are left out'],
});

describe('an edge, when one of its runs is reset', function () {
  this.timeout(120_000);
  const noAbort = new AbortController().signal;
  const stream = new FakeStream();
  let fixture: EventWorkerFixture;
  let probe: EventProbe;
  let ends: readonly Promise<void>[];

  before(async function () {
    this.timeout(900_000);
    fixture = await startEventWorker(stream.activities);
    probe = new EventProbe(fixture);
    ends = WAYS.map((way) => play(way));
    // Each is awaited by its own test.
    for (const end of ends) end.catch(() => undefined);
  });
  after(() => fixture.stop());

  for (const [index, { first, latest, reset, to, messages }] of WAYS.entries()) {
    it(`${reset} to ${to}, messages ${messages}; first event ${first}, latest run ${latest}: the latest event stands`, async () => {
      await ends[index];
    });
  }

  async function play({ first, latest, reset, to, messages }: Way): Promise<void> {
    const edge = randomUUID();
    const follow = followEvent({ edge, at: 1, copyLimit: 0 });
    const unfollow = followEvent({ edge, at: 2, kind: 'Unfollow' });
    const starter = fixture.starter({ resumedLingerMs: 3_000, lateCommitMs: 500 });
    const { workflowId } = fixture.handle(follow);

    if (first !== 'applied') stream.refuse(follow.source, streamFailure(FAILURE_TYPES.notAllowed));
    await starter.start(follow, noAbort);
    const olderRunId = await probe.runId(follow);
    const older = fixture.client.workflow.getHandle(workflowId, olderRunId);
    if (first !== 'applied') await probe.isParked(follow);
    if (first === 'skipped') await older.executeUpdate(skipUpdate, { args: [{}] });
    if (first === 'cancelled') await older.cancel();
    if (first === 'terminated while parked') await older.terminate();
    await older.result().catch(() => undefined);
    stream.refuse(follow.source, undefined);

    assert.equal(await starter.start(unfollow, noAbort), 'started');
    const latestRunId = await probe.runId(follow);
    const known = fixture.client.workflow.getHandle(workflowId, latestRunId);
    if (latest === 'terminated') await known.terminate();
    if (latest === 'closed') await known.result();

    const writesBefore = stream.writesOf(follow.source).length;
    await resetRun(
      fixture.client,
      { workflowId, runId: reset === 'the older run' ? olderRunId : latestRunId },
      { to: to === 'its first task' ? 'first' : 'last', reapplies: messages === 'are applied again' },
    );
    const wasReset = (await probe.runId(follow)) !== latestRunId;
    await probe.isClosed(follow);
    if (!wasReset) await starter.start(follow, noAbort);
    await probe.isClosed(follow);

    const { register } = await fixture.handle(follow).result();
    assert.equal(register && positionKey(register), positionKey(edgePosition(unfollow)));
    const writes = stream.writesOf(follow.source);
    assert.equal(writes.at(-1), 'unfollow', writes.join());
    assert.ok(!writes.slice(writesBefore).includes('follow'), `a stale write: ${writes.join()}`);
  }
});
