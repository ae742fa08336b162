import type { EventFailureView, EventLedgerState } from '../contracts/event-workflow.ts';
import { describeEvent } from '../contracts/social-event.ts';

/** The current details an operator reads in the Web UI (Markdown): what happened and what `retry` or `skip` will do. */
export function describeState(state: EventLedgerState, note?: string): string {
  const lines = [`**${headline(state)}**`, '', `Event: ${code(describeEvent(state.event))}`];
  if (note) lines.push('', note);
  if (state.failure && state.status !== 'applied') lines.push('', ...describeFailure(state.failure));
  if (state.status === 'parked') lines.push('', ...describeChoices(state));
  const last = state.audit.at(-1);
  if (last) {
    const who = last.by ? ` by ${code(last.by)}` : '';
    const why = last.reason ? `: ${code(last.reason)}` : '';
    lines.push('', `Last request: ${last.action}${who} at ${last.at}${why}${last.accepted ? '' : ' (not accepted)'}`);
  }
  return lines.join('\n');
}

function headline({ status, overtaken, rounds }: EventLedgerState): string {
  switch (status) {
    case 'pending':
      return rounds <= 1 ? 'Pending: being written to GetStream' : `Pending: being written anew (round ${rounds})`;
    case 'applied':
      return 'Applied: written to GetStream';
    case 'superseded':
      return 'Superseded: a later event on the same edge decides, nothing was written for this one';
    case 'parked':
      return overtaken ? 'Parked, and overtaken by a later event' : 'Parked: waits for retry or skip';
    case 'compensated':
      return 'Compensated: given up, and what it had written was taken back';
    case 'skipped':
      return 'Skipped by an operator: not written';
  }
}

function describeFailure(failure: EventFailureView): string[] {
  const lines = [`- Failed step: ${code(failure.step)}`, `- Failure: ${failure.type}, ${code(failure.message)}`];
  if (failure.undone.length > 0) lines.push(...failure.undone.map((step) => `- Undone: ${code(step)}`));
  if (failure.compensationFailure) {
    lines.push(`- **Undoing failed too**, so what it wrote may still be visible: ${code(failure.compensationFailure)}`);
  }
  return lines;
}

function describeChoices({ overtaken }: EventLedgerState): string[] {
  if (overtaken) return ['`retry` or `skip` closes this event without a write: a later event on the edge was applied.'];
  return [
    '- `retry` writes the event again with the same ids; what was already written is not written twice.',
    '- `skip` gives the event up and takes back what may be left of it.',
    '',
    'Send either as a signal or an update; the argument `{"by": "...", "reason": "..."}` is optional.',
  ];
}

/** Text from outside must not act as Markdown. */
function code(text: string): string {
  return `\`${text.replaceAll('`', 'ˋ')}\``;
}
