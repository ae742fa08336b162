import type { z } from 'zod';

/** What is wrong with a message, in words its producer's engineers can act on. */

const MAX_FAULTS_NAMED = 10;
const MAX_QUOTED_CHARACTERS = 40;

/** The sentence of one fault, where a field has none of its own; undefined leaves it to zod. */
export function faultOf(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return (
        `must be ${EXPECTED[issue.expected] ?? issue.expected}${butIs(issue.input)}` +
        (issue.expected === 'string' && typeof issue.input === 'number' ? ': write it in quotes' : '')
      );
    case 'invalid_value':
      return `must be ${oneOf(issue.values)}${butIs(issue.input)}`;
    case 'too_big':
      return `must be at most ${issue.maximum}${UNITS[issue.origin] ?? ''}`;
    case 'too_small':
      return issue.origin === 'string' ? 'must not be empty' : `must be at least ${issue.minimum}`;
    default:
      return undefined;
  }
}

/** Every fault by field, at most ten of them. */
export function faultSentences(message: unknown, issues: readonly z.core.$ZodIssue[]): string {
  return issues
    .slice(0, MAX_FAULTS_NAMED)
    .map((issue) => `${issue.path.join('.') || 'message'}: ${issue.message}${misspelt(message, issue.path)}`)
    .join('; ');
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  array: 'a list',
  object: 'an object',
};
const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' items' };

function oneOf(values: readonly unknown[]): string {
  const quoted = values.map((value) => JSON.stringify(value));
  return quoted.length === 1 ? `${quoted[0]}` : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

function butIs(input: unknown): string {
  switch (typeof input) {
    case 'undefined':
      return ', and is missing';
    case 'string':
      return `, not ${quote(input)}`;
    case 'number':
      return `, not the number ${input}`;
    case 'boolean':
      return `, not ${input}`;
    default:
      if (input === null) return ', not null';
      return Array.isArray(input) ? ', not a list' : ', not an object';
  }
}

function quote(text: string): string {
  const characters = Array.from(text.slice(0, 2 * MAX_QUOTED_CHARACTERS));
  const cut = characters.slice(0, MAX_QUOTED_CHARACTERS).join('');
  return JSON.stringify(cut) + (cut.length < text.length ? '…' : '');
}

/** Serialisers of several platforms write `actor` for `Actor` unless told otherwise. */
function misspelt(message: unknown, path: readonly PropertyKey[]): string {
  const [field] = path;
  if (path.length !== 1 || typeof field !== 'string' || typeof message !== 'object' || message === null) return '';
  if (Object.hasOwn(message, field)) return '';
  const name = Object.keys(message).find((key) => key.toLowerCase() === field.toLowerCase());
  return name === undefined ? '' : ` (there is ${quote(name)}; names of fields are written with capitals as here)`;
}
