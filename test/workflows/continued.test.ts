import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { EDGE_MEMO, retryUpdate } from '../../contracts/events/event-workflow.ts';
import { readClosedRun } from '../../bridge/edge-runs.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { followEvent, postEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { streamFailure } from '../support/fake-stream.ts';
import { eventStage } from './support/event-stage.ts';

/** After so many messages a run goes on in a new one. */
const MESSAGES = 2_000;
const AT_ONCE = 200;

describe('an event with very many messages', function () {
  this.timeout(120_000);
  const noAbort = new AbortController().signal;
  const stage = eventStage();
  const { stream } = stage;

  /** Messages that change nothing, until a run goes on from this one. */
  const flood = async (event: SocialEvent): Promise<void> => {
    const runId = await stage.probe.runId(event);
    const { client } = stage.fixture;
    const handle = client.workflow.getHandle(stage.fixture.handle(event).workflowId);
    for (let sent = 0; sent < MESSAGES; sent += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => handle.signal('edgeEvent', null)));
    }
    await eventually(async () => assert.notEqual(await stage.probe.runId(event), runId), { timeoutMs: 60_000 });
  };

  it('goes on parked in a new run, known to whoever reads that, and is written when it is retried', async () => {
    const event = followEvent({ copyLimit: 0 });
    stream.next('follow', streamFailure(FAILURE_TYPES.notAllowed));
    await stage.fixture.starter().start(event, noAbort);
    await stage.probe.isParked(event);
    await flood(event);
    const run = await stage.fixture.handle(event).describe();
    assert.ok(run.memo?.[EDGE_MEMO], 'the memo is given with the start');
    assert.equal((await readClosedRun(stage.fixture.client, run)).unsettled?.kind, 'follow');
    assert.equal(await stage.probe.status(event), 'parked');
    assert.equal((await stage.probe.view(event)).failure?.type, 'NotAllowed');
    await stage.fixture.handle(event).executeUpdate(retryUpdate, { args: [{}] });
    assert.equal((await stage.fixture.handle(event).result()).status, 'applied');
    assert.equal(stream.countOf('follow'), 2);
  });

  it('is looked after in the new run, where a write may come late', async () => {
    const event = postEvent();
    stream.next('addActivity', streamFailure(FAILURE_TYPES.ambiguous), streamFailure(FAILURE_TYPES.notAllowed));
    await stage.fixture.starter({ lateCommitMs: 15_000 }).start(event, noAbort);
    await stage.probe.isParked(event);
    await flood(event);
    assert.equal(stream.countOf('removeActivity'), 1);
    await eventually(() => assert.equal(stream.countOf('removeActivity'), 2), { timeoutMs: 60_000 });
    await stage.fixture.handle(event).terminate();
  });

  it('goes on being tried in the new run, with what is left of its budget', async () => {
    const event = followEvent({ edge: randomUUID(), copyLimit: 0 });
    stream.always('follow', streamFailure(FAILURE_TYPES.unavailable));
    await stage.fixture
      .starter({ retryInitialMs: 60_000, retryMaximumMs: 60_000, retryBudgetMs: 3_600_000 })
      .start(event, noAbort);
    await eventually(() => assert.ok(stream.countOf('follow') >= 1));
    await flood(event);
    stream.reset();
    await eventually(() => assert.ok(stream.countOf('follow') >= 1), { timeoutMs: 60_000 });
    assert.equal((await stage.fixture.handle(event).result()).status, 'applied');
  });
});
