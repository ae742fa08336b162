import { isDeepStrictEqual } from 'node:util';
import { DEFAULT_SESSION_POLICY, type SessionPolicy } from '../../contracts/sessions/session-limits.ts';

/** Plan of the demo's players. Whoever has another plan or none has the documented defaults. */
export const DEMO_PLAN = 'demo';
/** Few, so that all that can happen to a stream happens soon. */
const DEMO_CAP = 2;
/** A crashed player is waited for so long at most. */
const LONGEST_LEASE_MS = 60_000;

const { version: _, ...defaults } = DEFAULT_SESSION_POLICY;

/** Of `npm start`. */
export const LOCAL_SESSION_POLICY: Omit<SessionPolicy, 'version'> = {
  ...defaults,
  plans: { [DEMO_PLAN]: { account: DEMO_CAP } },
};

/** Why the players of the demo cannot play their parts under a policy, which its user may have changed; undefined: they can. */
export function whyNoPlayers({ caps, plans, overLimit, leaseMs }: SessionPolicy): string | undefined {
  const isCapped = isDeepStrictEqual({ ...caps, ...plans?.[DEMO_PLAN] }, { account: DEMO_CAP });
  if (!isCapped) return `its plan "${DEMO_PLAN}" does not allow just ${DEMO_CAP} streams of any kind`;
  if (overLimit === 'evictOldest' || overLimit === 'evictSameDevice') return `it refuses nobody (${overLimit})`;
  return leaseMs <= LONGEST_LEASE_MS ? undefined : `its lease is longer than ${LONGEST_LEASE_MS / 1_000} s`;
}
