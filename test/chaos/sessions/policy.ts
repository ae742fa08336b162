import { parseSessionPolicy } from '../../../contracts/sessions/session-policy.ts';
import { watchTimes } from '../../../gateway/watch/watch-times.ts';

/** Short leases, so that a minute says much; `watchedLeaseMs` is so long that it covers up no leak. */
export const POLICY = parseSessionPolicy({
  version: 1,
  caps: { account: 3 },
  plans: { two: { account: 2 }, three: { account: 3 } },
  overLimit: 'evictNamed',
  leaseMs: 6_000,
  heartbeatIntervalMs: 2_000,
  watchedLeaseMs: 180_000,
});

export type Plan = 'two' | 'three';

export function capOf(plan: Plan): number {
  return plan === 'two' ? 2 : 3;
}

/** After so long without a beat a watched stream may end, milliseconds. */
export const { silenceMs: SILENCE_MS } = watchTimes(POLICY);

/** Between the clocks of processes on one machine, and between a moment and its recording, milliseconds. */
export const CLOCK_TOLERANCE_MS = 250;
