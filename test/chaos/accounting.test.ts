import assert from 'node:assert/strict';
import { describeRun, judge, type RunFacts } from './accounting.ts';

const COUNTS = { received: 5, started: 3, joined: 1, deduplicated: 1, rejected: 0, returned: 0, inFlight: 0 };
const CLEAN: RunFacts = {
  seed: 1,
  events: 5,
  uniqueActivities: 2,
  differences: [],
  effects: { activitiesCreated: 3, activitiesRemoved: 1 },
  statuses: { applied: 4, superseded: 1 },
  open: 0,
  queued: 0,
  deadLetters: 0,
  redriven: 1,
  released: 2,
  lives: [{ name: 'bridge-0', pid: 7, end: 'stopped', counts: COUNTS }],
  injected: { kill: 1 },
  skipped: [],
  healedMs: 10,
};

describe('the accounting of a chaos run', () => {
  it('finds nothing wrong with a clean run', () => {
    const verdict = judge(CLEAN);
    assert.deepEqual(verdict, { lost: 0, doubled: 0, wrongEdges: 0, faults: [] });
    const text = describeRun(CLEAN, verdict);
    assert.match(text, /lost 0, doubled 0, wrong edges 0/);
    assert.match(text, /bridge-0 7 stopped: received 5 = 3 started .* \(off by 0\)/);
    assert.match(text, /all is well/);
  });

  it('tells lost, doubled and wrong edges apart', () => {
    const verdict = judge({
      ...CLEAN,
      differences: [
        'user:a holds Post:a-1 0 times',
        'user:a holds Post:a-2 2 times',
        'user:a holds Post:b-2, which nobody published there',
        'reaction 1 should not be there',
        'timeline:a does not follow user:b',
        'timeline:a follows user:c',
      ],
    });
    assert.deepEqual([verdict.lost, verdict.doubled, verdict.wrongEdges], [1, 2, 3]);
    assert.equal(verdict.faults.length, 6);
  });

  it('sees an activity that was created twice in its lifetime', () => {
    assert.equal(judge({ ...CLEAN, effects: { activitiesCreated: 3 } }).doubled, 1);
  });

  it('fails what is left over', () => {
    const faultsOf = (change: Partial<RunFacts>) => judge({ ...CLEAN, ...change }).faults;
    assert.match(faultsOf({ statuses: { parked: 2 } })[0] ?? '', /2 events are parked/);
    assert.match(faultsOf({ open: 1 })[0] ?? '', /1 workflows are open/);
    assert.match(faultsOf({ queued: 1 })[0] ?? '', /still queued/);
    assert.match(faultsOf({ deadLetters: 1 })[0] ?? '', /dead-letter/);
  });

  it('holds a process that was stopped, but not one that was killed, to its balance', () => {
    const counts = { ...COUNTS, received: 6 };
    const life = { name: 'bridge-1', pid: 8, counts };
    assert.match(judge({ ...CLEAN, lives: [{ ...life, end: 'stopped' }] }).faults[0] ?? '', /does not balance/);
    assert.deepEqual(judge({ ...CLEAN, lives: [{ ...life, end: 'killed' }] }).faults, []);
    assert.match(judge({ ...CLEAN, lives: [{ ...life, end: 'died' }] }).faults[0] ?? '', /died by itself/);
  });
});
