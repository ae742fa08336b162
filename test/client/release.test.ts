import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventClosedError, EventUnansweredError } from '../../client/event-errors.ts';
import {
  releasePaced,
  type ReleaseOptions,
  type ReleaseParts,
  type ReleaseProgress,
  ReleaseBrokenOffError,
} from '../../client/release.ts';

describe('a paced release', () => {
  const options = { action: 'retry', ratePerSecond: 1_000 } satisfies ReleaseOptions;
  const accepted = { accepted: true, status: 'pending', message: '' } as const;
  const refused = { accepted: false, status: 'pending', message: '' } as const;
  const taskFailure = { attempt: 7, message: 'Unknown encoding', cause: 'other' } as const;

  async function* ids(count: number): AsyncIterable<string> {
    for (let id = 0; id < count; id++) yield String(id);
  }
  const partsOf = (
    count: number,
    request: ReleaseParts['request'],
    hasWorker: ReleaseParts['hasWorker'] = async () => true,
  ): ReleaseParts => ({ found: count, workflowIds: ids(count), request, hasWorker });

  it('counts what became of each event and says so after each', async () => {
    const progress: ReleaseProgress[] = [];
    const request = async (id: string) => {
      if (id === '1') throw new EventClosedError(id, 'skipped');
      if (id === '2') throw new EventUnansweredError(id);
      return id === '0' ? refused : accepted;
    };
    const result = await releasePaced(partsOf(5, request), { ...options, onProgress: (each) => progress.push(each) });
    assert.deepEqual(result, {
      found: 5,
      accepted: 2,
      refused: 1,
      gone: 1,
      unanswered: 1,
      interrupted: false,
      unansweredEvents: [{ workflowId: '2', reason: 'no worker answered' }],
    });
    assert.equal(progress.length, 5);
  });

  it('keeps its pace though the answers are slow, with a bounded number in flight', async () => {
    let [inFlight, most] = [0, 0];
    const request = async () => {
      most = Math.max(most, ++inFlight);
      await sleep(400);
      inFlight--;
      return accepted;
    };
    const begun = performance.now();
    await releasePaced(partsOf(300, request), { ...options, ratePerSecond: 500 });
    const tookMs = performance.now() - begun;
    assert.ok(tookMs >= 598, `${tookMs} ms`);
    assert.ok(most > 10 && most <= 100, `${most} at a time`);
  });

  it('does not wait for those that give no answer while others could be asked', async () => {
    const givesUpAfterMs = 1_000;
    const request = async (id: string) => {
      if (Number(id) >= 50) return accepted;
      await sleep(givesUpAfterMs);
      throw new EventUnansweredError(id);
    };
    let othersDoneAfterMs = Infinity;
    const begun = performance.now();
    const onProgress = (progress: ReleaseProgress): void => {
      if (progress.accepted === 450) othersDoneAfterMs = Math.min(othersDoneAfterMs, performance.now() - begun);
    };
    const result = await releasePaced(partsOf(500, request), { ...options, onProgress });
    assert.deepEqual([result.accepted, result.unanswered], [450, 50]);
    assert.ok(othersDoneAfterMs < givesUpAfterMs, `${othersDoneAfterMs} ms`);
  });

  it('stops when it is aborted, having waited for what was in flight', async () => {
    const abort = new AbortController();
    let answered = 0;
    const request = async () => {
      abort.abort();
      await sleep(20);
      answered++;
      return accepted;
    };
    const result = await releasePaced(partsOf(100, request), { ...options, ratePerSecond: 20, signal: abort.signal });
    assert.equal(result.interrupted, true);
    assert.equal(result.accepted, 1);
    assert.equal(answered, 1);
  });

  const nobody = async (id: string) => {
    throw new EventUnansweredError(id);
  };
  const failing = async (id: string) => {
    throw new EventUnansweredError(id, { taskFailure });
  };

  for (const [what, request, hasWorker, unanswered] of [
    ['whose workflow tasks fail, wherever they stand', failing, async () => false, 300],
    ['that no living worker may take, wherever they stand', nobody, async () => true, 300],
  ] as const) {
    it(`asks every event though it meets 300 in a row ${what}`, async () => {
      for (const first of [0, 400, 700]) {
        const each = (id: string) =>
          Number(id) >= first && Number(id) < first + 300 ? request(id) : Promise.resolve(accepted);
        const result = await releasePaced(partsOf(1_000, each, hasWorker), {
          ...options,
          ratePerSecond: Infinity,
        });
        assert.deepEqual([result.accepted, result.unanswered], [700, unanswered]);
        assert.equal(new Set(result.unansweredEvents.map(({ workflowId }) => workflowId)).size, unanswered);
      }
    });
  }

  it('names the reason of each event that gave no answer', async () => {
    const request = async (id: string) => {
      throw id === '0' ? new Error('14 UNAVAILABLE') : new EventUnansweredError(id, { taskFailure });
    };
    const { unansweredEvents } = await releasePaced(partsOf(2, request), options);
    assert.deepEqual(
      unansweredEvents.map(({ reason }) => reason),
      ['14 UNAVAILABLE', 'its workflow task fails (attempt 7): Unknown encoding'],
    );
  });

  const brokenOff = async (parts: ReleaseParts): Promise<ReleaseBrokenOffError> => {
    try {
      await releasePaced(parts, options);
    } catch (error) {
      if (error instanceof ReleaseBrokenOffError) return error;
      throw error;
    }
    throw new Error('the release did not stop');
  };

  it('stops early when no worker is left, and tells how far it came', async () => {
    const request = (id: string) => (Number(id) < 3 ? Promise.resolve(accepted) : nobody(id));
    const error = await brokenOff(partsOf(1_000, request, async () => false));
    assert.match(error.message, /no worker answered/);
    assert.equal(error.progress.accepted, 3);
    assert.ok(error.progress.unanswered >= 20 && error.progress.unanswered < 150);
    assert.equal(error.progress.unansweredEvents.length, error.progress.unanswered);
  });

  it('stops early when Temporal does not answer, neither for an event nor for the list', async () => {
    const down = async () => {
      throw new Error('14 UNAVAILABLE');
    };
    assert.match((await brokenOff(partsOf(1_000, down, down))).message, /14 UNAVAILABLE/);

    async function* cutOff(): AsyncIterable<string> {
      yield* ids(5);
      await down();
    }
    const parts = { ...partsOf(1_000, async () => accepted), workflowIds: cutOff() };
    const error = await brokenOff(parts);
    assert.match(error.message, /14 UNAVAILABLE/);
    assert.equal(error.progress.accepted, 5);
  });

  it('refuses a rate that is not above 0 before it asks anything', async () => {
    await assert.rejects(releasePaced(partsOf(1, nobody), { ...options, ratePerSecond: 0 }), RangeError);
  });
});
