import assert from 'node:assert/strict';
import { assert as check, nat, property } from 'fast-check';
import { Disorder } from '../../local/disorder.ts';
import { Random } from '../../local/random.ts';

describe('seeded random numbers', () => {
  it('repeat for the same seed and lie between 0 and 1', () => {
    check(
      property(nat(), (seed) => {
        const [left, right] = [new Random(seed), new Random(seed)];
        for (let draw = 0; draw < 20; draw += 1) {
          const number = left.next();
          assert.equal(number, right.next());
          assert.ok(number >= 0 && number < 1);
        }
      }),
    );
  });

  it('pick whole numbers between both ends, ends included', () => {
    const random = new Random(3);
    const drawn = new Set(Array.from({ length: 200 }, () => random.between(2, 4)));
    assert.deepEqual(drawn, new Set([2, 3, 4]));
  });

  it('refuse to pick from nothing', () => {
    assert.throws(() => new Random(1).pick([]), RangeError);
  });
});

describe('disorder', () => {
  it('plans one or two deliveries within the longest delay', () => {
    check(
      property(nat(), (seed) => {
        const disorder = new Disorder({ seed, duplicateRate: 0.5, reorderRate: 0.5, maxDelayMs: 100 });
        for (let message = 0; message < 20; message += 1) {
          const plan = disorder.next();
          assert.ok(plan.length <= 2);
          for (const delayMs of plan) assert.ok(delayMs >= 0 && delayMs <= 100);
        }
      }),
    );
  });

  it('does nothing at rate 0 and something to every message at rate 1', () => {
    const calm = new Disorder({ seed: 1, duplicateRate: 0, reorderRate: 0 });
    const wild = new Disorder({ seed: 1, duplicateRate: 1, reorderRate: 1 });
    for (let message = 0; message < 10; message += 1) {
      assert.deepEqual(calm.next(), [0]);
      const plan = wild.next();
      assert.equal(plan.length, 2);
      assert.ok(plan[0] > 0);
    }
    assert.deepEqual(wild.counts, { duplicated: 10, reordered: 10 });
  });
});
