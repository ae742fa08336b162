import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { defineCommand, wholeNumber } from './arguments.ts';
import { EXIT, type CommandContext, type ExitCode } from './command.ts';
import { fetchHistory, queriedHistories, readHistoryFile, type NamedHistory } from './history-sources.ts';
import { replay, type Replayed } from './replay.ts';
import { withTemporal } from './temporal.ts';
import { presentWorkflows } from './workflow-bundle.ts';

const DEFAULT_LAST = 20;

interface Sources {
  readonly operands: readonly string[];
  readonly query?: string | undefined;
  readonly last: number;
  readonly history: readonly string[];
}

export const replayHistories = defineCommand({
  name: 'replay',
  summary:
    'Replay histories against the present workflow code, to see before a deploy whether open workflows can go on',
  operands: '[<workflowId>...]',
  options: {
    query: {
      type: 'string',
      value: 'Q',
      help: 'runs that this condition finds, in the list filter syntax of Temporal',
    },
    last: { type: 'string', value: 'N', help: `with --query: at most so many runs; default ${DEFAULT_LAST}` },
    history: { type: 'string', multiple: true, value: 'FILE', help: 'a history as a file; may be given several times' },
    bundle: { type: 'string', value: 'FILE', help: 'workflow code as npm run build makes it; default: the sources' },
  },
  details: `Files as "temporal workflow show --output json", the Web UI and "tctl workflow show --output_filename" write them.
Exit code 1 when any history diverges, 2 when a file cannot be read.

Examples:
  npm run cli -- replay --query 'ExecutionStatus="Running" AND WorkflowType="socialEvent"' --last 100
  npm run cli -- replay follow/timeline:alice/user:bob
  npm run cli -- replay --history one.json --history two.json`,
  schema: z
    .object({
      operands: z.array(z.string().min(1)),
      query: z.string().optional(),
      last: wholeNumber(1, 100_000).optional(),
      history: z.array(z.string().min(1)).default([]),
      bundle: z.string().min(1).optional(),
    })
    .refine(({ operands, query, history }) => operands.length + history.length > 0 || query !== undefined, {
      message: 'name what to replay: workflow ids, --query or --history',
    })
    .refine(({ query, last }) => last === undefined || query !== undefined, {
      path: ['last'],
      message: 'goes with --query only',
    })
    .transform(({ last = DEFAULT_LAST, ...rest }) => ({ ...rest, last })),
  run: async (input, context) => {
    // Files first: one that cannot be read must not cost the time of all the others.
    const files = await Promise.all(input.history.map((file) => readHistoryFile(file)));
    // Divergences are reported as results; what Temporal's core logs of them besides would only repeat it.
    Runtime.install({
      logger: new DefaultLogger('ERROR', () => undefined),
      telemetryOptions: { logging: { filter: 'OFF' } },
      shutdownSignals: [],
    });
    if (input.operands.length === 0 && input.query === undefined) return replayAll(input.bundle, each(files), context);
    return withTemporal(context.config, (client) => replayAll(input.bundle, gather(client, input, files), context));
  },
});

async function* each(files: readonly NamedHistory[]): AsyncIterable<NamedHistory> {
  yield* files;
}

async function* gather(
  client: Client,
  { operands, query, last }: Sources,
  files: readonly NamedHistory[],
): AsyncIterable<NamedHistory> {
  yield* files;
  for (const workflowId of operands) yield await fetchHistory(client, workflowId);
  if (query !== undefined) yield* queriedHistories(client, query, last);
}

async function replayAll(
  bundle: string | undefined,
  histories: AsyncIterable<NamedHistory>,
  { output, signal }: CommandContext,
): Promise<ExitCode> {
  const results: Replayed[] = [];
  for await (const result of replay(await presentWorkflows(bundle), histories)) {
    results.push(result);
    output.progress(`${results.length} replayed`);
    if (signal.aborted) break;
  }
  output.result(results, replayText);
  if (signal.aborted) output.note('Interrupted.');
  return signal.aborted || results.some(({ outcome }) => outcome !== 'same') ? EXIT.failed : EXIT.done;
}

function replayText(results: readonly Replayed[]): string[] {
  const count = (outcome: Replayed['outcome']): number => results.filter((result) => result.outcome === outcome).length;
  const lines = results.flatMap(({ outcome, workflowId, runId, file, eventId, reason = '' }) => {
    const where = `${workflowId} (${file ?? `run ${runId}`})`;
    if (outcome === 'same') return [`same      ${where}`];
    return [
      `${outcome.padEnd(8)}  ${where}`,
      `          ${eventId === undefined ? '' : `at event ${eventId}: `}${reason}`,
    ];
  });
  const total = results.length === 1 ? '1 history' : `${results.length} histories`;
  return [
    ...lines,
    '',
    `${total} replayed: ${count('same')} the same, ${count('diverged')} diverged, ${count('failed')} failed.`,
  ];
}
