import { z } from 'zod';
import { defineCommand, noOperands, oneOperand, wholeNumber } from './arguments.ts';
import { EXIT, type OptionSpec } from './command.ts';
import type { DeadLetter } from './dead-letter.ts';
import { deadLetterData, deadLetterTable, deadLetterText } from './dead-letter-text.ts';
import { walkDeadLetters } from './dead-letter-walk.ts';
import { withDeadLetterQueues } from './sqs.ts';
import { counted } from './table.ts';

export const QUEUE_OPTION = {
  queue: { type: 'string', value: 'Q', help: 'one queue, by its name or its topic; default: all' },
} as const satisfies Record<string, OptionSpec>;

const NOT_CONSUMED = `Nothing is consumed: messages are received, kept from other readers meanwhile, and given back at the end.
Looking counts as a receive. Of a FIFO queue, the first 10 messages of a group can be seen at a time.`;

export const listDeadLetters = defineCommand({
  name: 'dead-letters list',
  summary: 'List the messages of the dead-letter queues, with the reasons',
  options: {
    ...QUEUE_OPTION,
    limit: { type: 'string', value: 'N', help: 'at most so many of each queue; default 100' },
  },
  details: NOT_CONSUMED,
  schema: z.object({
    operands: noOperands,
    queue: z.string().min(1).optional(),
    limit: wholeNumber(1, 100_000).default(100),
  }),
  run: ({ queue, limit }, { config, output, signal }) =>
    withDeadLetterQueues(config, queue, async (queues) => {
      const depths = await Promise.all(queues.map((each) => each.depth()));
      const found = await Promise.all(
        queues.map(async (each) => {
          const letters: DeadLetter[] = [];
          await walkDeadLetters(
            each,
            async ({ letter }) => (letters.length < limit && letters.push(letter) > 0 ? 'stays' : 'end'),
            { signal },
          );
          return letters;
        }),
      );
      const letters = found.flat();
      output.result(letters, () => (letters.length === 0 ? ['No dead letters.'] : deadLetterTable(letters)));
      const depth = depths.reduce((sum, each) => sum + each, 0);
      if (depth > letters.length) {
        output.note(
          `${letters.length} of about ${counted(depth, 'message')}; others are held by a reader, or past --limit.`,
        );
      }
      return signal.aborted ? EXIT.failed : EXIT.done;
    }),
});

export const showDeadLetter = defineCommand({
  name: 'dead-letters show',
  summary: 'Show one message of a dead-letter queue, as it was sent',
  operands: '<messageId>',
  options: QUEUE_OPTION,
  details: NOT_CONSUMED,
  schema: z.object({ operands: oneOperand('message id'), queue: z.string().min(1).optional() }),
  run: ({ operands: messageId, queue }, { config, output, signal }) =>
    withDeadLetterQueues(config, queue, async (queues) => {
      for (const each of queues) {
        let found: DeadLetter | undefined;
        await walkDeadLetters(
          each,
          async ({ letter }) => {
            if (letter.messageId === messageId) found = letter;
            return found === undefined ? 'stays' : 'end';
          },
          { signal },
        );
        if (found === undefined) continue;
        const letter = found;
        output.result(deadLetterData(letter), () => deadLetterText(letter));
        return EXIT.done;
      }
      output.note(`No message ${messageId} stands in ${queues.map(({ name }) => name).join(', ')}.`);
      return EXIT.failed;
    }),
});
