import { z } from 'zod';
import { createEventsClient } from '../client/events.ts';
import type { OperatorAction, ReleaseProgress, ReleaseResult } from '../client/release.ts';
import { defineCommand, noOperands, oneOperand, rate } from './arguments.ts';
import { AUDIT_OPTIONS, auditFields, given } from './audit.ts';
import { EXIT } from './command.ts';
import { eventTable } from './event-text.ts';
import { counted } from './table.ts';
import { withTemporal } from './temporal.ts';

const DEFAULT_RATE = 5;
const PREVIEW = 10;

function decision(action: OperatorAction, summary: string, details: string) {
  return defineCommand({
    name: `events ${action}`,
    summary,
    operands: '<workflowId>',
    options: AUDIT_OPTIONS,
    details,
    schema: z.object({ operands: oneOperand('workflow id'), ...auditFields }),
    run: ({ operands: workflowId, by, reason }, { config, output }) =>
      withTemporal(config, async (client) => {
        const reply = await createEventsClient({ client })[action](workflowId, given({ by, reason }));
        output.result({ workflowId, ...reply }, ({ accepted, message }) => [
          `${accepted ? 'Accepted' : 'Not accepted'}: ${message}`,
        ]);
        return reply.accepted ? EXIT.done : EXIT.failed;
      }),
  });
}

export const retryEvent = decision(
  'retry',
  'Write a parked event again',
  'With the same ids, so what is already written is not written twice. Exit code 1 when the event is not parked.',
);

export const skipEvent = decision(
  'skip',
  'Give a parked event up',
  'Takes back what may be left of it. Exit code 1 when the event is not parked.',
);

export const releaseEvents = defineCommand({
  name: 'events release',
  summary: 'Retry or skip all parked events of a query, paced',
  options: {
    query: { type: 'string', value: 'Q', help: 'condition in the list filter syntax of Temporal; default: all parked' },
    action: { type: 'string', value: 'retry|skip', help: 'required' },
    rate: { type: 'string', value: 'N', help: `at most so many a second; default ${DEFAULT_RATE}` },
    ...AUDIT_OPTIONS,
    'dry-run': { type: 'boolean', help: 'show what would be released' },
  },
  details: `Only parked events are touched, whatever the query says. Ctrl-C stops; a second run goes on with what is still parked.
Mind GetStream's quotas: 250 unfollows and 500 follows a minute.

Example:
  npm run cli -- events release --query 'EventFailure="NotAllowed"' --action retry --rate 5 --by eve --reason 'policy mended'`,
  schema: z.object({
    operands: noOperands,
    query: z.string().optional(),
    action: z.enum(['retry', 'skip'], 'must be retry or skip'),
    rate: rate.default(DEFAULT_RATE),
    ...auditFields,
    'dry-run': z.boolean().default(false),
  }),
  run: ({ query, action, rate: ratePerSecond, by, reason, 'dry-run': dryRun }, { config, output, signal }) =>
    withTemporal(config, async (client) => {
      const events = createEventsClient({ client });
      const selection = given({ query });
      if (dryRun) {
        const [found, first] = await Promise.all([
          events.count({ ...selection, status: 'parked' }),
          events.list({ ...selection, status: 'parked' }, PREVIEW),
        ]);
        output.result({ dryRun, action, found, first }, () => [
          `Would ${action} ${counted(found, 'parked event')}${found > first.length ? '; the first of them' : ''}`,
          ...(found === 0 ? [] : ['', ...eventTable(first)]),
        ]);
        return EXIT.done;
      }
      const onProgress = (progress: ReleaseProgress): void => output.progress(progressLine(progress));
      const result = await events.release({
        ...selection,
        action,
        ratePerSecond,
        signal,
        onProgress,
        ...given({ by, reason }),
      });
      output.result(result, (counts) => [releaseLine(action, counts)]);
      if (result.interrupted) output.note('Interrupted; the same command goes on with what is still parked.');
      return result.interrupted || result.unanswered > 0 ? EXIT.failed : EXIT.done;
    }),
});

function progressLine({ found, accepted, refused, gone, unanswered }: ReleaseProgress): string {
  return `${accepted + refused + gone + unanswered} of ${found}: ${accepted} accepted, ${refused} refused, ${gone} gone`;
}

function releaseLine(action: OperatorAction, { found, accepted, refused, gone, unanswered }: ReleaseResult): string {
  const others = unanswered > 0 ? `, ${unanswered} without an answer` : '';
  return `${counted(found, 'parked event')} found; ${action}: ${accepted} accepted, ${refused} refused, ${gone} gone meanwhile${others}.`;
}
