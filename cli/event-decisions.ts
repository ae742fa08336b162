import { z } from 'zod';
import { createEventsClient } from '../client/events.ts';
import {
  ReleaseBrokenOffError,
  type OperatorAction,
  type ReleaseProgress,
  type ReleaseResult,
} from '../client/release.ts';
import { defineCommand, noOperands, rate } from './arguments.ts';
import { AUDIT_OPTIONS, auditFields, given } from './audit.ts';
import { EXIT } from './command.ts';
import { eventId, withAdvice } from './event-id.ts';
import { eventTable } from './event-text.ts';
import { counted, shortened } from './table.ts';
import { withTemporal } from './temporal.ts';

const DEFAULT_RATE = 5;
const PREVIEW = 10;
/** Unanswered events that are named on a terminal; `--json` has them all. */
const NAMED_UNANSWERED = 20;
const REASON_LENGTH = 160;

const WITHOUT_NAME = 'Without --by, nobody will know who asked for it.';

function decision(action: OperatorAction, summary: string, details: string) {
  return defineCommand({
    name: `events ${action}`,
    summary,
    operands: '<workflowId>',
    options: AUDIT_OPTIONS,
    details,
    schema: z.object({ operands: eventId, ...auditFields }),
    run: ({ operands: workflowId, by, reason }, { config, output }) =>
      withTemporal(config, async (client) => {
        const reply = await withAdvice(workflowId, () =>
          createEventsClient({ client })[action](workflowId, given({ by, reason })),
        );
        if (by === undefined) output.note(WITHOUT_NAME);
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
  details: `Only parked events in open runs are touched, whatever the query says. Ctrl-C stops; a second run goes on with what
is still parked. Mind GetStream's quotas: 250 unfollows and 500 follows a minute.

An event that gives no answer within 10 seconds does not hold up the others; it is named at the end with the reason (--json:
all of them). The release stops early only when Temporal is down or no worker polls. Exit code 1 when not every event answered.

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
      if (by === undefined) output.note(WITHOUT_NAME);
      const onProgress = (progress: ReleaseProgress): void => output.progress(progressLine(progress));
      try {
        const request = { ...selection, action, ratePerSecond, signal, onProgress, ...given({ by, reason }) };
        const result = await events.release(request);
        output.result(result, (counts) => releaseText(action, counts));
        if (result.interrupted) output.note('Interrupted; the same command goes on with what is still parked.');
        return result.interrupted || result.unanswered > 0 ? EXIT.failed : EXIT.done;
      } catch (error) {
        if (!(error instanceof ReleaseBrokenOffError)) throw error;
        output.result({ ...error.progress, stopped: error.message }, (counts) => releaseText(action, counts));
        output.note(`Stopped early: ${error.message}. The same command goes on with what is still parked.`);
        return EXIT.failed;
      }
    }),
});

function progressLine({ found, accepted, refused, gone, unanswered }: ReleaseProgress): string {
  const asked = accepted + refused + gone + unanswered;
  return `${asked} of ${found}: ${accepted} accepted, ${refused} refused, ${gone} gone, ${unanswered} without an answer`;
}

function releaseText(action: OperatorAction, result: ReleaseResult): string[] {
  const { found, accepted, refused, gone, unanswered, unansweredEvents } = result;
  const others = unanswered > 0 ? `, ${unanswered} without an answer` : '';
  const line = `${counted(found, 'parked event')} found; ${action}: ${accepted} accepted, ${refused} refused, ${gone} gone meanwhile${others}.`;
  if (unanswered === 0) return [line];
  const named = unansweredEvents.slice(0, NAMED_UNANSWERED);
  const left = unanswered - named.length;
  return [
    line,
    '',
    'Without an answer:',
    ...named.map(({ workflowId, reason }) => `  ${workflowId}  ${shortened(reason, REASON_LENGTH)}`),
    ...(left > 0 ? [`  and ${left} more; --json names them all`] : []),
    '',
    'What each needs: npm run cli -- events show <workflowId>',
  ];
}
