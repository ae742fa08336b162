import assert from 'node:assert/strict';
import { Batcher } from '../../bridge/batcher.ts';

describe('Batcher', () => {
  it('sends a full batch at once and the rest when its wait is over', async () => {
    const batches: number[][] = [];
    const batcher = new Batcher<number, string>({
      flush: async (items) => {
        batches.push([...items]);
        return new Map();
      },
    });
    await Promise.all(Array.from({ length: 23 }, (_, index) => batcher.add(index)));
    assert.deepEqual(
      batches.map((batch) => batch.length),
      [10, 10, 3],
    );
    assert.deepEqual(
      batches.flat(),
      Array.from({ length: 23 }, (_, index) => index),
    );
  });

  it('gives each item its own failure', async () => {
    const batcher = new Batcher<number, string>({ flush: async () => new Map([[2, 'stale']]) });
    assert.deepEqual(await Promise.all([1, 2, 3].map((item) => batcher.add(item))), [undefined, 'stale', undefined]);
  });

  it('rejects every item of a batch that failed as a whole, and goes on with the next', async () => {
    let attempts = 0;
    const batcher = new Batcher<number, string>({
      flush: async () => {
        attempts += 1;
        if (attempts === 1) throw new Error('down');
        return new Map();
      },
    });
    const first = await Promise.allSettled([batcher.add(1), batcher.add(2)]);
    assert.deepEqual(
      first.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.equal(await batcher.add(3), undefined);
  });
});
