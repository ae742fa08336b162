import assert from 'node:assert/strict';
import {
  ActivityFailure,
  ApplicationFailure,
  DefaultFailureConverter,
  defaultPayloadConverter,
  RetryState,
  TimeoutFailure,
  type TimeoutType,
} from '@temporalio/common';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { stepFailureOf } from '../../workflows/events/step-failure.ts';

/** As it arrives in a workflow. */
function decoded(failure: ApplicationFailure): Error {
  const converter = new DefaultFailureConverter();
  return converter.failureToError(converter.errorToFailure(failure, defaultPayloadConverter), defaultPayloadConverter);
}

const wrapped = (cause?: Error): ActivityFailure =>
  new ActivityFailure('Activity task failed', 'follow', '1', RetryState.MAXIMUM_ATTEMPTS_REACHED, undefined, cause);
const timedOut = (cause?: { message?: string; type?: string }): TimeoutFailure => {
  const failure = new TimeoutFailure('activity timed out', undefined, 'START_TO_CLOSE' satisfies TimeoutType);
  if (cause) {
    failure.failure = {
      cause: { message: cause.message ?? null, applicationFailureInfo: { type: cause.type ?? null } },
    };
  }
  return failure;
};

describe('what a failed step means', () => {
  it('is told by the type its classifier gave it, and final where another try is useless', () => {
    for (const type of Object.values(FAILURE_TYPES)) {
      const isFinal = ['InvalidRequest', 'NotAllowed', 'NotFound', 'Conflict', 'StaleRun', 'Internal'].includes(type);
      const told = { type, message: 'words' };
      for (const failure of [
        ApplicationFailure.retryable('words', type),
        wrapped(ApplicationFailure.retryable('words', type)),
      ]) {
        assert.deepEqual(stepFailureOf(failure), { ...told, final: isFinal });
      }
      assert.deepEqual(stepFailureOf(ApplicationFailure.nonRetryable('words', type)), { ...told, final: true });
    }
  });

  it('bears how long to wait, the number of the attempt, and whatever else it was told', () => {
    const detail = { attempt: 3, removed: true, register: 'x' };
    const { rateLimited: type } = FAILURE_TYPES;
    const failure = decoded(
      ApplicationFailure.create({ type, message: 'words', nextRetryDelay: 700, details: [detail] }),
    );
    const told = { type: 'RateLimited', message: 'words', final: false };
    assert.deepEqual(stepFailureOf(failure), { ...told, retryAfterMs: 700, attempt: 3, removed: true, detail });
    const others = [
      [{ attempt: '3', removed: 1 }, {}],
      [null, {}],
      ['attempt', {}],
      [{ removed: false }, {}],
    ] as const;
    for (const [other, expected] of others) {
      const odd = ApplicationFailure.create({ type: FAILURE_TYPES.rateLimited, message: 'words', details: [other] });
      assert.deepEqual(stepFailureOf(odd), { ...told, ...expected, detail: other });
    }
    const withoutTime = decoded(ApplicationFailure.create({ type, message: 'words' }));
    assert.deepEqual(stepFailureOf(withoutTime), told);
  });

  it('is the last attempt’s own failure where the attempts ran out by a time-out, else that it had no answer', () => {
    const last = { type: FAILURE_TYPES.notFound, message: 'HTTP 404' };
    assert.deepEqual(stepFailureOf(wrapped(timedOut(last))), { ...last, final: false });
    assert.deepEqual(stepFailureOf(timedOut({ type: FAILURE_TYPES.notFound })), { ...last, message: '', final: false });
    const unanswered = { type: FAILURE_TYPES.ambiguous, message: 'activity timed out', final: false };
    assert.deepEqual(stepFailureOf(timedOut()), unanswered);
    assert.deepEqual(stepFailureOf(timedOut({})), unanswered);
    assert.deepEqual(stepFailureOf(timedOut({ type: 'TypeError' })), unanswered);
  });

  it('is a defect of ours where nobody classified it', () => {
    const defect = { type: FAILURE_TYPES.internal, message: 'words', final: true };
    for (const error of [
      new TypeError('words'),
      Object.assign(new Error('words'), { type: FAILURE_TYPES.notFound }),
      'words',
      ApplicationFailure.retryable('words'),
      ApplicationFailure.retryable('words', 'TypeError'),
      wrapped(new TypeError('words')),
    ]) {
      assert.deepEqual(stepFailureOf(error), defect);
    }
    assert.deepEqual(stepFailureOf(wrapped()), { ...defect, message: 'Activity task failed' });
  });
});
