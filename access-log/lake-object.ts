import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Gather } from './gatherer.ts';

const compress = promisify(gzip);

export interface LakeObject {
  readonly key: string;
  /** NDJSON, gzip. */
  readonly body: Buffer;
  readonly records: number;
}

/** Identity of a message's content. A message sent twice bears two ids, but holds the same records. */
export function digestOf(body: string): string {
  return createHash('sha256').update(body).digest('base64url');
}

/**
 * The object of a gather. Its key is a pure function of the messages it holds, in whatever order they came, and so are its
 * bytes: written again, it overwrites itself instead of doubling its records.
 *
 * @param prefix empty, or ending in `/`
 */
export async function toLakeObject(gather: Gather<{ readonly digest: string }>, prefix: string): Promise<LakeObject> {
  const sortKey = ({ firstAt, source }: (typeof gather.parts)[number]) => `${firstAt} ${source.digest}`;
  const parts = gather.parts.toSorted((left, right) => (sortKey(left) < sortKey(right) ? -1 : 1));
  const digest = createHash('sha256');
  for (const { source } of parts) digest.update(source.digest);
  const since = (parts[0]?.firstAt ?? '').replace(/[-:.]/g, '');
  const lines = parts.flatMap((part) => part.lines);
  return {
    key: `${prefix}${gather.partition}/${since}-${digest.digest('hex').slice(0, 32)}.ndjson.gz`,
    body: await compress(`${lines.join('\n')}\n`),
    records: lines.length,
  };
}
