import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { backoffMs } from '../../contracts/shared/backoff.ts';

const schedule = { initialMs: 100, maximumMs: 1_000 };

describe('backoffMs', () => {
  it('doubles from the initial to the maximum pause', () => {
    const longest = [1, 2, 3, 4, 5, 50, 5_000].map((failures) => backoffMs(schedule, failures, () => 1));
    assert.deepEqual(longest, [100, 200, 400, 800, 1_000, 1_000, 1_000]);
  });

  it('never pauses less than half, nor more than the maximum', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, random) => {
          const pause = backoffMs(schedule, failures, () => random);
          assert.ok(pause >= Math.min(1_000, 100 * 2 ** (failures - 1)) / 2);
          assert.ok(pause <= 1_000);
        },
      ),
    );
  });
});
