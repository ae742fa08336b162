import { COMMON_OPTIONS } from './arguments.ts';
import type { AnyCommand, OptionSpec } from './command.ts';

const PROGRAM = 'npm run cli --';

/** The help of one command. */
export function commandHelp({ name, summary, operands, options, details }: AnyCommand): string {
  const usage = [PROGRAM, name, operands, '[options]'].filter((part) => part !== undefined).join(' ');
  const rows = Object.entries<OptionSpec>({ ...options, ...COMMON_OPTIONS }).map(([option, { value, help }]): Row => [
    value === undefined ? `--${option}` : `--${option} ${value}`,
    help,
  ]);
  return [summary, '', `  ${usage}`, '', ...columns(rows), ...(details === undefined ? [] : ['', details])].join('\n');
}

/** The help of the whole program, or of the commands under one first word. */
export function overviewHelp(commands: readonly { readonly name: string; readonly summary: string }[]): string {
  return [
    `Operator commands of the social graph worker: ${PROGRAM} <command> [options]`,
    '',
    ...columns(commands.map(({ name, summary }): Row => [name, summary])),
    '',
    'Every command takes --help and --json. Exit codes: 0 done; 1 tried, but not or not wholly done; 2 unusable input.',
    'Connections as for the worker: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, ... (or a profile of the temporal CLI),',
    'AWS_ENDPOINT_URL, AWS_REGION, AWS_*_FILE; for blocks GATEWAY_URL and GATEWAY_TOKEN or GATEWAY_TOKEN_FILE.',
    'Where none of them is set and a local stack runs (npm start), that one is used.',
  ].join('\n');
}

type Row = readonly [left: string, right: string];

function columns(rows: readonly Row[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
