import assert from 'node:assert/strict';
import { QUICK, readOptions } from './options.ts';
import { planFaults } from './plan.ts';

describe('the plan of a chaos run', () => {
  const plan = planFaults({ ...QUICK, seed: 5, faultMs: 600_000 });

  it('is the same for the same seed, and another for another', () => {
    assert.deepEqual(planFaults({ ...QUICK, seed: 5, faultMs: 600_000 }), plan);
    assert.notDeepEqual(planFaults({ ...QUICK, seed: 6, faultMs: 600_000 }), plan);
  });

  it('has every kind of fault, in ascending times within the run', () => {
    const kinds = new Set(plan.map(({ action }) => action.kind));
    assert.deepEqual(
      [...kinds].toSorted((left, right) => left.localeCompare(right)),
      ['kill', 'network', 'restartQueues', 'restartTemporal', 'streamFault'],
    );
    const actions = plan.map(({ action }) => action);
    const faults = new Set(actions.flatMap((action) => (action.kind === 'streamFault' ? [action.rule.fault] : [])));
    assert.equal(faults.size, 5);
    const toxics = new Set(actions.flatMap((action) => (action.kind === 'network' ? [action.toxic.type] : [])));
    assert.equal(toxics.size, 4);
    const times = plan.map(({ atMs }) => atMs);
    assert.deepEqual(
      times,
      times.toSorted((left, right) => left - right),
    );
    assert.ok(times.every((atMs) => atMs < 600_000));
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
