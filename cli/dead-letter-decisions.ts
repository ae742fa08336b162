import { z } from 'zod';
import { Pacer } from '../client/pacer.ts';
import { defineCommand, noOperands, rate, wholeNumber } from './arguments.ts';
import { EXIT, type OptionSpec } from './command.ts';
import { QUEUE_OPTION } from './dead-letter-listing.ts';
import { purge, redrive, type RedriveCounts } from './redrive.ts';
import { withDeadLetterQueues } from './sqs.ts';
import { counted, formatTable } from './table.ts';
import { UsageError } from './usage-error.ts';

const DEFAULT_RATE = 10;

const FILTER_OPTIONS = {
  ...QUEUE_OPTION,
  reason: { type: 'string', value: 'PATTERN', help: 'only messages whose reason holds this regular expression' },
  message: { type: 'string', multiple: true, value: 'ID', help: 'only this message; may be given several times' },
} as const satisfies Record<string, OptionSpec>;

const filterFields = {
  operands: noOperands,
  queue: z.string().min(1).optional(),
  reason: z
    .string()
    .min(1)
    .transform((pattern, context) => {
      try {
        return new RegExp(pattern, 'iu');
      } catch (error) {
        context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
        return z.NEVER;
      }
    })
    .optional(),
  message: z.array(z.string().min(1)).default([]),
};

export const redriveDeadLetters = defineCommand({
  name: 'dead-letters redrive',
  summary: 'Send dead letters back to their queue, paced',
  options: {
    ...FILTER_OPTIONS,
    rate: { type: 'string', value: 'N', help: `at most so many a second; default ${DEFAULT_RATE}` },
    limit: { type: 'string', value: 'N', help: 'at most so many; default: all' },
    'dry-run': { type: 'boolean', help: 'count only' },
  },
  details: `Body and attributes are sent as they were, without RejectReason; a message is deleted here only after it was sent.
It keeps its first SentTimestamp, and with it an event's place in time. The redrive of SQS itself (console, StartMessageMoveTask)
does not: a raw follow or reaction without EventTime becomes the latest of its edge.
It may so be delivered twice, which changes nothing: an event that was applied meanwhile is not applied again.
What is rejected again comes back and is left alone until the next redrive. In a FIFO queue, a message that does not
match holds up the rest of its group.

Example:
  npm run cli -- dead-letters redrive --queue follow-relationships --reason InvalidMessage --rate 20 --dry-run`,
  schema: z.object({
    ...filterFields,
    rate: rate.default(DEFAULT_RATE),
    limit: wholeNumber(1, 999_999_999).optional(),
    'dry-run': z.boolean().default(false),
  }),
  run: ({ queue, reason, message, rate: ratePerSecond, limit, 'dry-run': dryRun }, { config, output, signal }) =>
    withDeadLetterQueues(config, queue, async (queues) => {
      const filter = { messageIds: message, ...(reason === undefined ? {} : { reason }) };
      // One for all queues: the rate is that of the command.
      const pacer = new Pacer({ ratePerSecond, signal });
      const results: (RedriveCounts & { queue: string })[] = [];
      for (const each of queues) {
        const taken = results.reduce((sum, { redriven }) => sum + redriven, 0);
        const counts = await redrive(each, {
          filter,
          limit: (limit ?? Infinity) - taken,
          pacer,
          secondsForTen: 10 / ratePerSecond,
          dryRun,
          signal,
          onProgress: ({ redriven }) => dryRun || output.progress(`${each.queue}: ${redriven} redriven`),
        });
        results.push({ queue: each.queue, ...counts });
      }
      output.result({ dryRun, queues: results }, () => redriveTable(results, dryRun));
      if (signal.aborted) output.note('Interrupted; the same command goes on with what is left.');
      return signal.aborted ? EXIT.failed : EXIT.done;
    }),
});

export const purgeDeadLetters = defineCommand({
  name: 'dead-letters purge',
  summary: 'Delete dead letters for good',
  options: { ...FILTER_OPTIONS, yes: { type: 'boolean', help: 'required: without it, only count' } },
  details: 'There is no way back. Without --yes nothing is deleted, and the exit code is 2.',
  schema: z.object({ ...filterFields, yes: z.boolean().default(false) }),
  run: ({ queue, reason, message, yes }, { config, output, signal }) =>
    withDeadLetterQueues(config, queue, async (queues) => {
      const filter = { messageIds: message, ...(reason === undefined ? {} : { reason }) };
      const results: { queue: string; purged: number; left: number }[] = [];
      for (const each of queues) {
        results.push({ queue: each.queue, ...(await purge(each, { filter, dryRun: !yes, signal })) });
      }
      const total = results.reduce((sum, { purged }) => sum + purged, 0);
      if (!yes) throw new UsageError(`this would delete ${counted(total, 'message')} for good; add --yes to do so`);
      output.result({ queues: results }, () =>
        formatTable(
          ['QUEUE', 'PURGED', 'LEFT'],
          results.map(({ queue, purged, left }) => [queue, String(purged), String(left)]),
        ),
      );
      return signal.aborted ? EXIT.failed : EXIT.done;
    }),
});

function redriveTable(results: readonly (RedriveCounts & { queue: string })[], dryRun: boolean): string[] {
  return formatTable(
    ['QUEUE', dryRun ? 'WOULD BE REDRIVEN' : 'REDRIVEN', 'NOT MATCHING', 'REPEATED'],
    results.map(({ queue, redriven, left, repeated }) => [queue, String(redriven), String(left), String(repeated)]),
  );
}
