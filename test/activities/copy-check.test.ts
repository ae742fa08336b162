import assert from 'node:assert/strict';
import fc from 'fast-check';
import { missingCopies, type ReadableFeed } from '../../activities/copy-check.ts';

interface Activity {
  readonly id: string;
  readonly time: string;
}

/** An activity of this number: the higher, the later. */
function activity(number: number): Activity {
  const text = String(number).padStart(6, '0');
  return { id: `id-${text}`, time: `2026-01-31T12:00:00.${text}` };
}

const numbered = (...numbers: readonly number[]): Activity[] => numbers.map(activity);

/** A feed as GetStream pages it: the latest first, by id. */
class Feed implements ReadableFeed {
  readonly reads: unknown[] = [];
  activities: readonly Activity[];
  /** Told after each read, to change what the next one finds. */
  onRead: () => void = () => undefined;

  constructor(activities: readonly Activity[]) {
    this.activities = activities.toSorted((left, right) => (left.id < right.id ? 1 : -1));
  }

  get(options: { limit: number; id_lt?: string; id_lte?: string }) {
    this.reads.push(options);
    const { limit, id_lt: before, id_lte: upTo } = options;
    const results = this.activities
      .filter(({ id }) => (before === undefined || id < before) && (upTo === undefined || id <= upTo))
      .slice(0, limit);
    this.onRead();
    return Promise.resolve({ results });
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

describe('checking the copy of a follow', () => {
  it('finds just those of the latest activities that the source feed lacks, the latest first', async () => {
    const target = new Feed(numbered(...range(0, 8)));
    const source = new Feed(numbered(100, 7, 5, 3, 2, 1, 0));
    assert.deepEqual(await missingCopies(source, target, 4), ['id-000006', 'id-000004']);
    assert.deepEqual(await missingCopies(source, target, 3), ['id-000006']);
    assert.deepEqual(await missingCopies(source, target, 1), []);
    assert.deepEqual(await missingCopies(source, new Feed([]), 9), []);
    assert.deepEqual(await missingCopies(new Feed([]), target, 2), ['id-000007', 'id-000006']);
  });

  it('says the same as the sets of ids do, whatever stands in the two feeds', async () => {
    const numbers = fc.uniqueArray(fc.nat(400), { maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(numbers, numbers, fc.integer({ min: 1, max: 300 }), async (own, copied, copyLimit) => {
        const target = new Feed(numbered(...own));
        const expected = target.activities
          .slice(0, copyLimit)
          .filter(({ id }) => !copied.some((one) => activity(one).id === id));
        assert.deepEqual(
          await missingCopies(new Feed(numbered(...copied)), target, copyLimit),
          expected.map(({ id }) => id),
        );
      }),
    );
  });

  it('reads pages of a hundred, and no more of them than it takes', async () => {
    const target = new Feed(numbered(...range(0, 300)));
    const source = new Feed(numbered(...range(0, 400)));
    assert.deepEqual(await missingCopies(source, target, 150), []);
    assert.deepEqual(target.reads, [{ limit: 100 }, { limit: 50, id_lt: 'id-000200' }]);
    assert.deepEqual(source.reads, [
      { limit: 100, id_lte: 'id-000299' },
      { limit: 100, id_lt: 'id-000200' },
    ]);
    const early = new Feed(numbered(...range(0, 400)));
    assert.deepEqual(await missingCopies(early, target, 100), []);
    assert.deepEqual(early.reads, [{ limit: 100, id_lte: 'id-000299' }]);
    const short = new Feed(numbered(1, 2));
    await missingCopies(source, short, 150);
    assert.equal(short.reads.length, 1);
    const lacking = new Feed(numbered(...range(0, 150)));
    assert.equal((await missingCopies(lacking, new Feed(numbered(200, 100)), 2)).length, 1);
    assert.deepEqual(lacking.reads, [{ limit: 100, id_lte: 'id-000200' }]);
  });

  it('reads on among activities of one time', async () => {
    const { time } = activity(1);
    const ofOneTime = range(0, 150).map((number) => ({ ...activity(number), time }));
    assert.deepEqual(
      await missingCopies(new Feed(ofOneTime), new Feed([...ofOneTime.slice(0, 1), ...numbered(149)]), 2),
      [],
    );
  });

  it('does not miss what was removed from the target meanwhile', async () => {
    const target = new Feed(numbered(3, 2, 1));
    const source = new Feed(numbered(1));
    source.onRead = () => {
      target.activities = numbered(3, 1);
    };
    assert.deepEqual(await missingCopies(source, target, 3), ['id-000003']);
  });

  it('counts a source as complete that is too busy to be read within 30 pages', async () => {
    const busy = (pages: number) => {
      const feed = new Feed(numbered(...range(1, 100 * pages)));
      return missingCopies(feed, new Feed(numbered(100 * pages, 0)), 2).then((missing) => [missing, feed.reads.length]);
    };
    assert.deepEqual(await busy(30), [['id-003000', 'id-000000'], 30]);
    assert.deepEqual(await busy(31), [[], 30]);
  });

  it('leaves out what is no activity', async () => {
    const odd: ReadableFeed = {
      get: () =>
        Promise.resolve({
          results: [null, 7, 'id-1', {}, { id: 'x' }, { time: '' }, { id: 1, time: '' }, { id: 'x', time: 1 }],
        }),
    };
    assert.deepEqual(await missingCopies(odd, odd, 5), []);
    assert.deepEqual(await missingCopies(new Feed([]), odd, 5), []);
    assert.deepEqual(await missingCopies(odd, new Feed(numbered(1)), 5), ['id-000001']);
  });
});
