import assert from 'node:assert/strict';
import { FAILURE_TYPES, type FailureType } from '../../contracts/events/failure-types.ts';
import type { StepFailure } from '../../workflows/events/step-failure.ts';
import { Attempts } from '../../workflows/events/step-runner.ts';

/** The attempts of one call, and what they told. */
class Told extends Attempts {
  readonly all: string[];

  constructor() {
    const all: string[] = [];
    super({
      onWrite: () => all.push('write'),
      onUnanswered: (isOther) => all.push(isOther ? 'another unanswered' : 'unanswered'),
      onRemoved: () => all.push('removed'),
    });
    this.all = all;
  }
}

const failure = (type: FailureType, more: Partial<StepFailure> = {}): StepFailure => ({
  type,
  message: '',
  final: false,
  ...more,
});

describe('the attempts of one call', () => {
  it('may have had no answer where the last one had none, or is not known to be the first', () => {
    const answered = ['write'];
    const unanswered = ['write', 'unanswered'];
    const failures: readonly (readonly [failure: StepFailure, told: readonly string[]])[] = [
      [failure(FAILURE_TYPES.ambiguous, { attempt: 1 }), unanswered],
      [failure(FAILURE_TYPES.internal, { attempt: 1 }), unanswered],
      [failure(FAILURE_TYPES.unavailable, { attempt: 1 }), answered],
      [failure(FAILURE_TYPES.notAllowed, { attempt: 1 }), answered],
      [failure(FAILURE_TYPES.notAllowed, { attempt: 2 }), unanswered],
      [failure(FAILURE_TYPES.notAllowed), unanswered],
      [failure(FAILURE_TYPES.unavailable, { attempt: 1, removed: true }), ['write', 'removed']],
      [failure(FAILURE_TYPES.staleRun), []],
    ];
    for (const [failed, expected] of failures) {
      const told = new Told();
      told.failed(failed);
      assert.deepEqual(told.all, expected, JSON.stringify(failed));
    }
  });

  it('may have had no answer where the one that succeeded was not the first', () => {
    for (const result of [undefined, null, 'undone', 7, {}, { attempt: 1 }, { replaced: true }]) {
      const told = new Told();
      told.succeeded(result);
      assert.deepEqual(told.all, ['write']);
    }
    const told = new Told();
    told.succeeded({ attempt: 2 });
    assert.deepEqual(told.all, ['write', 'unanswered']);
  });

  it('may remove late what a replacement stands for, where one before had no answer', () => {
    const second = new Told();
    second.succeeded({ attempt: 2, replaced: true });
    assert.deepEqual(second.all, ['write', 'unanswered', 'another unanswered']);
    const later = new Told();
    later.failed(failure(FAILURE_TYPES.ambiguous, { attempt: 1 }));
    later.succeeded({ replaced: true });
    assert.deepEqual(later.all, ['write', 'unanswered', 'write', 'another unanswered']);
    const plain = new Told();
    plain.failed(failure(FAILURE_TYPES.ambiguous, { attempt: 1 }));
    plain.succeeded({});
    assert.deepEqual(plain.all, ['write', 'unanswered', 'write']);
  });
});
