import type { EventFailureView, EventLedgerState } from '../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES, type FailureType } from '../../contracts/events/failure-types.ts';

/** The Web UI (2.42) cuts the last line off: one that may be lost. A plain blank line would be trimmed. */
const LAST_LINE = '\u00a0';

/** The current details an operator reads in the Web UI (Markdown): what happened and what `retry` or `skip` will do. */
export function describeState(state: EventLedgerState, note?: string): string {
  const { failure, status } = state;
  const paragraphs = [`**${headline(state)}**`];
  if (note) paragraphs.push(note);
  if (failure && status !== 'applied') paragraphs.push(...describeFailure(failure));
  paragraphs.push(...describeRest(state), ...describeLastRequest(state));
  for (const what of state.ignored ?? []) paragraphs.push(`Ignored: ${what}`);
  if (status === 'parked') paragraphs.push(...describeChoices(state));
  return [...paragraphs, LAST_LINE].join('\n\n');
}

/** What an operator reads while a failed write is being retried. */
export function describeRetrying(failure: { readonly type: FailureType; readonly message: string }): string {
  const isQuota = failure.type === FAILURE_TYPES.rateLimited;
  return [
    `**Pending: ${failure.type}, ${isQuota ? 'waits for the quota of GetStream' : 'being retried'}**`,
    code(failure.message),
    isQuota
      ? 'The wait is as long as GetStream says, and never parks the event. There is nothing to do.'
      : 'See Pending Activities for the next attempt. There is nothing to do.',
    LAST_LINE,
  ].join('\n\n');
}

function headline({ status, overtaken, rounds, failure }: EventLedgerState): string {
  switch (status) {
    case 'pending':
      return rounds <= 1 ? 'Pending: being written to GetStream' : `Pending: being written anew (round ${rounds})`;
    case 'applied':
      return 'Applied: written to GetStream';
    case 'superseded':
      return 'Superseded: a later event on the same edge decides, nothing was written for this one';
    case 'parked':
      return overtaken
        ? 'Parked, and overtaken by a later event'
        : `Parked: ${failure?.type ?? 'failed'}. Waits for retry or skip`;
    case 'compensated':
      return 'Compensated: given up, and what it had written was taken back';
    case 'skipped':
      return 'Skipped by an operator: not written';
  }
}

function describeFailure(failure: EventFailureView): string[] {
  const paragraphs = [code(failure.message), `Failed step: ${code(failure.step)}`];
  if (failure.undone.length > 0) paragraphs.push(`Undone: ${failure.undone.map(code).join(', ')}`);
  if (failure.compensationFailure) {
    paragraphs.push(
      `**Undoing failed too**, so what it wrote may still be visible: ${code(failure.compensationFailure)}`,
    );
  }
  return paragraphs;
}

/** What GetStream may show, or carry out, that is not wanted. */
function describeRest({ status, late, mayBeWritten, failure }: EventLedgerState): string[] {
  if (status === 'applied' || status === 'pending') return [];
  const paragraphs: string[] = [];
  if (mayBeWritten === true && failure?.compensationFailure === undefined)
    paragraphs.push(
      'An attempt had no answer, so its write may be visible: `retry` writes it whole, `skip` takes it back.',
    );
  if (late)
    paragraphs.push(
      `GetStream may carry out a write without an answer until ${timeOf(late.untilMs)}; then it is looked at again.`,
    );
  return paragraphs;
}

function describeLastRequest({ audit }: EventLedgerState): string[] {
  const last = audit.at(-1);
  if (!last) return [];
  const who = last.by ? ` by ${code(last.by)}` : '';
  const why = last.reason ? `: ${code(last.reason)}` : '';
  return [
    `Last request: ${last.action}${who} at ${timeOf(Date.parse(last.at))}${why}${last.accepted ? '' : ' (not accepted)'}`,
  ];
}

function describeChoices({ overtaken, givenUp }: EventLedgerState): string[] {
  if (overtaken) return ['`retry` or `skip` closes this event without a write: a later event on the edge was applied.'];
  return [
    ...(givenUp === true ? ['It was given up: by itself, only taking it back is tried again.'] : []),
    '- `retry` writes it again with the same ids; nothing is written twice.\n' +
      '- `skip` gives it up; what may be left of it is taken back.',
    'Optional argument: `{"by": "you", "reason": "why"}`',
  ];
}

/** Text from outside must not act as Markdown. */
function code(text: string): string {
  return `\`${text.replaceAll('`', 'ˋ')}\``;
}

function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 'yyyy-mm-ddThh:mm:ss'.length)}Z`;
}
