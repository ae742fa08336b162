import assert from 'node:assert/strict';
import { assert as check, asyncProperty, integer } from 'fast-check';
import { TimeLimit } from '../../bridge/abortable.ts';
import { CongestionWindow } from '../../bridge/congestion-window.ts';
import { eventually } from '../support/eventually.ts';

const never = new AbortController().signal;

describe('CongestionWindow', () => {
  it('lets no more run at once than it may, first come first served', async () => {
    const window = new CongestionWindow({ most: 2 });
    const [first] = [await window.enter(never), await window.enter(never)];
    const entered: number[] = [];
    const waiting = [1, 2, 3].map(async (n) => {
      const place = await window.enter(never);
      entered.push(n);
      return place;
    });
    await Promise.resolve();
    assert.deepEqual(entered, []);
    first?.leave(false);
    (await waiting[0])?.leave(false);
    (await waiting[1])?.leave(false);
    await waiting[2];
    assert.deepEqual(entered, [1, 2, 3]);
  });

  it('halves once for work that was too late together, down to one, and grows again by what is in time', async () => {
    const window = new CongestionWindow({ most: 8 });
    const burst = await Promise.all(Array.from({ length: 8 }, () => window.enter(never)));
    for (const place of burst) place.leave(true);
    assert.equal(window.size, 4);
    for (let round = 0; round < 4; round += 1) (await window.enter(never)).leave(true);
    assert.equal(window.size, 1);
    for (let round = 0; round < 60; round += 1) (await window.enter(never)).leave(false);
    assert.equal(window.size, 8);
  });

  it('grows by one piece of work only when a whole window of it was in time, and tells each how many may run', async () => {
    const window = new CongestionWindow({ most: 4 });
    (await window.enter(never)).leave(true);
    const sizes: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const place = await window.enter(never);
      sizes.push(place.size);
      place.leave(false);
    }
    // 2, 2.5, 2.9, 3.2
    assert.deepEqual(sizes, [2, 2, 2, 3]);
  });

  it('counts a place that is left twice once', async () => {
    const window = new CongestionWindow({ most: 2 });
    const [left] = [await window.enter(never), await window.enter(never)];
    left.leave(false);
    left.leave(true);
    assert.equal(window.size, 2);
    await window.enter(never);
    const oneTooMany = AbortSignal.timeout(20);
    await assert.rejects(window.enter(oneTooMany), { name: 'TimeoutError' });
  });

  it('gives the place of one that stopped waiting to the next', async () => {
    const window = new CongestionWindow({ most: 1 });
    const running = await window.enter(never);
    const gone = new AbortController();
    const aborted = window.enter(gone.signal);
    const next = window.enter(never);
    gone.abort(new Error('gone'));
    running.leave(false);
    await assert.rejects(aborted, /gone/);
    (await next).leave(false);
    await assert.rejects(window.enter(gone.signal), /gone/);
  });

  it('gets work done that a service answers late when all of it comes at once', async () => {
    assert.equal(await doneInTime(new CongestionWindow({ most: 100 })), 100);
    // The same without a window that gives way: each waits for all others, so that nobody is ever in time.
    assert.equal(await doneInTime({ enter: () => Promise.resolve({ size: 100, leave: () => undefined }) }), 0);
  });

  it('loses no place, however waits are aborted and work ends', async () => {
    const scenario = asyncProperty(integer({ min: 1, max: 5 }), integer(), async (most, seed) => {
      const window = new CongestionWindow({ most });
      let running = 0;
      const one = async (n: number): Promise<void> => {
        const abort = new AbortController();
        if ((seed >> (n % 13)) % 2 === 0) setImmediate(() => abort.abort());
        const place = await window.enter(abort.signal).catch(() => undefined);
        if (!place) return;
        running += 1;
        assert.ok(running <= most);
        await new Promise(setImmediate);
        running -= 1;
        place.leave((seed >> (n % 11)) % 3 === 0);
      };
      await Promise.all(Array.from({ length: 30 }, (_, n) => one(n)));
      // All places are free again: it grows to its full size and takes as many at once.
      for (let round = 0; round < 60; round += 1) (await window.enter(never)).leave(false);
      await Promise.all(Array.from({ length: most }, () => window.enter(never)));
    });
    await check(scenario, { numRuns: 50 });
  });
});

/** Of 100 who each need three answers within 30 ticks, and begin again when it took longer; the service gives one a tick. */
async function doneInTime(window: Pick<CongestionWindow, 'enter'>): Promise<number> {
  const asked: (() => void)[] = [];
  let now = 0;
  let done = 0;
  const ask = (): Promise<void> => new Promise((answered) => asked.push(answered));
  const one = async (): Promise<void> => {
    for (;;) {
      const place = await window.enter(never);
      const begun = now;
      for (let call = 0; call < 3; call += 1) await ask();
      const tooLate = now - begun > 30;
      place.leave(tooLate);
      if (!tooLate) {
        done += 1;
        return;
      }
    }
  };
  for (let worker = 0; worker < 100; worker += 1) void one();
  for (; now < 3_000; now += 1) {
    asked.shift()?.();
    await new Promise(setImmediate);
  }
  return done;
}

describe('a time limit', () => {
  it('leaves waits out', async () => {
    const limit = new TimeLimit(50, 'too late');
    const wait = Promise.withResolvers<void>();
    const suspended = limit.suspendFor(wait.promise);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(limit.signal.aborted, false);
    wait.resolve();
    await suspended;
    await eventually(() => assert.match(String(limit.signal.reason), /too late/));
  });

  it('does not end what was done in time', async () => {
    const limit = new TimeLimit(10, 'too late');
    limit.clear();
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(limit.signal.aborted, false);
  });
});
