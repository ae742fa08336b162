import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { EdgeRegister } from '../../contracts/events/edge-order.ts';
import {
  readEdgeEvent,
  readEdgeState,
  readEventInput,
  readLateWrites,
  readOperatorRequest,
  readRegister,
  readSocialEvent,
} from '../../contracts/events/event-guards.ts';
import { DEFAULT_EVENT_POLICY } from '../../contracts/events/event-policy.ts';
import { EVENT_CODE_VERSION } from '../../contracts/events/event-workflow.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { UnreadablePayload } from '../../contracts/shared/tolerant-payload-converter.ts';

const WRITTEN = {
  actor: 'alice',
  objectId: '1',
  foreignId: 'Post:alice-1',
  feed: 'user:alice',
  time: '2026-01-31T12:00:00.000000',
  to: ['notification:bob'],
  hashTags: ['jazz'],
  eventTimeMicros: 0,
} as const;
const POST = { kind: 'activity', verb: 'Post', ...WRITTEN } as const;
const COMMENT = { kind: 'comment', verb: 'Comment', parentId: 'Post:bob-1', ...WRITTEN } as const;
const LIKE = {
  kind: 'reaction',
  action: 'Like',
  edgeId: 'E-1',
  reactionId: 'e-1',
  activityId: 'a-1',
  userId: 'alice',
  targetFeeds: ['notification:bob'],
  eventTimeMicros: 5,
  sentMicros: 6,
  eventId: 'id-1',
} as const;
const FOLLOW = {
  kind: 'follow',
  action: 'Follow',
  source: 'timeline:alice',
  target: 'user:bob',
  copyLimit: 0,
  eventTimeMicros: 5,
} as const;

const OPTIONAL: ReadonlySet<string> = new Set(['eventId', 'sentMicros']);
const ALL: readonly SocialEvent[] = [POST, COMMENT, LIKE, FOLLOW];
const NO_OBJECTS: readonly unknown[] = [undefined, null, 7, 'text', true, [], [POST], () => POST];

/** What a field of an event must not be. */
function wrongFor(value: unknown): readonly unknown[] {
  const anything: readonly unknown[] = [null, true, { length: 1 }, { text: 'x' }];
  if (typeof value === 'number') return [...anything, '5', -1, Number.NaN, Infinity, [5]];
  if (Array.isArray(value)) return [...anything, 'notification:bob', 7, [7], ['notification:bob', null]];
  return [...anything, '', 7, [value]];
}

describe('reading an event from a payload', () => {
  for (const event of ALL) {
    it(`takes a whole ${event.kind}, and none of which a field is missing or of another form`, () => {
      assert.equal(readSocialEvent(event), event);
      for (const [field, value] of Object.entries(event)) {
        if (!OPTIONAL.has(field)) assert.equal(readSocialEvent({ ...event, [field]: undefined }), undefined, field);
        for (const wrong of wrongFor(value)) {
          assert.equal(readSocialEvent({ ...event, [field]: wrong }), undefined, `${field}: ${JSON.stringify(wrong)}`);
        }
      }
    });
  }

  it('takes the actions of its kind and no others', () => {
    const taken: readonly (readonly [event: SocialEvent, actions: readonly string[]])[] = [
      [LIKE, ['Like', 'Unlike', 'Star', 'Share']],
      [FOLLOW, ['Follow', 'Unfollow']],
    ];
    for (const [event, actions] of taken) {
      for (const action of ['Like', 'Unlike', 'Star', 'Share', 'Follow', 'Unfollow', 'like', 'Unknown']) {
        assert.equal(readSocialEvent({ ...event, action }) !== undefined, actions.includes(action), action);
      }
    }
    assert.equal(readSocialEvent({ ...POST, kind: 'post' }), undefined);
  });

  it('takes lists that are empty, and a count of zero, but no part of one', () => {
    assert.ok(readSocialEvent({ ...POST, to: [], hashTags: [] }));
    assert.ok(readSocialEvent({ ...LIKE, targetFeeds: [] }));
    assert.equal(readSocialEvent({ ...FOLLOW, copyLimit: 0.5 }), undefined);
  });

  it('takes an edge event for one, and nothing else', () => {
    assert.equal(readEdgeEvent(LIKE), LIKE);
    assert.equal(readEdgeEvent(FOLLOW), FOLLOW);
    assert.equal(readEdgeEvent(POST), undefined);
    assert.equal(readEdgeEvent(COMMENT), undefined);
  });

  it('gives nothing for what is no object, and never throws', () => {
    const readers = [readSocialEvent, readEdgeEvent, readRegister, readLateWrites, readEdgeState, readEventInput];
    for (const read of readers) {
      for (const value of NO_OBJECTS) assert.equal(read(value), undefined);
      fc.assert(fc.property(fc.anything(), (value) => void read(value)));
    }
  });
});

describe('reading what an edge knows', () => {
  const position = { eventTimeMicros: 5, sentMicros: 6, present: true, tieBreak: '[]' };
  const register: EdgeRegister = { ...position, stands: { ...position, eventTimeMicros: 4 }, eventIds: ['id-1'] };

  it('takes a register whole, and one of which only the position is known', () => {
    assert.deepEqual(readRegister({ ...register, unknown: 1 }), register);
    const { sentMicros: _sent, ...earlier } = position;
    assert.deepEqual(readRegister(earlier), earlier);
    assert.deepEqual(readRegister({ ...earlier, eventTimeMicros: -1 }), { ...earlier, eventTimeMicros: -1 });
    assert.deepEqual(readRegister({ ...position, present: false, tieBreak: '' }), {
      ...position,
      present: false,
      tieBreak: '',
    });
  });

  it('takes no register without a position', () => {
    for (const [field, wrong] of [
      ['eventTimeMicros', ['5', null, Number.NaN, undefined]],
      ['present', [1, 'true', undefined]],
      ['tieBreak', [1, [], undefined]],
    ] as const) {
      for (const value of wrong) assert.equal(readRegister({ ...register, [field]: value }), undefined);
    }
  });

  it('leaves out what makes no sense in a register; what stands is then not known', () => {
    assert.deepEqual(readRegister({ ...position, stands: 'x' }), { ...position, stands: null });
    assert.deepEqual(readRegister({ ...position, stands: null }), { ...position, stands: null });
    for (const eventIds of ['id-1', [1], { 0: 'id-1' }]) {
      assert.deepEqual(readRegister({ ...position, eventIds }), position);
    }
    const { sentMicros: _sent, ...rest } = position;
    assert.deepEqual(readRegister({ ...position, sentMicros: '6' }), rest);
  });

  it('takes late writes with a time, and of the rest what makes sense', () => {
    const late = { untilMs: 7, sinceMs: 0, of: 'key' };
    assert.deepEqual(readLateWrites({ ...late, unknown: 1 }), late);
    assert.deepEqual(readLateWrites({ untilMs: 0 }), { untilMs: 0 });
    assert.deepEqual(readLateWrites({ untilMs: 7, sinceMs: '0', of: '' }), { untilMs: 7 });
    assert.deepEqual(readLateWrites({ untilMs: 7, of: 7 }), { untilMs: 7 });
    for (const untilMs of [undefined, '7', -1, Number.NaN])
      assert.equal(readLateWrites({ ...late, untilMs }), undefined);
  });

  it('takes of a memo or a result what makes sense', () => {
    const late = { untilMs: 7 };
    assert.deepEqual(readEdgeState({ register, unsettled: LIKE, late, status: 'applied' }), {
      register,
      unsettled: LIKE,
      late,
    });
    assert.deepEqual(readEdgeState({ register: 'x', unsettled: POST, late: 7 }), {});
    assert.deepEqual(readEdgeState({}), {});
  });

  it('takes the argument of a start with an event, and of the rest what makes sense', () => {
    const carried = { event: LIKE, status: 'parked', audit: [], rounds: 2, overtaken: false };
    const version = EVENT_CODE_VERSION;
    const input = { version, event: LIKE, register, late: { untilMs: 7 }, policy: { lateCommitMs: 0 }, carried };
    assert.deepEqual(readEventInput({ ...input, unknown: 1 }), input);
    assert.deepEqual(readEventInput({ event: POST, version: version + 1 }), { event: POST });
    assert.deepEqual(readEventInput({ event: POST }), { event: POST });
    assert.deepEqual(readEventInput({ event: POST, register: 1, late: 1, policy: 1, carried: 1 }), { event: POST });
    assert.equal(readEventInput({ ...input, event: { ...LIKE, kind: 'x' } }), undefined);
    assert.equal(readEventInput({}), undefined);
    for (const [field, wrong] of [
      ['event', { ...LIKE, action: 'x' }],
      ['status', ''],
      ['status', 7],
      ['audit', {}],
      ['rounds', '2'],
    ] as const) {
      const { carried: _unusable, ...rest } = input;
      assert.deepEqual(readEventInput({ ...input, carried: { ...carried, [field]: wrong } }), rest);
    }
  });

  it('takes the state of a run that is continued whole, and that of earlier versions, which kept less', () => {
    const failure = { type: 'CopyIncomplete', message: 'm', step: 's', undone: ['u'], compensationFailure: 'c' };
    const at = '2026-01-31T12:00:00.000Z';
    const audit = [
      { action: 'retry', accepted: true, at, by: 'eve' },
      { action: 'skip', accepted: false, at },
    ];
    const carried = {
      event: LIKE,
      status: 'parked',
      rounds: 2,
      audit,
      overtaken: true,
      register,
      failure,
      newer: { ...LIKE, eventTimeMicros: 9 },
      waiting: { event: LIKE, failure, decision: 'skip' },
      beganMs: 1,
      mayBeWritten: false,
      late: { untilMs: 7 },
      spentMs: 2,
      autoRetries: 3,
      givenUp: true,
      parkedMs: 4,
      decision: 'retry',
      ignored: ['x'],
    };
    const read = (value: unknown) => readEventInput({ event: LIKE, carried: value })?.carried;
    assert.deepEqual(read({ ...carried, unknown: 1 }), carried);
    for (const waiting of [{ event: LIKE }, { event: LIKE, decision: 'retry' }]) {
      assert.deepEqual(read({ ...carried, decision: 'skip', waiting }), { ...carried, decision: 'skip', waiting });
    }
    // As it was before a run knew when it began and what may be written.
    const { register: _register, ...position } = { register, ...carried.register };
    const before = {
      event: FOLLOW,
      status: 'parked',
      rounds: 1,
      audit: [],
      register: position,
      failure,
      overtaken: false,
    };
    assert.deepEqual(read(before), before);
  });

  it('leaves out of the state of a run what makes no sense', () => {
    const needed = { event: LIKE, status: 'parked', rounds: 2, audit: [], overtaken: false };
    const read = (value: object) => readEventInput({ event: LIKE, carried: { ...needed, ...value } })?.carried;
    const wrong: Readonly<Record<string, readonly unknown[]>> = {
      register: [7, {}],
      failure: [
        7,
        {},
        { type: 'Unknown', message: '', step: '', undone: [] },
        { type: 'Internal', message: '', step: '' },
        { type: 'Internal', message: 7, step: '', undone: [] },
        { type: 'Internal', message: '', step: 7, undone: [] },
      ],
      newer: [7, POST],
      waiting: [7, {}, { event: 7 }],
      beganMs: ['1', -1, null],
      mayBeWritten: [1, 'true'],
      late: [7, {}],
      spentMs: [Infinity],
      autoRetries: ['1'],
      givenUp: [1, 'true', false],
      parkedMs: [-1],
      decision: ['wait', true],
      ignored: ['x', [1]],
      overtaken: [1, 'true', undefined],
    };
    for (const [field, values] of Object.entries(wrong)) {
      for (const value of values)
        assert.deepEqual(read({ [field]: value }), needed, `${field}: ${JSON.stringify(value)}`);
    }
    const entry = { action: 'retry', accepted: true, at: '2026-01-31' };
    for (const change of [{ action: 'x' }, { accepted: 'true' }, { at: 'yesterday' }, { at: 7 }, { at: undefined }]) {
      assert.deepEqual(read({ audit: [{ ...entry, ...change }] }), needed, JSON.stringify(change));
    }
    assert.deepEqual(read({ audit: [7, {}, null, undefined, entry] }), { ...needed, audit: [entry] });
    const failure = { type: 'Internal', message: '', step: '', undone: [] };
    for (const compensationFailure of ['', 7]) {
      assert.deepEqual(read({ failure: { ...failure, compensationFailure } }), { ...needed, failure });
    }
    const waiting = { event: LIKE };
    for (const decision of ['wait', true]) {
      assert.deepEqual(read({ waiting: { ...waiting, decision, failure: 7 } }), { ...needed, waiting });
    }
    for (const status of ['', 'Parked', 7]) assert.equal(read({ status }), undefined);
    for (const rounds of [-1, 1.5, '2']) assert.equal(read({ rounds }), undefined);
  });

  it('takes every field of a policy by its own measure, and leaves those that make no sense to their defaults', () => {
    const policyOf = (policy: unknown) => readEventInput({ event: POST, policy })?.policy;
    assert.deepEqual(policyOf(DEFAULT_EVENT_POLICY), DEFAULT_EVENT_POLICY);
    const usable = { parentMissing: 'write', autoRetryDelaysMs: [0, 7], parkedLimitMs: 0 };
    assert.deepEqual(policyOf(usable), usable);
    const bounds = {
      attemptTimeoutMs: 1,
      fastAttemptTimeoutMs: 1,
      retryInitialMs: 1,
      retryMaximumMs: 315_360_000_000,
    };
    assert.deepEqual(policyOf(bounds), bounds);
    for (const policy of [
      { parentMissing: 'later' },
      { parentMissing: 7 },
      { autoRetryDelaysMs: 7 },
      { autoRetryDelaysMs: [7, -1] },
      { autoRetryDelaysMs: ['7'] },
      { retryBudgetMs: '7' },
      { retryBudgetMs: -1 },
      { retryBudgetMs: Number.NaN },
      { retryBudgetMs: 315_360_000_001 },
      { attemptTimeoutMs: 0 },
      { fastAttemptTimeoutMs: 0.5 },
      { retryInitialMs: 0 },
      { retryMaximumMs: 0 },
      { parkedLimitMs: null },
      { unknownMs: 7 },
    ]) {
      assert.deepEqual(policyOf({ ...policy, lateCommitMs: 1 }), { lateCommitMs: 1 });
    }
  });
});

describe("reading an operator's request", () => {
  it('takes who and why, in bounded texts, each of them or none', () => {
    const long = 'x'.repeat(501);
    assert.deepEqual(readOperatorRequest({ by: 'eve', reason: long, unknown: 1 }), {
      by: 'eve',
      reason: long.slice(1),
    });
    assert.deepEqual(readOperatorRequest({ by: '' }), { by: '' });
    assert.deepEqual(readOperatorRequest({ reason: 'mended' }), { reason: 'mended' });
    assert.deepEqual(readOperatorRequest({ by: 7, reason: ['x'] }), {});
    for (const bare of [undefined, null, {}]) assert.deepEqual(readOperatorRequest(bare), {});
  });

  it('is told apart from an argument that is something else, or that nobody can read', () => {
    for (const other of [
      'eve',
      7,
      true,
      [],
      [{ by: 'eve' }],
      new Uint8Array(3),
      new UnreadablePayload('binary/encrypted'),
    ]) {
      assert.equal(readOperatorRequest(other), undefined);
    }
  });
});
