import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { AnyCommand, Command, OptionSpec } from './command.ts';
import { UsageError } from './usage-error.ts';

/** Understood by every command. */
export const COMMON_OPTIONS = {
  json: { type: 'boolean', help: 'print the result as JSON on stdout' },
  help: { type: 'boolean', help: 'this text' },
} as const satisfies Record<string, OptionSpec>;

export interface ParsedWords {
  readonly help: boolean;
  readonly json: boolean;
  /** Options by name, and the other words as `operands`. */
  readonly input: Readonly<Record<string, unknown>>;
}

/** @throws UsageError for unknown options and for values that are missing */
export function parseWords(command: AnyCommand, words: readonly string[]): ParsedWords {
  const options = Object.fromEntries(
    Object.entries({ ...command.options, ...COMMON_OPTIONS }).map(
      ([name, { type, multiple = false }]: [string, OptionSpec]) => [
        name,
        { type, multiple, ...(name === 'help' ? { short: 'h' } : {}) },
      ],
    ),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...words], options, strict: true, allowPositionals: true });
    const { help, json, ...given } = values;
    return { help: help === true, json: json === true, input: { ...given, operands: positionals } };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Ties a command's check of its input to its run. */
export function defineCommand<Input>({ schema, run, ...rest }: Command<Input>): AnyCommand {
  return {
    ...rest,
    prepare(words) {
      const parsed = schema.safeParse(words);
      if (!parsed.success) throw new UsageError(parsed.error.issues.map(describeIssue).join('\n'));
      return (context) => run(parsed.data, context);
    },
  };
}

function describeIssue({ path: [name], message }: z.core.$ZodIssue): string {
  return name === undefined || name === 'operands' ? message : `--${String(name)}: ${message}`;
}

/** Words that are no options where a command takes none. */
export const noOperands = z.array(z.string()).max(0, 'this command takes options only; quote a query with spaces');

/** Exactly one word, `what` it is. */
export function oneOperand(what: string): z.ZodType<string> {
  return z.tuple([z.string().min(1)], `give exactly one ${what}`).transform(([word]) => word);
}

/** Exactly two words, `what` they are. */
export function twoOperands(what: string): z.ZodType<readonly [string, string]> {
  const word = z.string().min(1);
  return z.tuple([word, word], `give exactly ${what}`);
}

/** A whole number in decimal digits. */
export function wholeNumber(min: number, max: number) {
  const message = `must be a whole number, ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/u, message)
    .transform(Number)
    .pipe(z.number().min(min, message).max(max, message));
}

/** Turns a second; fractions are allowed. */
export const rate = z
  .string()
  .regex(/^\d{1,6}(\.\d{1,3})?$/u, 'must be a number of events a second, such as 5 or 0.5')
  .transform(Number)
  .refine((value) => value > 0 && value <= 1_000, 'must be above 0 and at most 1000 a second');
