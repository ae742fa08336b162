import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { accountsThatPlay } from '../../client/session-accounts.ts';
import type { SessionsClient } from '../../client/sessions.ts';
import type { SessionPolicy } from '../../contracts/session-limits.ts';
import type { BeatStore } from './beat-store.ts';
import { adoptStream, isWatched } from './watched-stream.ts';

const ACCOUNTS_AT_ONCE = 20;
/** Visibility trails what happens by a second or two, so it is read again after this. */
const VISIBILITY_LAG_MS = 3_000;

export interface RecoveryOptions {
  readonly client: Client;
  readonly sessions: Pick<SessionsClient, 'list'>;
  readonly store: Pick<BeatStore, 'adopt'>;
  readonly policy: () => SessionPolicy;
}

/**
 * Brings the watched streams of all accounts into the store: after a start without one, or a loss of its data. A player that
 * does not beat from then on is found silent as any other.
 *
 * @returns how many streams there are
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
  const accounts = accountsThatPlay(options.client);
  const read = async (): Promise<void> => {
    while (!signal.aborted) {
      const next = await accounts.next();
      if (next.done === true) return;
      if (!streams.has(next.value)) streams.set(next.value, await adoptStreams(options, next.value));
    }
  };
  await Promise.all(Array.from({ length: ACCOUNTS_AT_ONCE }, read));
}

async function adoptStreams({ sessions, store, policy }: RecoveryOptions, userId: string): Promise<number> {
  const { active } = await sessions.list(userId);
  const watched = active.filter(isWatched);
  for (const stream of watched) await adoptStream(store, userId, stream, policy());
  return watched.length;
}
