import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parseSessionPolicy } from '../contracts/session-policy.ts';
import type { SessionPolicy } from '../contracts/session-limits.ts';
import { writeWhole } from './process-lock.ts';

/**
 * Leaves a policy of stream sessions in a file. The version is found here: that of the file where it says the same, and a higher
 * one where it says something else, because accounts never go back to a lower one.
 */
export async function writeSessionPolicy(file: string, rules: Omit<SessionPolicy, 'version'>): Promise<void> {
  const found = await readPolicy(file);
  if (found && isDeepStrictEqual({ ...rules, version: found.version }, found)) return;
  await mkdir(path.dirname(file), { recursive: true });
  await writeWhole(file, { version: (found?.version ?? 0) + 1, ...rules } satisfies SessionPolicy);
}

/** Undefined when there is none, or none that can be used. */
async function readPolicy(file: string): Promise<SessionPolicy | undefined> {
  try {
    return parseSessionPolicy(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}
