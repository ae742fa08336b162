import { parseArgs } from 'node:util';

export const START_HELP = `Starts the whole local stack and shows it at work.

  npm start -- [options]

  --no-demo           no demo traffic and no demo players
  --exit-after-demo   stop after the demo; the exit code is 0 if all messages were accounted for and all players
                      fared as they must, else 1
  --quiet             no progress, only the summary
  --verbose           show the logs of the processes as well
  --help              this text

Ports and the rest are set by the environment: TEMPORAL_PORT, TEMPORAL_UI_PORT, AWS_PORT, STREAM_PORT,
METRICS_PORT, HEALTH_PORT, GATEWAY_PORT, GATEWAY_METRICS_PORT, GATEWAY_HEALTH_PORT (0: any free one);
TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE to use a Temporal server that runs already; SQS_DISORDER=off for queues
in order; DEMO_SEED and DEMO_ACTIONS; LOG_LEVEL.
Data is kept in .local (LOCAL_DIRECTORY); remove that folder to begin anew.
`;

/** A command line that cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface StartOptions {
  readonly demo: boolean;
  readonly exitAfterDemo: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly help: boolean;
}

/** @throws UsageError */
export function parseStartOptions(words: readonly string[]): StartOptions {
  const values = parse(words);
  const options = {
    demo: values['no-demo'] !== true,
    exitAfterDemo: values['exit-after-demo'] === true,
    quiet: values.quiet === true,
    verbose: values.verbose === true,
    help: values.help === true,
  };
  if (!options.demo && options.exitAfterDemo)
    throw new UsageError('--exit-after-demo and --no-demo exclude each other');
  if (options.quiet && options.verbose) throw new UsageError('--quiet and --verbose exclude each other');
  return options;
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      strict: true,
      options: {
        'no-demo': { type: 'boolean' },
        'exit-after-demo': { type: 'boolean' },
        quiet: { type: 'boolean' },
        verbose: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
