import { createHash } from 'node:crypto';
import type { Pacer } from '../client/pacer.ts';
import { matches, type DeadLetter, type DeadLetterFilter } from './dead-letter.ts';
import type { DeadLetterQueue } from './dead-letter-queue.ts';
import { walkDeadLetters } from './dead-letter-walk.ts';

export interface RedriveOptions {
  readonly filter: DeadLetterFilter;
  /** Most messages to take. */
  readonly limit: number;
  readonly pacer: Pacer;
  /** Longest time 10 turns of the pacer take, seconds. */
  readonly secondsForTen: number;
  /** Only count. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: (counts: RedriveCounts) => void;
}

export interface RedriveCounts {
  /** Sent back to the source queue and deleted here; in a dry run, would be. */
  redriven: number;
  /** Do not match the filter. */
  left: number;
  /** Copies of a message redriven in this run: rejected again meanwhile, or double from the start. Left. */
  repeated: number;
}

/**
 * Sends the messages of a dead-letter queue back to its source queue, each deleted only after it was sent: a crash in
 * between leaves it in both, which workflow ids and the order of an edge's events make harmless.
 */
export async function redrive(queue: DeadLetterQueue, options: RedriveOptions): Promise<RedriveCounts> {
  const { filter, limit, pacer, dryRun, onProgress } = options;
  const counts: RedriveCounts = { redriven: 0, left: 0, repeated: 0 };
  const done = new Set<string>();
  await walkDeadLetters(
    queue,
    async (held) => {
      if (counts.redriven >= limit) return 'end';
      if (!matches(held.letter, filter)) {
        counts.left++;
        return 'stays';
      }
      // Poison comes back within a moment; without this a redrive of it would never end.
      const print = fingerprint(held.letter);
      if (!dryRun && done.has(print)) {
        counts.repeated++;
        return 'stays';
      }
      if (!dryRun) {
        if (!(await pacer.turn())) return 'end';
        await queue.sendBack(held);
        done.add(print);
        await queue.delete(held);
      }
      counts.redriven++;
      onProgress?.({ ...counts });
      return dryRun ? 'stays' : 'gone';
    },
    options,
  );
  return counts;
}

/** Deletes the messages that match. */
export async function purge(
  queue: DeadLetterQueue,
  {
    filter,
    dryRun,
    signal,
  }: { readonly filter: DeadLetterFilter; readonly dryRun: boolean; readonly signal: AbortSignal },
): Promise<{ readonly purged: number; readonly left: number }> {
  let [purged, left] = [0, 0];
  await walkDeadLetters(
    queue,
    async (held) => {
      if (!matches(held.letter, filter)) {
        left++;
        return 'stays';
      }
      if (!dryRun) await queue.delete(held);
      purged++;
      return dryRun ? 'stays' : 'gone';
    },
    { signal },
  );
  return { purged, left };
}

function fingerprint({ body, groupId = '' }: DeadLetter): string {
  return createHash('sha256').update(groupId).update('\0').update(body).digest('base64');
}
