import type { StreamGone } from '../../client/session-errors.ts';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import { timeLeft, type StreamView } from '../../contracts/sessions/session-stream.ts';
import type { SessionsView } from '../../contracts/sessions/stream-sessions.ts';
import type { BeatStore, WatchedStream } from './beat-store.ts';
import { forwardInMs, watchTimes } from './watch-times.ts';

/** A stream of an account as gateways watch it under a policy. */
export function toWatchedStream(userId: string, stream: StreamView, policy: SessionPolicy): WatchedStream {
  const { streamId, deviceId, contentId } = stream;
  return { userId, streamId, deviceId, ...(contentId === undefined ? {} : { contentId }), ...watchTimes(policy) };
}

/** Watches from now on what its account has, unless the store knows better. */
export async function discoverStream(
  store: Pick<BeatStore, 'discover'>,
  userId: string,
  stream: StreamView,
  policy: SessionPolicy,
): Promise<void> {
  const watched = toWatchedStream(userId, stream, policy);
  await store.discover(watched, forwardInMs(stream, watched.forwardEveryMs, Date.now()));
}

/**
 * Watches from now on what beat by another way than the store.
 *
 * @param heard how long ago the account heard of it: by its own clock, where it may have been long before it was asked, and since it
 *   was asked, milliseconds
 */
export async function adoptStream(
  store: Pick<BeatStore, 'adopt'>,
  userId: string,
  stream: StreamView,
  policy: SessionPolicy,
  { at, askedForMs }: { readonly at?: string | undefined; readonly askedForMs: number },
): Promise<void> {
  const watched = toWatchedStream(userId, stream, policy);
  const silentForMs = stream.leaseMs - timeLeft(stream, at) + askedForMs;
  const silentInMs = Math.min(Math.max(0, watched.silenceMs - silentForMs), watched.silenceMs);
  await store.adopt(watched, forwardInMs(stream, watched.forwardEveryMs, Date.now()), silentInMs);
}

/** Whether gateways watch it: its player beats with them, and it is not on its way out. */
export function isWatched({ mode, ending }: StreamView): boolean {
  return mode === 'watched' && !ending;
}

/** How it ended, as long as its account remembers. */
export function endOf({ ended }: SessionsView, streamId: string): StreamGone | undefined {
  return ended.find((other) => other.streamId === streamId)?.end;
}
