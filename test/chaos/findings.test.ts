import assert from 'node:assert/strict';
import type { EdgeRegister } from '../../contracts/events/edge-order.ts';
import type { PlannedFollows, PlannedPost } from '../support/traffic.ts';
import { followEvent, postEvent } from '../support/events.ts';
import { judgeEdge, judgePost } from './findings.ts';
import type { RunRecord } from './run-records.ts';

const post: PlannedPost = { workflowId: 'activity/p', feed: 'user:a', foreignId: 'Post:a-1', activityId: 'id' };

/** An edge of which each event does the opposite of the one before: follow, unfollow, follow, ... at 1, 2, 3, ... ms. */
function edgeOf(events: number): PlannedFollows {
  const moments = Array.from({ length: events }, (_, index) => ({ atMs: index + 1, stands: index % 2 === 0 }));
  return { kind: 'follow', workflowId: 'follow/a/b', source: 'timeline:a', target: 'user:b', moments };
}

function given(...times: readonly number[]): RunRecord['given'] {
  return times.map((time) => ({
    event: followEvent({ kind: time % 2 === 1 ? 'Follow' : 'Unfollow', at: time * 1000 }),
    atMs: time,
  }));
}

function position(time: number) {
  return { eventTimeMicros: time * 1000, present: time % 2 === 1, tieBreak: '' };
}

const applied = (time: number): EdgeRegister => position(time);
const givenUp = (time: number, stands?: number): EdgeRegister => ({
  ...position(time),
  stands: stands === undefined ? null : position(stands),
});

function run(change: Partial<RunRecord> = {}): RunRecord {
  return {
    workflowId: 'follow/a/b',
    runId: 'r',
    execution: 'COMPLETED',
    isLatest: true,
    status: 'applied',
    exposed: [],
    given: [],
    registers: [],
    givingUp: [],
    taskFailures: [],
    ...change,
  };
}

const skip = { what: 'skip', atMs: 9 } as const;

describe('the judgement of an edge under operators', () => {
  const cases: {
    readonly name: string;
    readonly events: number;
    readonly runs: readonly RunRecord[];
    readonly is: 'follows' | 'nothing';
    /** Of findings. */
    readonly kinds: readonly string[];
  }[] = [
    { name: 'its last event stands', events: 1, is: 'follows', kinds: [], runs: [run({ registers: [applied(1)] })] },
    {
      name: 'its last event does not stand',
      events: 1,
      is: 'nothing',
      kinds: ['wrongEdge'],
      runs: [run({ registers: [applied(1)] })],
    },
    { name: 'it was never started', events: 1, is: 'nothing', kinds: ['lost'], runs: [] },
    {
      name: 'its last event came to no run',
      events: 2,
      is: 'follows',
      kinds: ['lost', 'lost'],
      runs: [run({ given: given(1), registers: [applied(1)] })],
    },
    {
      name: 'its last event was taken and forgotten',
      events: 2,
      is: 'follows',
      kinds: ['lost'],
      runs: [run({ given: given(1, 2), registers: [applied(1)] })],
    },
    {
      name: 'its last event was skipped, and the one before stands',
      events: 2,
      is: 'follows',
      kinds: [],
      runs: [run({ given: given(1, 2), registers: [applied(1), givenUp(2, 1)], givingUp: [skip] })],
    },
    {
      name: 'its last event was skipped, and stands',
      events: 2,
      is: 'nothing',
      kinds: ['wrongEdge'],
      runs: [run({ given: given(1, 2), registers: [applied(1), givenUp(2, 1)], givingUp: [skip] })],
    },
    {
      name: 'its last event was given up, though nobody asked',
      events: 2,
      is: 'follows',
      kinds: ['lost'],
      runs: [run({ given: given(1, 2), registers: [applied(1), givenUp(2, 1)] })],
    },
    {
      name: 'what was asked came before its last event',
      events: 2,
      is: 'follows',
      kinds: ['lost'],
      runs: [run({ given: given(1, 2), registers: [applied(1), givenUp(2, 1)], givingUp: [{ ...skip, atMs: 1 }] })],
    },
    {
      name: 'what was applied before the skipped event is forgotten',
      events: 3,
      is: 'nothing',
      kinds: ['lost'],
      runs: [run({ given: given(1, 3), registers: [applied(1), givenUp(3)], givingUp: [skip] })],
    },
    {
      name: 'it was terminated half-way: its event may stand',
      events: 2,
      is: 'nothing',
      kinds: [],
      runs: [run({ execution: 'TERMINATED', status: 'pending', given: given(1, 2), registers: [applied(1)] })],
    },
    {
      name: 'it was terminated half-way: or what stood before',
      events: 2,
      is: 'follows',
      kinds: [],
      runs: [run({ execution: 'TERMINATED', status: 'parked', given: given(1, 2), registers: [applied(1)] })],
    },
    {
      name: 'it was terminated half-way of a follow, on nothing',
      events: 2,
      is: 'follows',
      kinds: ['wrongEdge'],
      runs: [run({ execution: 'TERMINATED', status: 'pending', given: given(2), registers: [applied(2)] })],
    },
    {
      name: 'it was terminated when all was done',
      events: 1,
      is: 'nothing',
      kinds: ['wrongEdge'],
      runs: [run({ execution: 'TERMINATED', given: given(1), registers: [applied(1)] })],
    },
    {
      name: 'a later run applied what an earlier one gave up',
      events: 1,
      is: 'follows',
      kinds: [],
      runs: [run({ isLatest: false, registers: [givenUp(1)], givingUp: [skip] }), run({ registers: [applied(1)] })],
    },
    {
      name: 'an earlier run knows more than the latest',
      events: 2,
      is: 'nothing',
      kinds: [],
      runs: [run({ isLatest: false, registers: [applied(2)] }), run({ registers: [applied(1)] })],
    },
    {
      name: 'it is open',
      events: 1,
      is: 'follows',
      kinds: ['stuck'],
      runs: [run({ execution: 'RUNNING', registers: [applied(1)] })],
    },
    {
      name: 'a workflow task failed',
      events: 1,
      is: 'follows',
      kinds: ['stuck'],
      runs: [run({ taskFailures: ['x'], registers: [applied(1)] })],
    },
  ];
  for (const { name, events, runs, is, kinds } of cases) {
    it(`${name}: ${kinds.join(', ') || 'right'}`, () => {
      const { findings } = judgeEdge(edgeOf(events), is, runs);
      assert.deepEqual(
        findings.map(({ kind }) => kind),
        kinds,
        JSON.stringify(findings),
      );
    });
  }
});

describe('the judgement of a post under operators', () => {
  const own = { workflowId: post.workflowId, given: [{ event: postEvent(), atMs: 0 }] };
  const cases: readonly (readonly [string, number, readonly RunRecord[], readonly string[]])[] = [
    ['applied, once', 1, [run(own)], []],
    ['applied, nowhere', 0, [run(own)], ['lost']],
    ['applied, twice', 2, [run(own)], ['doubled']],
    ['never started', 0, [], ['lost']],
    ['skipped, nowhere', 0, [run({ ...own, status: 'skipped', givingUp: [skip] })], []],
    ['skipped, once', 1, [run({ ...own, status: 'skipped', givingUp: [skip] })], ['wrongEdge']],
    ['compensated, nobody asked', 0, [run({ ...own, status: 'compensated' })], ['lost']],
    ['terminated, nowhere', 0, [run({ ...own, status: 'pending', execution: 'TERMINATED' })], []],
    ['terminated, once', 1, [run({ ...own, status: 'pending', execution: 'TERMINATED' })], []],
    ['skipped, reset and applied', 1, [run({ ...own, isLatest: false, status: 'skipped' }), run(own)], []],
    ['parked', 0, [run({ ...own, status: 'parked', execution: 'RUNNING' })], ['stuck', 'lost']],
  ];
  for (const [name, times, runs, kinds] of cases) {
    it(`${name}: ${kinds.join(', ') || 'right'}`, () => {
      const { findings } = judgePost(post, times, runs);
      assert.deepEqual(
        findings.map(({ kind }) => kind),
        kinds,
        JSON.stringify(findings),
      );
    });
  }
});
