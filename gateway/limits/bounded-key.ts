import { createHash } from 'node:crypto';

const LONGEST = 128;

/** The key itself, or a digest where it is so long that many of them would fill the memory. */
export function boundedKey(key: string): string {
  return key.length <= LONGEST ? key : `sha256:${createHash('sha256').update(key).digest('base64url')}`;
}
