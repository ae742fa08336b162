import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { accountsThatPlay } from '../../client/session-accounts.ts';
import type { SessionsClient } from '../../client/sessions.ts';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import type { BeatStore } from './beat-store.ts';
import { discoverStream, isWatched } from './watched-stream.ts';

const READS_AT_ONCE = 20;
/** Visibility trails what happens by a second or two, so it is read again after this. */
const VISIBILITY_LAG_MS = 3_000;
/** Accounts that gave no answer are read again after this, for as long as they give none. */
export const READ_AGAIN_MS = 30_000;

export interface RecoveryOptions {
  readonly client: Client;
  readonly sessions: Pick<SessionsClient, 'list'>;
  readonly store: Pick<BeatStore, 'discover' | 'readLater'>;
  readonly policy: () => SessionPolicy;
  /** Default 20; more where `sessions` bounds them as well. */
  readonly readsAtOnce?: number;
  /** Users whose accounts were read meanwhile, by `sessions` itself or for another reason, and their streams adopted. */
  readonly adopted?: ReadonlySet<string>;
}

/**
 * Brings the watched streams of all accounts into the store: after a start without one, or a loss of its data. A player that
 * does not beat from then on is found silent as any other. Accounts that do not answer are noted in the store, to be read later.
 *
 * @returns how many streams it found
 * @throws Error when the accounts could not be listed; those found by then are read
 */
export async function recoverStreams(options: RecoveryOptions, signal: AbortSignal): Promise<number> {
  const streams = new Map<string, number>();
  await readAccounts(options, streams, signal);
  await sleep(VISIBILITY_LAG_MS, undefined, { signal, ref: false }).catch(() => undefined);
  await readAccounts(options, streams, signal);
  return [...streams.values()].reduce((sum, count) => sum + count, 0);
}

/** Those read before are left out: what they acquired since is in the store. */
async function readAccounts(
  options: RecoveryOptions,
  streams: Map<string, number>,
  signal: AbortSignal,
): Promise<void> {
  const { client, adopted, readsAtOnce = READS_AT_ONCE } = options;
  const accounts = accountsThatPlay(client);
  const read = async (): Promise<void> => {
    while (!signal.aborted) {
      const next = await accounts.next();
      if (next.done === true) return;
      const userId = next.value;
      if (streams.has(userId) || adopted?.has(userId) === true) continue;
      streams.set(userId, 0);
      streams.set(userId, await readStreams(options, userId, signal));
    }
  };
  // Until all of them are done, also where listing failed: the next try would read beside them.
  const lanes = await Promise.allSettled(Array.from({ length: readsAtOnce }, read));
  for (const lane of lanes) if (lane.status === 'rejected') throw lane.reason;
}

/** None of an account that does not answer, which must not keep the others from being read. */
async function readStreams(options: RecoveryOptions, userId: string, signal: AbortSignal): Promise<number> {
  const { sessions, store, policy, adopted } = options;
  const account = await sessions.list(userId).catch(() => undefined);
  if (!account) {
    if (!signal.aborted) await store.readLater([userId], READ_AGAIN_MS);
    return 0;
  }
  const watched = account.active.filter(isWatched);
  if (adopted?.has(userId) !== true) {
    for (const stream of watched) await discoverStream(store, userId, stream, policy());
  }
  return watched.length;
}
