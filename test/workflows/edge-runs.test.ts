import assert from 'node:assert/strict';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { mergeStates, readClosedRun } from '../../bridge/edge-runs.ts';
import { edgePosition, NOTHING_APPLIED } from '../../contracts/events/edge-order.ts';
import { DEFAULT_EVENT_POLICY } from '../../contracts/events/event-policy.ts';
import type { EdgeState, SocialEventInput } from '../../contracts/events/event-workflow.ts';
import type { EventStatus } from '../../contracts/shared/names.ts';
import type { FollowEvent } from '../../contracts/events/social-event.ts';
import { followEvent } from '../support/events.ts';

const STARTED = new Date('2026-01-31T12:00:00Z');
const CLOSED = new Date('2026-01-31T12:10:00Z');
const edge = 'one';
const follow = (at: number, eventId?: string): FollowEvent =>
  followEvent({ edge, at, copyLimit: 0, ...(eventId === undefined ? {} : { eventId }) });
const unfollow = (at: number, eventId?: string): FollowEvent =>
  followEvent({ edge, at, kind: 'Unfollow', ...(eventId === undefined ? {} : { eventId }) });
const position = (event: FollowEvent) => edgePosition(event);

interface ClosedRun {
  readonly status: 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TERMINATED' | 'TIMED_OUT';
  readonly eventStatus?: EventStatus;
  readonly kind?: string;
  readonly input?: Partial<SocialEventInput> | string;
  readonly memo?: unknown;
  readonly signals?: readonly unknown[];
  readonly result?: unknown;
  /** Activities that were scheduled, and those that closed. */
  readonly activities?: readonly [scheduled: number, closed: number];
  readonly hadTask?: boolean;
}

/** Reads a run as Temporal would tell of it, without one. */
function read(run: ClosedRun): Promise<EdgeState> {
  const { status, eventStatus, kind = 'follow', hadTask = true, activities: [scheduled, closed] = [0, 0] } = run;
  const payloads = (value: unknown): { payloads: Payload[] } => ({
    payloads: [defaultPayloadConverter.toPayload(value)],
  });
  const input = typeof run.input === 'string' ? run.input : { event: follow(10), ...run.input };
  const events = [
    { workflowExecutionStartedEventAttributes: { input: payloads(input) } },
    ...(hadTask ? [{ workflowTaskStartedEventAttributes: {} }] : []),
    ...Array.from({ length: scheduled }, () => ({ activityTaskScheduledEventAttributes: {} })),
    ...Array.from({ length: closed }, () => ({ activityTaskCompletedEventAttributes: {} })),
    ...(run.signals ?? []).map((signal) => ({
      workflowExecutionSignaledEventAttributes: { signalName: 'edgeEvent', input: payloads(signal) },
    })),
    { workflowExecutionSignaledEventAttributes: { signalName: 'retry', input: payloads(follow(99)) } },
  ];
  const close =
    status === 'COMPLETED'
      ? { workflowExecutionCompletedEventAttributes: { result: payloads(run.result) } }
      : {
          workflowExecutionFailedEventAttributes: {
            failure: { applicationFailureInfo: { type: 'NotAllowed', details: payloads(run.result) } },
          },
        };
  const isWithResult = status === 'COMPLETED' || status === 'FAILED';
  const handle = { fetchHistory: () => Promise.resolve({ events: isWithResult ? [...events, close] : events }) };
  const workflowService = { getWorkflowExecutionHistory: () => Promise.resolve({ history: { events: [close] } }) };
  const attributes: Readonly<Record<string, unknown>> = { EventKind: kind, EventStatus: eventStatus };
  const description = {
    workflowId: 'follow/a/b',
    runId: 'run',
    status: { name: status },
    memo: run.memo === undefined ? undefined : { edge: run.memo },
    startTime: STARTED,
    closeTime: CLOSED,
    typedSearchAttributes: { get: ({ name }: { name: string }) => attributes[name] },
  };
  const client = { options: { namespace: 'default' }, workflow: { getHandle: () => handle }, workflowService };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as much of both as is read
  return readClosedRun(client as unknown as Client, description as unknown as WorkflowExecutionDescription);
}

describe('what a closed run leaves to the next one of its edge', () => {
  const register = { ...position(follow(10)), stands: null, eventIds: ['e1'] };

  it('is in its result, where it completed', async () => {
    const result = { status: 'skipped', register, late: { untilMs: 5 } };
    assert.deepEqual(await read({ status: 'COMPLETED', eventStatus: 'skipped', memo: {}, result }), {
      register,
      late: { untilMs: 5 },
    });
    assert.deepEqual(await read({ status: 'COMPLETED', result: 'of something else' }), {});
  });

  for (const status of ['FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'] as const) {
    it(`is in its memo, and the messages it had no time for, where it is ${status}`, async () => {
      const memo = { register, unsettled: unfollow(20), late: { untilMs: 5, sinceMs: 1 } };
      const state = { status, eventStatus: 'parked', memo } as const;
      assert.deepEqual(await read(state), memo);
      assert.deepEqual(await read({ ...state, signals: [follow(15), 'x', null, follow(30), unfollow(25)] }), {
        ...memo,
        unsettled: follow(30),
      });
    });
  }

  it('is what it was started with, where it came to nothing', async () => {
    const start = { register: position(follow(5)), late: { untilMs: 5 } };
    const run = { status: 'TERMINATED', eventStatus: 'pending', hadTask: false } as const;
    assert.deepEqual(await read({ ...run, input: start }), { ...start, unsettled: follow(10) });
    assert.deepEqual(await read(run), { unsettled: follow(10) });
    const carried = {
      event: follow(10),
      status: 'pending',
      rounds: 1,
      audit: [],
      overtaken: false,
      register: position(follow(7)),
      newer: unfollow(20),
    } as const;
    assert.deepEqual(await read({ ...run, input: { carried } }), {
      register: position(follow(7)),
      unsettled: unfollow(20),
    });
  });

  it('is nothing but its messages, where it was started with something else', async () => {
    const run = { status: 'FAILED', input: 'by hand' } as const;
    assert.deepEqual(await read(run), {});
    assert.deepEqual(await read({ ...run, signals: [unfollow(20)] }), { unsettled: unfollow(20) });
  });

  it('counts an EventID once, whether the run had seen it or not', async () => {
    const run = { status: 'TERMINATED', eventStatus: 'pending', hadTask: false } as const;
    const signals = [unfollow(20, 'e2'), follow(30, 'e1'), follow(40, 'e2')];
    const input = { event: follow(10, 'e1') };
    assert.deepEqual(await read({ ...run, input, signals }), {
      register: { ...NOTHING_APPLIED, eventIds: ['e1', 'e2'] },
      unsettled: unfollow(20, 'e2'),
    });
    const memo = { register: { ...position(follow(10)), eventIds: ['e1', 'e2'] }, unsettled: unfollow(20, 'e2') };
    assert.deepEqual(await read({ status: 'TERMINATED', eventStatus: 'parked', input, memo, signals }), memo);
  });

  it('has no event left that was decided on', async () => {
    const memo = { register: position(unfollow(20)), unsettled: follow(10) };
    assert.deepEqual(await read({ status: 'TERMINATED', eventStatus: 'applied', memo, signals: [follow(15)] }), {
      register: position(unfollow(20)),
    });
  });

  describe('of earlier versions, without a memo,', () => {
    it('is its event and its messages, decided on where its status says so', async () => {
      const run = { status: 'TERMINATED', signals: [unfollow(20)] } as const;
      assert.deepEqual(await read({ ...run, eventStatus: 'parked' }), { unsettled: unfollow(20) });
      assert.deepEqual(await read({ ...run, eventStatus: 'applied' }), { register: position(unfollow(20)) });
      assert.deepEqual(await read({ ...run, eventStatus: 'superseded' }), { register: position(unfollow(20)) });
    });

    it('is in the details of its failure', async () => {
      const result = { status: 'compensated', register: position(unfollow(20)) };
      assert.deepEqual(await read({ status: 'FAILED', eventStatus: 'compensated', result }), {
        register: { ...position(unfollow(20)), stands: null },
      });
      assert.deepEqual(await read({ status: 'FAILED', eventStatus: 'parked', result: 'x' }), { unsettled: follow(10) });
    });

    it('is no event that was given up, though its register stands at it', async () => {
      const result = { status: 'skipped', register: position(follow(10)) };
      assert.deepEqual(await read({ status: 'COMPLETED', eventStatus: 'skipped', result }), {
        register: { ...position(follow(10)), stands: null },
      });
      const applied = { ...result, status: 'applied' };
      assert.deepEqual(await read({ status: 'COMPLETED', eventStatus: 'applied', result: applied }), {
        register: position(follow(10)),
      });
    });
  });

  it('tells of writes that were under way when it was ended from outside', async () => {
    const { attemptTimeoutMs, lateCommitMs } = DEFAULT_EVENT_POLICY;
    const late = { untilMs: CLOSED.getTime() + attemptTimeoutMs + lateCommitMs, sinceMs: STARTED.getTime() };
    const memo = { unsettled: follow(10) };
    const lateOf = async (run: Omit<ClosedRun, 'memo'>) => (await read({ ...run, memo })).late;
    for (const status of ['TERMINATED', 'TIMED_OUT'] as const) {
      assert.deepEqual(await lateOf({ status, eventStatus: 'pending' }), late, 'it wrote, inside a workflow task too');
      assert.deepEqual(await lateOf({ status, eventStatus: 'parked', activities: [2, 1] }), late, 'it took back');
      assert.equal(await lateOf({ status, eventStatus: 'parked', activities: [2, 2] }), undefined);
      assert.equal(await lateOf({ status, eventStatus: 'pending', hadTask: false }), undefined, 'it had not begun');
    }
    assert.equal(await lateOf({ status: 'CANCELLED', eventStatus: 'pending', activities: [1, 0] }), undefined);
    const policy = { attemptTimeoutMs: 1, lateCommitMs: 2 };
    assert.equal(
      (await lateOf({ status: 'TERMINATED', eventStatus: 'pending', input: { policy } }))?.untilMs,
      CLOSED.getTime() + 3,
    );
  });

  it('is, of a post or comment, whether it may have been written', async () => {
    for (const kind of ['activity', 'comment']) {
      const lateOf = async (eventStatus: EventStatus) => (await read({ status: 'TERMINATED', kind, eventStatus })).late;
      assert.equal(await lateOf('skipped'), undefined);
      assert.equal(await lateOf('compensated'), undefined);
      for (const status of ['parked', 'applied'] as const)
        assert.deepEqual(await lateOf(status), { untilMs: CLOSED.getTime(), sinceMs: STARTED.getTime() });
      assert.ok(Number((await lateOf('pending'))?.untilMs) > CLOSED.getTime());
    }
  });
});

describe('what two runs of an edge know together', () => {
  it('is the later of each, and all ids', () => {
    const one: EdgeState = {
      register: { ...position(follow(10)), eventIds: ['e1', 'e2'] },
      unsettled: unfollow(40),
      late: { untilMs: 9, sinceMs: 5, of: 'one' },
    };
    const other: EdgeState = {
      register: { ...position(unfollow(20)), stands: null, eventIds: ['e2', 'e3'] },
      unsettled: follow(30),
      late: { untilMs: 8, sinceMs: 3, of: 'other' },
    };
    const both = {
      register: { ...position(unfollow(20)), stands: null, eventIds: ['e1', 'e2', 'e3'] },
      unsettled: unfollow(40),
      late: { untilMs: 9, sinceMs: 3 },
    };
    assert.deepEqual(mergeStates(one, other), both);
    assert.deepEqual(mergeStates(other, one), {
      ...both,
      register: { ...both.register, eventIds: ['e2', 'e3', 'e1'] },
    });
    assert.deepEqual(mergeStates({}, one), one);
    assert.deepEqual(mergeStates(one, {}), one);
  });

  it('has no event left that one of them decided on', () => {
    assert.deepEqual(mergeStates({ unsettled: follow(10) }, { register: position(unfollow(20)) }), {
      register: position(unfollow(20)),
    });
  });
});
