import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import type { FailureScope } from '../../bridge/start-failure.ts';
import { StartJudge } from '../../bridge/start-judge.ts';
import { play, type Course } from './support/start-world.ts';

const MINUTES = 60_000;
const own = fc.constantFrom<FailureScope>('message', 'unknown');
const any = fc.constantFrom<FailureScope>('message', 'unknown', 'everybody');
const range = (length: number, toMs: (index: number) => number) => Array.from({ length }, (_, index) => toMs(index));
const statesOf = ({ states }: Course) => [...new Set(states.map(({ state }) => state))];

describe('StartJudge', () => {
  it('gives up up to ten messages that fail alone on an idle bridge, within five minutes, and pauses nothing', () => {
    fc.assert(
      fc.property(fc.array(own, { minLength: 1, maxLength: 10 }), fc.nat(60_000), (scopes, apartMs) => {
        const course = play({
          arrivalsMs: range(scopes.length, (index) => index * apartMs),
          attempt: (message) => scopes[message],
          probe: () => true,
          untilMs: 20 * MINUTES,
        });
        for (const [message, atMs] of course.gaveUpMs) assert.ok(atMs - message * apartMs < 4 * MINUTES);
        assert.equal(course.gaveUpMs.size, scopes.length);
        assert.deepEqual([statesOf(course), course.unreadyMs], [['well'], 0]);
      }),
    );
  });

  it('gives up any number of messages that fail beside others that start, be these ever so few', () => {
    const world = fc.record({
      scopes: fc.array(any, { minLength: 1, maxLength: 60 }),
      goodApartMs: fc.integer({ min: 200, max: 37_000 }),
      canProbe: fc.boolean(),
    });
    fc.assert(
      fc.property(world, ({ scopes, goodApartMs, canProbe }) => {
        const bad = scopes.filter((scope) => scope !== 'everybody').length;
        const course = play({
          arrivalsMs: [
            ...scopes.map(() => 0),
            ...range(Math.ceil((6 * MINUTES) / goodApartMs), (n) => n * goodApartMs),
          ],
          attempt: (message) => scopes[message],
          ...(canProbe ? { probe: () => true } : {}),
          untilMs: 6 * MINUTES,
        });
        const gaveUp = [...course.gaveUpMs].filter(([message]) => scopes[message] !== 'everybody');
        assert.equal(gaveUp.length, bad);
        assert.ok(gaveUp.every(([, atMs]) => atMs < 5 * MINUTES));
      }),
      { numRuns: 30 },
    );
  });

  it('gives up nothing in an outage of any length that says it is everybody’s, by its codes or by the probe', () => {
    const outage = fc.record({
      arrivalsMs: fc.array(fc.nat(60 * MINUTES), { minLength: 1, maxLength: 40 }),
      told: fc.constantFrom('by codes', 'by the probe', 'by nothing, as there is no probe'),
    });
    fc.assert(
      fc.property(outage, ({ arrivalsMs, told }) => {
        const course = play({
          arrivalsMs: arrivalsMs.toSorted((a, b) => a - b),
          attempt: (_, nowMs) => (nowMs > 60 * MINUTES ? undefined : told === 'by codes' ? 'everybody' : 'unknown'),
          ...(told === 'by nothing, as there is no probe' ? {} : { probe: () => told !== 'by the probe' }),
          untilMs: 62 * MINUTES,
        });
        assert.equal(course.gaveUpMs.size, 0);
        assert.equal(course.startedMs.size, arrivalsMs.length);
        assert.ok(statesOf(course).includes('down'));
        assert.equal(course.states.at(-1)?.state, 'well');
      }),
      { numRuns: 20 },
    );
  });

  it('gives up nothing while many fail and none starts, although probes are answered, and is not ready then', () => {
    fc.assert(
      fc.property(own, fc.integer({ min: 11, max: 100 }), fc.nat(1_000), (scope, count, apartMs) => {
        const course = play({
          arrivalsMs: range(count, (index) => Math.min(index * apartMs, 10_000)),
          attempt: (_, nowMs) => (nowMs > 60 * MINUTES ? undefined : scope),
          probe: () => true,
          untilMs: 61 * MINUTES,
        });
        assert.equal(course.gaveUpMs.size, 0);
        assert.equal(course.startedMs.size, count);
        assert.ok(course.unreadyMs > 58 * MINUTES);
      }),
      { numRuns: 10 },
    );
  });

  it('gives up ten messages at most while none ever starts, however slowly they come', () => {
    for (const scope of ['message', 'unknown'] as const) {
      const { gaveUpMs } = play({
        arrivalsMs: range(100, (index) => index * 37_000),
        attempt: () => scope,
        probe: () => true,
        untilMs: 120 * MINUTES,
      });
      assert.ok(gaveUpMs.size <= 10, `${gaveUpMs.size} of kind ${scope}`);
    }
  });

  it('takes a lucky start now and then for no proof that the many others fail by themselves', () => {
    const { gaveUpMs, startedMs } = play({
      arrivalsMs: range(60, () => 0),
      attempt: (message, nowMs) => (nowMs > (message + 1) * MINUTES ? undefined : 'unknown'),
      probe: () => true,
      untilMs: 65 * MINUTES,
    });
    // The last ten are few, and fail alone as far as can be seen.
    assert.ok(gaveUpMs.size <= 10, `${gaveUpMs.size} given up`);
    assert.equal(startedMs.size + gaveUpMs.size, 60);
  });

  it('counts no time of an outage against a message that failed before it', () => {
    const judge = new StartJudge({ canProbe: true });
    const [bad, hit, good] = ['bad', 'hit', 'good'].map((messageId) => ({ messageId }));
    assert.ok(bad && hit && good);
    for (const atMs of [0, 1_000, 2_000, 3_000]) {
      assert.equal(judge.failed(bad, 'unknown', atMs).giveUp, false);
      judge.probed(true, atMs + 500, atMs + 500);
    }
    judge.failed(hit, 'everybody', 10_000);
    judge.succeeded(good, 3_600_000);
    assert.equal(judge.failed(bad, 'unknown', 3_601_000).giveUp, false);
    judge.succeeded(good, 3_602_000);
    assert.equal(judge.failed(bad, 'unknown', 3_600_000 + 150_000).giveUp, true);
  });

  it('is less patient when no room is left for messages that wait', () => {
    for (const pressed of [false, true]) {
      const judge = new StartJudge({ canProbe: true });
      const bad = { messageId: 'bad' };
      let atMs = 0;
      for (; !judge.failed(bad, 'unknown', atMs, pressed).giveUp; atMs += 5_000) judge.probed(true, atMs, atMs);
      assert.ok(pressed ? atMs <= 40_000 : atMs > 150_000, `${atMs} ms`);
    }
  });

  it('gives up nothing where starts fail at random, nine of ten even, since what failed heals', () => {
    for (const failing of [0.5, 0.9]) {
      let seed = 1;
      const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
      const { gaveUpMs, startedMs } = play({
        arrivalsMs: range(2_000, (index) => index * 500),
        attempt: () => (random() < failing ? 'unknown' : undefined),
        probe: () => true,
        untilMs: 60 * MINUTES,
      });
      assert.deepEqual([gaveUpMs.size, startedMs.size], [0, 2_000], `${failing} fail`);
    }
  });

  it('lets a code that claims to be everybody’s pause only until others start meanwhile', () => {
    const judge = new StartJudge({ canProbe: true });
    const [bad, ...others] = range(5, (index) => index).map((id) => ({ messageId: String(id) }));
    assert.ok(bad);
    assert.equal(judge.failed(bad, 'everybody', 0).scope, 'everybody');
    assert.equal(judge.state, 'down');
    for (const [index, other] of others.entries()) {
      judge.succeeded(other, 1_000 + index);
      assert.equal(judge.failed(bad, 'everybody', 2_000 + index).scope, 'message');
      assert.equal(judge.state, 'well');
    }
  });

  it('does not hear a probe that fails although starts succeed', () => {
    const judge = new StartJudge({ canProbe: true });
    const [bad, good] = [{ messageId: 'bad' }, { messageId: 'good' }];
    judge.failed(bad, 'message', 0);
    judge.probed(false, 1, 2);
    assert.equal(judge.state, 'down');
    judge.succeeded(good, 10);
    for (const atMs of [20, 30, 40]) judge.probed(false, atMs, atMs);
    assert.equal(judge.state, 'well');
    judge.probed(true, 50, 50);
    judge.probed(false, 60, 60);
    assert.equal(judge.state, 'down');
  });

  it('counts a message by its id, so that deliveries of the same one are no crowd', () => {
    const judge = new StartJudge({ canProbe: true });
    for (let delivery = 0; delivery < 50; delivery++) {
      const message = { messageId: 'the same' };
      judge.failed(message, 'unknown', delivery);
      judge.settled(message, delivery);
      judge.failed(message, 'unknown', delivery);
      assert.equal(judge.state, 'well');
    }
  });

  it('lets a message stand aside as soon as its failure is its own, and not before a probe has told', () => {
    const judge = new StartJudge({ canProbe: true });
    const [refused, unclear] = [{ messageId: 'refused' }, { messageId: 'unclear' }];
    judge.failed(refused, 'message', 0);
    judge.failed(unclear, 'unknown', 1);
    assert.deepEqual(
      [refused, unclear].map((message) => judge.mayStandAside(message)),
      [true, false],
    );
    judge.probed(true, 2, 3);
    assert.equal(judge.mayStandAside(unclear), true);
    judge.probed(false, 4, 5);
    assert.deepEqual(
      [refused, unclear].map((message) => judge.mayStandAside(message)),
      [false, false],
    );
  });

  it('is well again when the last message that failed has left without a success', () => {
    const judge = new StartJudge({ canProbe: true });
    const [first, second] = [{ messageId: '1' }, { messageId: '2' }];
    judge.failed(first, 'everybody', 0);
    judge.failed(second, 'everybody', 0);
    judge.settled(first, 1);
    assert.equal(judge.state, 'down');
    judge.settled(second, 2);
    assert.deepEqual([judge.state, judge.failing], ['well', 0]);
  });
});
