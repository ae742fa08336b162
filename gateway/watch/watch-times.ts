import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import type { StreamView } from '../../contracts/sessions/session-stream.ts';
import type { WatchedStream } from './beat-store.ts';

/** A lost player is found at the next sweep, and its account told: together this, at most, in the common case. */
const REPORT_TIME_MS = 2_000;
/** Of the long lease: two beats that are passed on may go astray. */
const FORWARDS_PER_LEASE = 3;

/** How a stream is watched under a policy: its slot is free `leaseMs` after its last beat, time to report included. */
export function watchTimes(
  policy: SessionPolicy,
): Pick<WatchedStream, 'silenceMs' | 'heartbeatIntervalMs' | 'forwardEveryMs'> {
  const { leaseMs, heartbeatIntervalMs, watchedLeaseMs } = policy;
  return {
    silenceMs: leaseMs - Math.min(REPORT_TIME_MS, Math.floor(leaseMs / 10)),
    heartbeatIntervalMs,
    forwardEveryMs: Math.floor(watchedLeaseMs / FORWARDS_PER_LEASE),
  };
}

/**
 * When to pass on a beat of a stream that was just found: nobody knows when that was last done. Within the first half of what
 * is left of its lease, at random, so that not all streams do it at once after a loss of the store; and within the usual time
 * between two, as the clock of this gateway may be wrong.
 */
export function forwardInMs(
  { leaseEndsAt }: StreamView,
  forwardEveryMs: number,
  nowMs: number,
  random: () => number = Math.random,
): number {
  const halfMs = (Date.parse(leaseEndsAt) - nowMs) / 2;
  return Math.max(0, Math.floor(Math.min(halfMs, forwardEveryMs) * random()));
}
