import assert from 'node:assert/strict';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { telling, withAttempts, type EdgeDirectory } from '../../activities/attempts.ts';
import type { EventActivities, RunFence } from '../../activities/types.ts';
import { edgePosition } from '../../contracts/events/edge-order.ts';
import type { EdgeState } from '../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';
import { followEvent } from '../support/events.ts';

const WRITES = [
  'addActivity',
  'removeActivity',
  'addReaction',
  'removeReaction',
  'follow',
  'unfollow',
  'undoFollow',
] as const satisfies readonly (keyof EventActivities)[];
const READS = ['confirmCopy', 'requireParent'] as const;
const VERIFICATIONS = ['hasActivity', 'hasReaction', 'hasFollow'] as const;
type Name = keyof EventActivities;

describe('what the activities tell of their attempts', () => {
  const stream = new FakeStream();
  const known: EdgeState = { register: edgePosition(followEvent({ edge: 'one' })) };
  const asked: string[] = [];
  const edges: EdgeDirectory = {
    latestOf(workflowId, otherThan) {
      asked.push(`${workflowId} but ${otherThan}`);
      return Promise.resolve(known);
    },
    hasFailedTask: (workflowId, runId) => Promise.resolve(workflowId === 'follow/a/b' && runId === 'own'),
  };
  const activities = withAttempts(stream.activities, edges);
  beforeEach(() => {
    stream.reset();
    asked.length = 0;
  });

  const call = (name: Name, { attempt = 1, fence }: { attempt?: number; fence?: RunFence } = {}): Promise<unknown> => {
    const environment = new MockActivityEnvironment(
      { attempt, workflowExecution: { workflowId: 'follow/a/b', runId: 'own' } },
      { logger: new DefaultLogger('ERROR') },
    );
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- inputs differ, and the stand-in looks at none
    const activity = activities[name] as (input: unknown, fence?: RunFence) => Promise<unknown>;
    return environment.run((input: unknown) => activity(input, fence), {});
  };

  for (const name of WRITES) {
    it(`${name} tells the number of a later attempt, succeeded or failed`, async () => {
      const first = await call(name);
      const answer = name === 'undoFollow' ? { answer: 'undone' } : {};
      assert.deepEqual(first, name === 'undoFollow' ? 'undone' : undefined);
      assert.deepEqual(await call(name, { attempt: 3 }), { ...answer, attempt: 3 });
      stream.next(name, streamFailure(FAILURE_TYPES.rateLimited, 700));
      await assert.rejects(call(name, { attempt: 2 }), (error) => {
        assert.ok(error instanceof ApplicationFailure);
        assert.equal(error.type, 'RateLimited');
        assert.equal(error.nextRetryDelay, 700);
        assert.deepEqual(error.details, [{ attempt: 2 }]);
        return true;
      });
    });

    it(`${name} is not made by a run that is out of date, and tells it what others know`, async () => {
      for (const fence of [{ run: 'another' }, {}]) {
        await assert.rejects(call(name, { fence }), (error) => {
          assert.ok(error instanceof ApplicationFailure);
          assert.equal(error.type, 'StaleRun');
          assert.equal(error.nonRetryable, true);
          assert.deepEqual(error.details, [{ ...known, run: 'own' }]);
          return true;
        });
      }
      assert.equal(stream.countOf(name), 0);
      assert.deepEqual(asked, ['follow/a/b but own', 'follow/a/b but own']);
      await call(name, { fence: { run: 'own' } });
      // Runs of before there were fences.
      await call(name);
      assert.equal(stream.countOf(name), 2);
    });
  }

  it('a failure is told again whole, with the attempt beside what it tells already', async () => {
    const { BENIGN } = ApplicationFailureCategory;
    const failures: readonly (readonly [failure: ApplicationFailure, told: object])[] = [
      [
        ApplicationFailure.create({
          type: 'Conflict',
          message: 'taken',
          nonRetryable: true,
          details: [{ removed: true }],
        }),
        { type: 'Conflict', message: 'taken', nonRetryable: true, details: [{ removed: true, attempt: 2 }] },
      ],
      [
        ApplicationFailure.create({ type: 'Unavailable', message: 'HTTP 503', category: BENIGN }),
        { type: 'Unavailable', message: 'HTTP 503', nonRetryable: false, category: BENIGN, details: [{ attempt: 2 }] },
      ],
      [
        ApplicationFailure.create({ message: 'x' }),
        { type: 'Internal', nonRetryable: false, details: [{ attempt: 2 }] },
      ],
    ];
    for (const [failure, told] of failures) {
      stream.next('follow', failure);
      await assert.rejects(call('follow', { attempt: 2 }), told);
    }
    const bare = new ApplicationFailure('x', 'Unavailable');
    assert.deepEqual(
      [telling(bare, { attempt: 2 }), telling(ApplicationFailure.nonRetryable('x'), {})].map(
        ({ nonRetryable, category, nextRetryDelay }) => [nonRetryable, category, nextRetryDelay],
      ),
      [
        [false, undefined, undefined],
        [true, undefined, undefined],
      ],
    );
  });

  it('a defect is passed on as it is', async () => {
    const defect = new TypeError('x is not a function');
    stream.next('follow', defect);
    await assert.rejects(call('follow'), (error) => error === defect);
  });

  it('a receipt is told with the attempt beside what it tells already', async () => {
    stream.next('addReaction', { value: { replaced: true } });
    assert.deepEqual(await call('addReaction', { attempt: 2 }), { replaced: true, attempt: 2 });
  });

  it('says why a write was not made', async () => {
    const message = 'this run was reset, or continues another one: what other runs know comes first';
    await assert.rejects(call('follow', { fence: {} }), { message });
  });

  it('reads are made by any run', async () => {
    for (const name of READS) await call(name, { fence: { run: 'another' } });
    assert.deepEqual(asked, []);
  });

  for (const name of VERIFICATIONS) {
    it(`${name} does not settle a write for a run that is out of date`, async () => {
      await call(name, { fence: { run: 'own' } });
      await assert.rejects(call(name, { fence: { run: 'another' } }), { type: 'StaleRun' });
    });
  }

  it('a run can ask without writing', async () => {
    await call('checkRun', { fence: { run: 'own' } });
    await assert.rejects(call('checkRun', { fence: {} }), { type: 'StaleRun' });
    assert.deepEqual(stream.calls, []);
  });

  it('a run can ask whether it lost a workflow task', async () => {
    assert.equal(await call('hasFailedTask'), true);
  });

  it('a failure to ask is one that is tried again', async () => {
    const failing = withAttempts(stream.activities, {
      ...edges,
      latestOf: () => Promise.reject(ApplicationFailure.retryable('visibility is away', FAILURE_TYPES.unavailable)),
    });
    const environment = new MockActivityEnvironment(
      { workflowExecution: { workflowId: 'x', runId: 'own' } },
      { logger: new DefaultLogger('ERROR') },
    );
    const follow = { source: 'timeline:a', target: 'user:b', copyLimit: 0 };
    await assert.rejects(
      environment.run((input: typeof follow) => failing.follow(input, {}), follow),
      { type: 'Unavailable', nonRetryable: false },
    );
    assert.deepEqual(stream.calls, []);
  });
});
