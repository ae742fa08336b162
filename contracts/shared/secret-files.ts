import { readFileSync } from 'node:fs';
import type { SettingsFault } from './settings-fields.ts';
import { explainError } from './text.ts';

/** What stands behind the name of a secret that comes from a file, as Docker and Kubernetes mount them. */
const SUFFIX = '_FILE';
/** What certainly is a path. Anything else may be the secret itself, put where its file belongs. */
const PATH = /^(?:\.{0,2}|~|[A-Za-z]:)[/\\]/;
const TRAILING_NEWLINES = /[\r\n]+$/;

export interface WithSecrets {
  /** The variables, with what stood in the files under the secrets' own names. */
  readonly variables: ReadonlyMap<string, string>;
  /** Secrets that came from a file. */
  readonly fromFile: ReadonlySet<string>;
  readonly faults: readonly SettingsFault[];
}

/**
 * Reads secrets that are given as `<NAME>_FILE`: the text of the file without the newline at its end. A file that cannot be read,
 * that is empty, or that stands beside the secret itself is a fault.
 *
 * @param variables those that are set
 * @param secrets names of the settings that may come from a file
 */
export function readSecretFiles(variables: ReadonlyMap<string, string>, secrets: readonly string[]): WithSecrets {
  const values = new Map(variables);
  const fromFile = new Set<string>();
  const faults: SettingsFault[] = [];
  for (const name of secrets) {
    const variable = name + SUFFIX;
    const file = variables.get(variable);
    if (file === undefined) continue;
    // Not as an assignment, which would be taken for a secret where those are taken out of text.
    const shown = PATH.test(file) ? `${variable} (${file})` : variable;
    const fault = (message: string): void => void faults.push({ names: [variable, name], message });
    if (variables.has(name)) {
      fault(`${name} and ${variable} must not both be set: nobody could tell which of them is meant`);
      continue;
    }
    try {
      const secret = readFileSync(file, 'utf8').replace(TRAILING_NEWLINES, '');
      if (secret.trim() === '') fault(`${shown} must be a file with the secret in it: it is empty`);
      else values.set(name, secret);
      fromFile.add(name);
    } catch (error) {
      fault(`${shown} must be a file that can be read: ${whyUnreadable(file, error)}`);
    }
  }
  return { variables: values, fromFile, faults };
}

/** Why a file that a setting names cannot be read, without its name where that may be a secret. */
export function whyUnreadable(file: string, error: unknown): string {
  if (PATH.test(file)) return explainError(error);
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return `${typeof code === 'string' ? code : 'it cannot be opened'}, and it does not begin like a path`;
}
