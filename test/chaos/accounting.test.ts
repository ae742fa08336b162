import assert from 'node:assert/strict';
import { describeRun, judge, type RunFacts } from './accounting.ts';

const COUNTS = { received: 5, started: 3, joined: 1, deduplicated: 1, rejected: 0, returned: 0, inFlight: 0 };
const CLEAN: RunFacts = {
  seed: 1,
  events: 5,
  posts: { applied: 2, givenUp: 0, torn: 0, lost: 0 },
  edges: { applied: 1, givenUp: 1, torn: 0, lost: 0 },
  goingOn: 2,
  findings: [],
  standing: 2,
  effects: { activitiesCreated: 3, activitiesRemoved: 1 },
  statuses: { applied: 4, superseded: 1 },
  queued: 0,
  rejected: 1,
  poison: 1,
  redriven: 1,
  released: 2,
  skippedAtLast: 0,
  lives: [{ name: 'bridge-0', pid: 7, end: 'stopped', counts: COUNTS, exposed: [] }],
  injected: { kill: 1 },
  operators: { 'retry by signal': { done: 3, refused: 1, unanswered: 0, withoutTarget: 2 } },
  skipped: [],
  healedMs: 10,
};

describe('the accounting of a chaos run', () => {
  it('finds nothing wrong with a clean run', () => {
    const verdict = judge(CLEAN);
    assert.deepEqual(verdict, { lost: 0, doubled: 0, wrongEdges: 0, stuck: 0, faults: [] });
    const text = describeRun(CLEAN, verdict);
    assert.match(text, /lost 0, doubled 0, wrong edges 0, stuck 0/);
    assert.match(text, /edges: 1 applied, 1 given up, 0 ended half-way, 0 lost; edges that took one more event: 2/);
    assert.match(text, /retry by signal: 3\/1\/0\/2/);
    assert.match(text, /bridge-0 7 stopped: received 5 = 3 started .* \(off by 0\)/);
    assert.match(text, /all is well/);
  });

  it('counts lost, doubled and stuck events and wrong edges apart', () => {
    const kinds = ['lost', 'doubled', 'doubled', 'wrongEdge', 'wrongEdge', 'wrongEdge', 'stuck'] as const;
    const verdict = judge({ ...CLEAN, findings: kinds.map((kind) => ({ kind, text: kind })) });
    assert.deepEqual([verdict.lost, verdict.doubled, verdict.wrongEdges, verdict.stuck], [1, 2, 3, 1]);
    assert.equal(verdict.faults.length, 7);
  });

  it('sees an activity that was created and stands nowhere', () => {
    assert.equal(judge({ ...CLEAN, effects: { activitiesCreated: 3 } }).doubled, 1);
  });

  it('fails what is left over', () => {
    const faultsOf = (change: Partial<RunFacts>) => judge({ ...CLEAN, ...change }).faults;
    assert.match(faultsOf({ queued: 1 })[0] ?? '', /still queued/);
    assert.match(faultsOf({ rejected: 2 })[0] ?? '', /2 messages are rejected, 1 were poison/);
    assert.match(faultsOf({ rejected: 0 })[0] ?? '', /0 messages are rejected/);
  });

  it('fails a run of which one process told a secret', () => {
    const life = { name: 'events-0', pid: 9, end: 'killed' as const, exposed: ['a signed token: …'] };
    assert.deepEqual(judge({ ...CLEAN, lives: [life] }).faults, ['exposed by events-0 (9): a signed token: …']);
  });

  it('holds a process that was stopped, but not one that was killed, to its balance', () => {
    const counts = { ...COUNTS, received: 6 };
    const life = { name: 'bridge-1', pid: 8, counts, exposed: [] };
    assert.match(judge({ ...CLEAN, lives: [{ ...life, end: 'stopped' }] }).faults[0] ?? '', /does not balance/);
    assert.deepEqual(judge({ ...CLEAN, lives: [{ ...life, end: 'killed' }] }).faults, []);
    assert.match(judge({ ...CLEAN, lives: [{ ...life, end: 'died' }] }).faults[0] ?? '', /died by itself/);
  });
});
