import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { makeDirectory } from '../contracts/shared/make-directory.ts';
import type { SessionPolicy } from '../contracts/sessions/session-limits.ts';
import { readPolicyFile } from '../gateway/policy-source.ts';
import { writeWhole } from './process-lock.ts';

/** The policy of stream sessions in a file, as it is after {@link provideSessionPolicy}. */
export interface ProvidedPolicy {
  readonly policy: SessionPolicy;
  /** Somebody changed the file since it was written. */
  readonly isChanged: boolean;
}

type Rules = Omit<SessionPolicy, 'version'>;

const recordSchema = z.object({ version: z.int().nonnegative(), rules: z.unknown().optional() });
type Written = z.output<typeof recordSchema>;

/**
 * Leaves a policy in a file, unless somebody put another one there: that stays as it is. What was written last is kept beside
 * it, as `<name>.written.json`, to tell the two apart, with the highest version seen, because accounts never go back to a
 * lower one.
 *
 * @throws Error when somebody left a policy there that cannot be used
 */
export async function provideSessionPolicy(file: string, rules: Rules): Promise<ProvidedPolicy> {
  const recordFile = file.replace(/(\.json)?$/, '.written.json');
  const [found, written] = [await readFound(file), await readWritten(recordFile)];
  const version = Math.max(found?.version ?? 0, written.version);
  if (found && isDeepStrictEqual(rulesOf(found), rules)) return { policy: found, isChanged: false };
  if (found && !isDeepStrictEqual(rulesOf(found), written.rules)) {
    await writeWhole(recordFile, { ...written, version } satisfies Written);
    return { policy: found, isChanged: true };
  }
  const policy: SessionPolicy = { version: version + 1, ...rules };
  makeDirectory(path.dirname(file));
  await writeWhole(recordFile, { version: policy.version, rules } satisfies Written);
  await writeWhole(file, policy);
  return { policy, isChanged: false };
}

function rulesOf(policy: SessionPolicy): Rules {
  const { version: _, ...rules } = policy;
  return rules;
}

/** Undefined when there is none. */
async function readFound(file: string): Promise<SessionPolicy | undefined> {
  try {
    return await readPolicyFile(file);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new Error(`The policy of stream sessions in ${file} cannot be used; mend it, or remove it for the default`, {
      cause,
    });
  }
}

/** Nothing, when there is no record that can be read. */
async function readWritten(file: string): Promise<Written> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return { version: 0, rules: undefined };
  }
}
