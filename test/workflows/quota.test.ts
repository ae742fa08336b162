import assert from 'node:assert/strict';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { postEvent } from '../support/events.ts';
import { streamFailure } from '../support/fake-stream.ts';
import { eventStage } from './support/event-stage.ts';

describe('the budget of a write', function () {
  this.timeout(60_000);
  const noAbort = new AbortController().signal;
  const stage = eventStage();
  const { stream } = stage;

  const away = streamFailure(FAILURE_TYPES.unavailable);
  const limited = streamFailure(FAILURE_TYPES.rateLimited, 50);

  it('is not used up by waits for the quota, as long as GetStream says', async () => {
    const event = postEvent();
    const waitMs = 1_500;
    const begunMs: number[] = [];
    const isLimited = (): Promise<never> => {
      begunMs.push(Date.now());
      return Promise.reject(streamFailure(FAILURE_TYPES.rateLimited, waitMs));
    };
    stream.next('addActivity', isLimited, isLimited, isLimited, () => Promise.resolve(begunMs.push(Date.now())));
    await stage.fixture.starter({ retryBudgetMs: 0 }).start(event, noAbort);
    assert.deepEqual(await stage.fixture.handle(event).result(), { status: 'applied' });
    const waits = begunMs.slice(1).map((ms, index) => ms - (begunMs[index] ?? 0));
    assert.equal(waits.length, 3);
    // Without a time, the workflow waits for 5 seconds.
    for (const ms of waits) assert.ok(ms >= waitMs - 10 && ms < 4_500, `waited ${ms} ms`);
  });

  it('is what is left of it after a wait for the quota', async () => {
    const event = postEvent();
    // Four attempts after the first one, which is made inside the first task.
    const policy = { retryBudgetMs: 3_000, retryInitialMs: 10, retryMaximumMs: 10, lateCommitMs: 0 };
    stream.next('addActivity', away, away, away, limited);
    stream.always('addActivity', away);
    await stage.fixture.starter(policy).start(event, noAbort);
    await stage.probe.isParked(event);
    assert.equal(await stage.probe.failure(event), 'Unavailable');
    // The one that met the quota does not count.
    assert.equal(stream.countOf('addActivity'), 6);
    await stage.fixture.handle(event).terminate();
  });

  it('is the same for what undoes it', async () => {
    const event = postEvent();
    stream.next('addActivity', streamFailure(FAILURE_TYPES.ambiguous), streamFailure(FAILURE_TYPES.notAllowed));
    stream.next('removeActivity', limited, limited, limited);
    await stage.fixture.starter({ compensationBudgetMs: 0, lateCommitMs: 0 }).start(event, noAbort);
    await stage.probe.isParked(event);
    const { failure } = await stage.probe.view(event);
    assert.deepEqual([failure?.undone.length, failure?.compensationFailure], [1, undefined]);
    await stage.fixture.handle(event).terminate();
  });
});
