import assert from 'node:assert/strict';
import { planOperators } from './operator-plan.ts';
import { QUICK, readOptions } from './options.ts';
import { planFaults } from './plan.ts';

const LONG = { ...QUICK, seed: 5, faultMs: 600_000 };

describe('the plan of a chaos run', () => {
  const plan = planFaults(LONG);

  it('is the same for the same seed, and another for another', () => {
    assert.deepEqual(planFaults(LONG), plan);
    assert.notDeepEqual(planFaults({ ...LONG, seed: 6 }), plan);
  });

  it('has every kind of fault, in ascending times within the run', () => {
    const kinds = new Set(plan.map(({ action }) => action.kind));
    assert.deepEqual(
      [...kinds].toSorted((left, right) => left.localeCompare(right)),
      ['kill', 'network', 'restartQueues', 'restartTemporal', 'streamFault'],
    );
    const actions = plan.map(({ action }) => action);
    const rules = actions.flatMap((action) => (action.kind === 'streamFault' ? action.rules : []));
    assert.equal(new Set(rules.map(({ fault }) => fault)).size, 6);
    assert.ok(rules.some(({ status }) => status === 403));
    const toxics = new Set(actions.flatMap((action) => (action.kind === 'network' ? [action.toxic.type] : [])));
    assert.equal(toxics.size, 4);
    assertTimes(plan.map(({ atMs }) => atMs));
  });

  it('kills and restarts in a quick run too', () => {
    for (let seed = 0; seed < 50; seed++) {
      const kinds = planFaults({ ...QUICK, seed }).map(({ action }) => action.kind);
      assert.ok(kinds.includes('kill') && kinds.includes('streamFault'), `seed ${seed}`);
    }
  });

  it('takes its length and seed from the command line', () => {
    assert.equal(readOptions(['--seed', '3', '--minutes', '2'])?.faultMs, 120_000);
    assert.equal(readOptions(['--quick', '--seed', '3'])?.seed, 3);
    assert.equal(readOptions(['--help']), undefined);
    assert.throws(() => readOptions(['--seed', 'x']), /--seed must be a number/);
  });
});

describe('the plan of the operators of a chaos run', () => {
  const plan = planOperators(LONG);

  it('is the same for the same seed, and another for another', () => {
    assert.deepEqual(planOperators(LONG), plan);
    assert.notDeepEqual(planOperators({ ...LONG, seed: 6 }), plan);
  });

  it('has every kind of act, in ascending times within the run', () => {
    const variants = new Set(plan.map(({ action }) => JSON.stringify({ ...action, payload: undefined })));
    // request 2 x 2, cancel and terminate 2 x 2, reset 3 x 2 x 2, batch 3 x 3, bad message 4 x 2 x 3
    assert.equal(variants.size, 4 + 4 + 12 + 9 + 24);
    assertTimes(plan.map(({ atMs }) => atMs));
  });

  it('has every kind in a quick run too', () => {
    for (let seed = 0; seed < 50; seed++) {
      const kinds = new Set(planOperators({ ...QUICK, seed }).map(({ action }) => action.kind));
      assert.equal(kinds.size, 6, `seed ${seed}`);
    }
  });
});

function assertTimes(times: readonly number[]): void {
  assert.deepEqual(
    times,
    times.toSorted((left, right) => left - right),
  );
  assert.ok(times.every((atMs) => atMs < 600_000));
}
