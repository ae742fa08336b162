import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { DEFAULT_SESSION_POLICY, type SessionPolicy } from '../contracts/sessions/session-limits.ts';
import { closedCaps, InvalidSessionPolicyError, parseSessionPolicy } from '../contracts/sessions/session-policy.ts';

/** How soon a change of the file holds, milliseconds. */
const CHECK_INTERVAL_MS = 2_000;

/** The policy in force. */
export interface PolicySource {
  current(): SessionPolicy;
  /** What is wrong with the file as it is now, so that an older policy stays in force; undefined: nothing. */
  fault(): string | undefined;
  close(): void;
}

/**
 * The default policy, or one from a JSON file, read again every two seconds: a higher `version` holds from the next acquire on. A file that
 * became unusable changes nothing; it is reported once, and told by {@link PolicySource.fault} as long as it is so.
 *
 * @throws InvalidSessionPolicyError, or Error when the file cannot be read, at the start
 */
export async function openPolicy(
  file: string | undefined,
  logger: Pick<Logger, 'info' | 'warn' | 'error'>,
  checkIntervalMs = CHECK_INTERVAL_MS,
): Promise<PolicySource> {
  if (file === undefined) {
    return { current: () => DEFAULT_SESSION_POLICY, fault: () => undefined, close: () => undefined };
  }
  const take = (next: SessionPolicy): SessionPolicy => {
    const closed = closedCaps(next);
    if (closed.length > 0) logger.warn({ file, version: next.version, caps: closed }, 'caps of 0 admit nobody');
    return next;
  };
  let text = await readText(file);
  let policy = take(parse(file, text));
  let fault: string | undefined;
  const check = async (): Promise<void> => {
    try {
      const read = await readText(file);
      if (read !== text) {
        const next = parse(file, read);
        if (!isDeepStrictEqual(next, policy)) {
          if (next.version <= policy.version)
            throw new InvalidSessionPolicyError(notHigher(next.version, policy.version));
          policy = take(next);
          logger.info({ file, version: policy.version }, 'a new policy is in force');
        }
        // Only now: what cannot be used is looked at again each time.
        text = read;
      }
      fault = undefined;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== fault) logger.error({ file, version: policy.version }, `the policy stays as it was: ${message}`);
      fault = message;
    }
  };
  const timer = setInterval(() => void check(), checkIntervalMs).unref();
  return {
    current: () => policy,
    fault: () => fault,
    close: () => clearInterval(timer),
  };
}

/** @throws InvalidSessionPolicyError, or Error when the file cannot be read */
export async function readPolicyFile(file: string): Promise<SessionPolicy> {
  return parse(file, await readText(file));
}

/** As editors write it: UTF-8 or UTF-16, the former with or without a byte order mark. */
async function readText(file: string): Promise<string> {
  const bytes = await readFile(file);
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  // Takes the mark out.
  return new TextDecoder(encoding).decode(bytes);
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
