import { z } from 'zod';
import { createEventsClient } from '../client/events.ts';
import { EVENT_STATUSES } from '../contracts/shared/names.ts';
import { defineCommand, noOperands, wholeNumber } from './arguments.ts';
import { EXIT } from './command.ts';
import { eventId, withAdvice } from './event-id.ts';
import { eventTable, inspectionText } from './event-text.ts';
import { counted } from './table.ts';
import { withTemporal } from './temporal.ts';

export const listEvents = defineCommand({
  name: 'events list',
  summary: 'List events: open ones first, then the latest closed',
  options: {
    query: { type: 'string', value: 'Q', help: 'condition in the list filter syntax of Temporal' },
    status: { type: 'string', value: 'STATUS', help: EVENT_STATUSES.join(', ') },
    limit: { type: 'string', value: 'N', help: 'at most so many; default 50' },
  },
  details: `With --status pending or parked: open runs only. A run that was terminated, reset or timed out keeps the status it had, but
nobody waits for it; the second example finds those. Closed statuses (applied, superseded, compensated, skipped) find closed runs
as long as the namespace retains them, and those that stay open some seconds longer for late events of their edge.

Examples:
  npm run cli -- events list --status parked
  npm run cli -- events list --query 'EventFailure="NotAllowed" AND StartTime > "2026-01-31T00:00:00Z"'
  npm run cli -- events list --query 'EventStatus="parked" AND ExecutionStatus IN ("Terminated", "TimedOut", "Failed")'
  npm run cli -- events list --status pending --query 'EventFailure IS NOT NULL'    (being retried)`,
  schema: z.object({
    operands: noOperands,
    query: z.string().optional(),
    status: z.enum(EVENT_STATUSES, `must be one of ${EVENT_STATUSES.join(', ')}`).optional(),
    limit: wholeNumber(1, 10_000).default(50),
  }),
  run: ({ query, status, limit }, { config, output }) =>
    withTemporal(config, async (client) => {
      const events = createEventsClient({ client });
      const selection = { ...(query === undefined ? {} : { query }), ...(status === undefined ? {} : { status }) };
      const [found, total] = await Promise.all([events.list(selection, limit), events.count(selection)]);
      output.result(found, (list) => (list.length === 0 ? ['No events.'] : eventTable(list)));
      if (total > found.length) output.note(`${found.length} of ${counted(total, 'event')}; --limit shows more.`);
      return EXIT.done;
    }),
});

export const showEvent = defineCommand({
  name: 'events show',
  summary: 'Show all that is known of one event',
  operands: '<workflowId>',
  options: {},
  details: `Works on closed events as long as the namespace retains them. Of an event that cannot answer (no worker, a workflow task
that fails), it shows what Temporal itself knows and what to do.`,
  schema: z.object({ operands: eventId }),
  run: ({ operands: workflowId }, { config, output }) =>
    withTemporal(config, async (client) => {
      const events = createEventsClient({ client });
      output.result(await withAdvice(workflowId, () => events.inspect(workflowId)), inspectionText);
      return EXIT.done;
    }),
});
