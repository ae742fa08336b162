import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { DEFAULT_SESSION_POLICY, type SessionPolicy } from '../contracts/session-limits.ts';
import { InvalidSessionPolicyError, parseSessionPolicy } from '../contracts/session-policy.ts';

/** How soon a change of the file holds, milliseconds. */
const CHECK_INTERVAL_MS = 2_000;

/** The policy in force. */
export interface PolicySource {
  current(): SessionPolicy;
  close(): void;
}

/**
 * The default policy, or one from a JSON file, read again every two seconds: a higher `version` holds from the next acquire on. A file that
 * became unusable is reported once and changes nothing.
 *
 * @throws InvalidSessionPolicyError, or Error when the file cannot be read, at the start
 */
export async function openPolicy(
  file: string | undefined,
  logger: Pick<Logger, 'info' | 'error'>,
): Promise<PolicySource> {
  if (file === undefined) return { current: () => DEFAULT_SESSION_POLICY, close: () => undefined };
  let text = await readFile(file, 'utf8');
  let policy = parse(file, text);
  let complaint: string | undefined;
  const check = async (): Promise<void> => {
    try {
      const read = await readFile(file, 'utf8');
      if (read !== text) {
        text = read;
        const next = parse(file, read);
        if (next.version <= policy.version)
          throw new InvalidSessionPolicyError(notHigher(next.version, policy.version));
        policy = next;
        logger.info({ file, version: policy.version }, 'a new policy is in force');
      }
      complaint = undefined;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== complaint)
        logger.error({ file, version: policy.version }, `the policy stays as it was: ${message}`);
      complaint = message;
    }
  };
  const timer = setInterval(() => void check(), CHECK_INTERVAL_MS).unref();
  return {
    current: () => policy,
    close: () => clearInterval(timer),
  };
}

function parse(file: string, text: string): SessionPolicy {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw new InvalidSessionPolicyError(`${file} is not JSON`, { cause });
  }
  return parseSessionPolicy(data);
}

function notHigher(next: number, current: number): string {
  return `version ${next} is not above ${current}: accounts would not take it over`;
}
