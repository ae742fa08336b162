import assert from 'node:assert/strict';
import { EventClosedError, EventUnansweredError, ReleaseBrokenOffError } from '../../client/event-errors.ts';
import { releasePaced, type ReleaseOptions, type ReleaseProgress } from '../../client/release.ts';

describe('a paced release', () => {
  const options = { action: 'retry', ratePerSecond: 1_000 } satisfies ReleaseOptions;
  const accepted = { accepted: true, status: 'pending', message: '' } as const;
  const refused = { accepted: false, status: 'pending', message: '' } as const;

  async function* ids(count: number): AsyncIterable<string> {
    for (let id = 0; id < count; id++) yield String(id);
  }

  it('counts what became of each event and says so after each', async () => {
    const progress: ReleaseProgress[] = [];
    const request = async (id: string) => {
      if (id === '1') throw new EventClosedError(id, 'skipped');
      if (id === '2') throw new EventUnansweredError(id);
      return id === '0' ? refused : accepted;
    };
    const result = await releasePaced(
      { found: 5, workflowIds: ids(5), request },
      { ...options, onProgress: (each) => progress.push(each) },
    );
    assert.deepEqual(result, { found: 5, accepted: 2, refused: 1, gone: 1, unanswered: 1, interrupted: false });
    assert.equal(progress.length, 5);
  });

  it('keeps its pace though the answers are slow, with a bounded number under way', async () => {
    let [underWay, most] = [0, 0];
    const request = async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setTimeout(resolve, 60));
      underWay--;
      return accepted;
    };
    const begun = performance.now();
    await releasePaced({ found: 30, workflowIds: ids(30), request }, { ...options, ratePerSecond: 100 });
    assert.ok(performance.now() - begun >= 290);
    assert.ok(most > 1 && most <= 10, `${most} at a time`);
  });

  it('stops when it is aborted, having waited for what was under way', async () => {
    const abort = new AbortController();
    let answered = 0;
    const request = async () => {
      abort.abort();
      await new Promise((resolve) => setTimeout(resolve, 20));
      answered++;
      return accepted;
    };
    const parts = { found: 100, workflowIds: ids(100), request };
    const result = await releasePaced(parts, { ...options, ratePerSecond: 20, signal: abort.signal });
    assert.equal(result.interrupted, true);
    assert.equal(result.accepted, 1);
    assert.equal(answered, 1);
  });

  it('breaks off when nothing answers any more, and tells how far it came', async () => {
    const request = async (id: string) => {
      if (Number(id) >= 3) throw new EventUnansweredError(id);
      return accepted;
    };
    await assert.rejects(releasePaced({ found: 1_000, workflowIds: ids(1_000), request }, options), (error) => {
      assert.ok(error instanceof ReleaseBrokenOffError);
      assert.match(error.message, /no worker answered/);
      assert.ok(Reflect.get(Object(error.progress), 'accepted') === 3);
      assert.ok(Number(Reflect.get(Object(error.progress), 'unanswered')) < 20);
      return true;
    });
  });
});
