import { explainError } from '../contracts/shared/text.ts';
import { InvalidEventQueryError } from '../client/event-errors.ts';
import { InvalidSessionRequestError } from '../client/session-errors.ts';
import { parseWords } from './arguments.ts';
import { EXIT, type ExitCode } from './command.ts';
import { COMMANDS, type CommandEntry } from './commands.ts';
import { loadCliConfig } from './config.ts';
import { commandHelp, overviewHelp } from './help.ts';
import { UnreadableHistoryError } from './history-format.ts';
import { Output, type TextSink } from './output.ts';
import { UsageError } from './usage-error.ts';

export interface CliOptions {
  /** Default: that of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** Ends the command in order. */
  readonly signal?: AbortSignal;
}

/** Runs one command line. Never throws: what went wrong is said on stderr. */
export async function runCli(words: readonly string[], options: CliOptions): Promise<ExitCode> {
  const plain = new Output(options);
  try {
    const entry = findCommand(words);
    if (entry === undefined) return overview(words, plain);
    const command = await entry.load();
    const { help, json, input } = parseWords(command, words.slice(entry.name.split(' ').length));
    if (help) {
      plain.result(undefined, () => [commandHelp(command)]);
      return EXIT.done;
    }
    const run = command.prepare(input);
    const config = loadCliConfig(options.environment);
    const output = new Output({ ...options, json });
    if (config.localStack !== undefined) output.note(`Using the local stack of ${config.localStack}.`);
    return await run({ config, output, signal: options.signal ?? new AbortController().signal });
  } catch (error) {
    // Unusable settings have a line each.
    plain.note(error instanceof UsageError ? error.message : explainError(error));
    if (!isUnusableInput(error)) return EXIT.failed;
    plain.note(`Help: npm run cli -- ${findCommand(words)?.name ?? ''} --help`.replace('  ', ' '));
    return EXIT.usage;
  }
}

function findCommand(words: readonly string[]): CommandEntry | undefined {
  return COMMANDS.find(({ name }) => name.split(' ').every((part, index) => words[index] === part));
}

function overview(words: readonly string[], output: Output): ExitCode {
  const [first, second] = words;
  const group = COMMANDS.filter(({ name }) => name.split(' ')[0] === first);
  const asked = words.length === 0 || ['help', '--help', '-h'].includes(second ?? first ?? '');
  const known = first === undefined || group.length > 0 || first.startsWith('-') || first === 'help';
  if (!known || (!asked && group.length === 0)) throw new UsageError(`there is no command "${words.join(' ')}"`);
  if (!asked && second !== undefined) throw new UsageError(`there is no command "${first ?? ''} ${second}"`);
  output.result(undefined, () => [overviewHelp(group.length > 0 ? group : COMMANDS)]);
  return asked ? EXIT.done : EXIT.usage;
}

function isUnusableInput(error: unknown): boolean {
  return (
    error instanceof UsageError ||
    error instanceof InvalidEventQueryError ||
    error instanceof InvalidSessionRequestError ||
    error instanceof UnreadableHistoryError
  );
}
