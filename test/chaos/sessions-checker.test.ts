import assert from 'node:assert/strict';
import { AccountRecord } from './sessions/account-record.ts';
import { falseEndsOf } from './sessions/history.ts';
import { SILENCE_MS } from './sessions/policy.ts';
import { planSessionFaults } from './sessions/plan.ts';
import { QUICK_SESSIONS } from './sessions/options.ts';
import { sigmaRecord } from './sessions/sigma.ts';
import { unexplained, unexplainedSigma } from './sessions/verdict.ts';

const GRANTED = { outcome: 'granted', evicted: [] } as const;

/** Grants one after the other, each stream last heard of at its grant. */
function granted(...times: readonly number[]): AccountRecord {
  const record = new AccountRecord('alice', 'two');
  for (const [index, invokedAt] of times.entries()) {
    const span = { invokedAt, returnedAt: invokedAt + 10 };
    record.operate({ kind: 'acquire', id: `d${index}`, evict: [] }, GRANTED, span);
    record.story(`d${index}`).alive.push({ ...span, door: 'a', keptForMs: SILENCE_MS });
  }
  return record;
}

describe('the checker of stream sessions', () => {
  it('takes a third stream only once a lease may have run out', () => {
    assert.deepEqual(unexplained(granted(0, 100)), []);
    assert.match(unexplained(granted(0, 100, 4_000))[0] ?? '', /over the cap/);
    assert.deepEqual(unexplained(granted(0, 100, 6_000)), []);
  });

  it('lets no lease run out of a stream that was heard of meanwhile', () => {
    const record = granted(0, 100, 6_000);
    for (const device of ['d0', 'd1'])
      record.story(device).alive.push({ invokedAt: 3_000, returnedAt: 3_010, door: 'a', keptForMs: SILENCE_MS });
    assert.match(unexplained(record)[0] ?? '', /over the cap/);
  });

  it('lets a call without an answer have happened, or not', () => {
    for (const [end, faults] of [
      [undefined, 0],
      [{ outcome: 'done', ids: [] }, 1],
    ] as const) {
      const record = granted(0, 100);
      record.operate({ kind: 'release', id: 'd0' }, undefined, { invokedAt: 200, returnedAt: 210 });
      record.operate({ kind: 'acquire', id: 'd2', evict: [] }, GRANTED, { invokedAt: 300, returnedAt: 310 });
      // Gone once, it cannot have been there again to make room for another one.
      if (end) record.operate({ kind: 'acquire', id: 'd3', evict: [] }, GRANTED, { invokedAt: 400, returnedAt: 410 });
      assert.equal(unexplained(record).length, faults);
    }
  });

  it('sees a refusal though there was room, and a stream that came back', () => {
    const refused = granted(0);
    const answer = { outcome: 'refused', conflicts: ['d0'] } as const;
    refused.operate({ kind: 'acquire', id: 'd9', evict: [] }, answer, { invokedAt: 100, returnedAt: 110 });
    assert.equal(unexplained(refused).length, 1);
    const back = granted(0);
    back.operate({ kind: 'release', id: 'd0' }, { outcome: 'done', ids: [] }, { invokedAt: 100, returnedAt: 110 });
    back.operate({ kind: 'acquire', id: 'd0', evict: [] }, GRANTED, { invokedAt: 200, returnedAt: 210 });
    assert.equal(unexplained(back).length, 1);
  });

  it('sees an end that nobody brought about, and one that came too early', () => {
    const told = (reason: 'expired' | 'released' | 'unknown', returnedAt: number): number => {
      const record = granted(0);
      record.story('d0').told = { invokedAt: returnedAt - 5, returnedAt, end: { reason } };
      return falseEndsOf(record).length;
    };
    assert.deepEqual([told('expired', 3_000), told('expired', 6_000)], [1, 0]);
    assert.deepEqual([told('released', 6_000), told('unknown', 6_000)], [1, 1]);
  });

  it('holds an answer to what it proved, and to nothing else', () => {
    const beaten = (keptForMs: number | undefined): number => {
      const record = granted(0);
      const story = record.story('d0');
      story.alive.push({
        invokedAt: 5_000,
        returnedAt: 5_010,
        door: 'a',
        ...(keptForMs === undefined ? {} : { keptForMs }),
      });
      story.told = { invokedAt: 8_000, returnedAt: 8_005, end: { reason: 'expired' } };
      return falseEndsOf(record).length;
    };
    assert.deepEqual([beaten(5_400), beaten(2_000), beaten(undefined)], [1, 0, 0]);
  });

  it('counts the slots of Sigma’s registrations, each key once', () => {
    const record = sigmaRecord('bob', 'two');
    const register = (key: string, at: number, answer: 'done' | 'refused'): void => {
      const input = { kind: 'register', id: 'tv', key } as const;
      record.operations.push({ input, output: answer, invokedAt: at, returnedAt: at + 1 });
    };
    register('one', 0, 'done');
    register('one', 10, 'done');
    register('two', 20, 'done');
    register('three', 30, 'refused');
    assert.deepEqual(unexplainedSigma(record), []);
    register('four', 40, 'done');
    assert.equal(unexplainedSigma(record).length, 1);
  });

  it('is put to work by every kind of fault, the same for the same seed', () => {
    const plan = planSessionFaults({ ...QUICK_SESSIONS, seed: 3, faultMs: 600_000 });
    const kinds = new Set(plan.map(({ action }) => action.kind));
    assert.deepEqual(kinds, new Set(['kill', 'network', 'restartTemporal', 'killRedis', 'freezeRedis']));
    assert.deepEqual(planSessionFaults({ ...QUICK_SESSIONS, seed: 3, faultMs: 600_000 }), plan);
  });

  it('is put to work by the death of a gateway in a quick run too', () => {
    for (let seed = 0; seed < 50; seed++) {
      const actions = planSessionFaults({ ...QUICK_SESSIONS, seed }).map(({ action }) => action);
      const dies = actions.some((action) => action.kind === 'kill' && action.process.startsWith('gateway-'));
      assert.ok(dies, `seed ${seed}`);
    }
  });
});
