import assert from 'node:assert/strict';
import type { EventFailureView, EventLedgerState } from '../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { describeRetrying, describeState } from '../../workflows/events/event-details.ts';
import { postEvent } from '../support/events.ts';

const FAILURE: EventFailureView = {
  type: FAILURE_TYPES.notAllowed,
  message: 'HTTP 403: not `allowed`',
  step: 'add Post:alice-1 to user:alice',
  undone: [],
};
const UNTIL_MS = Date.UTC(2026, 0, 31, 12, 0, 15, 999);

const PARKED = '**Parked: NotAllowed. Waits for retry or skip**';
const WHY = ['`HTTP 403: not ˋallowedˋ`', 'Failed step: `add Post:alice-1 to user:alice`'];
const CHOICES = [
  '- `retry` writes it again with the same ids; nothing is written twice.\n- `skip` gives it up; what may be left of it is taken back.',
  'Optional argument: `{"by": "you", "reason": "why"}`',
];

function paragraphsOf(change: Partial<EventLedgerState>, note?: string): string[] {
  const state: EventLedgerState = {
    event: postEvent(),
    status: 'parked',
    rounds: 1,
    audit: [],
    overtaken: false,
    ...change,
  };
  const paragraphs = describeState(state, note).split('\n\n');
  // The Web UI cuts the last line off.
  assert.equal(paragraphs.at(-1), '\u00a0');
  return paragraphs.slice(0, -1);
}

describe('the details of an event', () => {
  it('say in one line how it stands', () => {
    const headlines: readonly (readonly [state: Partial<EventLedgerState>, headline: string])[] = [
      [{ status: 'pending', rounds: 1 }, '**Pending: being written to GetStream**'],
      [{ status: 'pending', rounds: 2 }, '**Pending: being written anew (round 2)**'],
      [{ status: 'applied' }, '**Applied: written to GetStream**'],
      [
        { status: 'superseded' },
        '**Superseded: a later event on the same edge decides, nothing was written for this one**',
      ],
      [{ status: 'compensated' }, '**Compensated: given up, and what it had written was taken back**'],
      [{ status: 'skipped' }, '**Skipped by an operator: not written**'],
    ];
    for (const [state, headline] of headlines) assert.deepEqual(paragraphsOf(state), [headline]);
    assert.equal(paragraphsOf({ overtaken: true })[0], '**Parked, and overtaken by a later event**');
    assert.equal(paragraphsOf({})[0], '**Parked: failed. Waits for retry or skip**');
  });

  it('tell of a parked one why, and what each choice does', () => {
    assert.deepEqual(paragraphsOf({ failure: FAILURE }), [PARKED, ...WHY, ...CHOICES]);
    assert.deepEqual(paragraphsOf({ failure: FAILURE, overtaken: true }), [
      '**Parked, and overtaken by a later event**',
      ...WHY,
      '`retry` or `skip` closes this event without a write: a later event on the edge was applied.',
    ]);
    const givenUp = 'It was given up: by itself, only taking it back is tried again.';
    assert.deepEqual(paragraphsOf({ failure: FAILURE, givenUp: true }), [PARKED, ...WHY, givenUp, ...CHOICES]);
  });

  it('tell what was undone, and what could not be', () => {
    const undone = { ...FAILURE, undone: ['one `step`', 'another'] };
    assert.deepEqual(paragraphsOf({ failure: undone }), [
      PARKED,
      ...WHY,
      'Undone: `one ˋstepˋ`, `another`',
      ...CHOICES,
    ]);
    assert.equal(paragraphsOf({ failure: { ...FAILURE, undone: ['one'] } })[3], 'Undone: `one`');
    const compensationFailure = 'Unavailable: HTTP 503';
    assert.deepEqual(paragraphsOf({ failure: { ...FAILURE, compensationFailure }, mayBeWritten: true }), [
      PARKED,
      ...WHY,
      '**Undoing failed too**, so what it wrote may still be visible: `Unavailable: HTTP 503`',
      ...CHOICES,
    ]);
  });

  it('tell what GetStream may show, or carry out late, of an event that was not applied', () => {
    const rest = { failure: FAILURE, mayBeWritten: true, late: { untilMs: UNTIL_MS } };
    const told = [
      'An attempt had no answer, so its write may be visible: `retry` writes it whole, `skip` takes it back.',
      'GetStream may carry out a write without an answer until 2026-01-31T12:00:15Z; then it is looked at again.',
    ];
    assert.deepEqual(paragraphsOf(rest), [PARKED, ...WHY, ...told, ...CHOICES]);
    assert.deepEqual(paragraphsOf({ ...rest, mayBeWritten: false }), [PARKED, ...WHY, told[1], ...CHOICES]);
    assert.deepEqual(paragraphsOf({ mayBeWritten: true, status: 'skipped' })[1], told[0]);
    assert.deepEqual(paragraphsOf({ ...rest, status: 'applied' }), ['**Applied: written to GetStream**']);
    assert.deepEqual(paragraphsOf({ ...rest, status: 'pending' }), ['**Pending: being written to GetStream**', ...WHY]);
  });

  it('tell the last request of an operator, whether it was accepted or not', () => {
    const at = '2026-01-31T12:00:00.000Z';
    const earlier = { action: 'retry', accepted: true, at: '2026-01-01T00:00:00.000Z' } as const;
    const requestOf = (last: NonNullable<EventLedgerState['audit'][number]>) =>
      paragraphsOf({ status: 'skipped', audit: [earlier, earlier, last] })[1];
    assert.equal(requestOf({ action: 'skip', accepted: true, at }), 'Last request: skip at 2026-01-31T12:00:00Z');
    assert.equal(
      requestOf({ action: 'retry', accepted: false, at, by: 'e`ve', reason: '`mended`' }),
      'Last request: retry by `eˋve` at 2026-01-31T12:00:00Z: `ˋmendedˋ` (not accepted)',
    );
    assert.equal(
      requestOf({ action: 'retry', accepted: true, at, by: '', reason: '' }),
      'Last request: retry at 2026-01-31T12:00:00Z',
    );
  });

  it('tell what was noted of it, and what was ignored', () => {
    assert.deepEqual(paragraphsOf({ status: 'applied', ignored: ['a signal', 'another'] }, 'The copy was left.'), [
      '**Applied: written to GetStream**',
      'The copy was left.',
      'Ignored: a signal',
      'Ignored: another',
    ]);
  });

  it('tell of one that is being retried what it waits for', () => {
    assert.deepEqual(describeRetrying({ type: FAILURE_TYPES.unavailable, message: 'HTTP `503`' }).split('\n\n'), [
      '**Pending: Unavailable, being retried**',
      '`HTTP ˋ503ˋ`',
      'See Pending Activities for the next attempt. There is nothing to do.',
      '\u00a0',
    ]);
    assert.deepEqual(describeRetrying({ type: FAILURE_TYPES.rateLimited, message: 'HTTP 429' }).split('\n\n'), [
      '**Pending: RateLimited, waits for the quota of GetStream**',
      '`HTTP 429`',
      'The wait is as long as GetStream says, and never parks the event. There is nothing to do.',
      '\u00a0',
    ]);
  });
});
