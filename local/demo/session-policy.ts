import { DEFAULT_SESSION_POLICY, type SessionPolicy } from '../../contracts/session-limits.ts';

const { version: _, ...rules } = DEFAULT_SESSION_POLICY;

/** Of `npm start`: few slots and a short lease, so that all that can happen to a stream happens soon. */
export const DEMO_SESSION_POLICY: Omit<SessionPolicy, 'version'> = {
  ...rules,
  caps: { account: 2 },
  plans: { family: { account: 4 } },
  overLimit: 'evictNamed',
  leaseMs: 6_000,
  heartbeatIntervalMs: 2_000,
  handoffGraceMs: 2_000,
};
