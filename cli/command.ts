import type { z } from 'zod';
import type { CliConfig } from './config.ts';
import type { Output } from './output.ts';

/** An option as `--help` shows it and parseArgs takes it. */
export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  /** May be given several times; its value is then a list. */
  readonly multiple?: boolean;
  /** Name of the value in the help. */
  readonly value?: string;
  readonly help: string;
}

export interface CommandContext {
  readonly config: CliConfig;
  readonly output: Output;
  /** Aborts on Ctrl-C: the command ends in order. */
  readonly signal: AbortSignal;
}

/** Exit codes: done; tried, but not (wholly) done; the input is unusable. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command of the CLI; `I` is its checked input. */
export interface Command<Input> {
  /** As it is typed: `events list`. */
  readonly name: string;
  readonly summary: string;
  /** What may follow the name besides options, such as `<workflowId>`. */
  readonly operands?: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Further paragraphs of the help: what happens, and examples. */
  readonly details?: string;
  /** Checks options, by their names, and `operands`, the list of other words. */
  readonly schema: z.ZodType<Input>;
  readonly run: (input: Input, context: CommandContext) => Promise<ExitCode>;
}

/** A command with its input checked on the way, so that commands of different inputs fit into one table. */
export interface AnyCommand extends Omit<Command<never>, 'schema' | 'run'> {
  /** @throws UsageError when the words do not make a usable input */
  readonly prepare: (words: Readonly<Record<string, unknown>>) => (context: CommandContext) => Promise<ExitCode>;
}
