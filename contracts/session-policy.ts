import { z } from 'zod';
import { DEFAULT_SESSION_POLICY, OVER_LIMIT_BEHAVIOURS, type SessionPolicy } from './session-limits.ts';

/** The policy travels with every acquire and lives in every account: its size must stay small. */
const MAX_ENTRIES = 100;
/** Bounds what one account may hold in memory. */
const MAX_CAP = 200;
const MAX_DAYS = 7;
const MAX_MS = MAX_DAYS * 86_400_000;
/** Temporal's timers are no finer; tests go below a second, down to here. */
const MIN_LEASE_MS = 200;

const cap = z.int().min(0).max(MAX_CAP);
const duration = (least: number) => z.int().min(least).max(MAX_MS);
const table = <Value extends z.ZodType>(value: Value) =>
  z
    .record(z.string().min(1).max(255), value)
    .refine((entries) => Object.keys(entries).length <= MAX_ENTRIES, `must have at most ${MAX_ENTRIES} entries`);

const caps = z.strictObject({
  account: cap,
  deviceTypes: table(cap).exactOptional(),
  content: cap.exactOptional(),
  contents: table(cap).exactOptional(),
});

const planCaps = z.strictObject({
  account: cap.exactOptional(),
  deviceTypes: table(cap).exactOptional(),
  content: cap.exactOptional(),
  contents: table(cap).exactOptional(),
});

const rules = {
  version: z.int().min(1),
  caps,
  plans: table(planCaps).exactOptional(),
  overLimit: z.enum(OVER_LIMIT_BEHAVIOURS).default(DEFAULT_SESSION_POLICY.overLimit),
};

const policySchema = z
  .strictObject({
    ...rules,
    leaseMs: duration(MIN_LEASE_MS).default(DEFAULT_SESSION_POLICY.leaseMs),
    heartbeatIntervalMs: duration(50).default(DEFAULT_SESSION_POLICY.heartbeatIntervalMs),
    watchedLeaseMs: duration(MIN_LEASE_MS).default(DEFAULT_SESSION_POLICY.watchedLeaseMs),
    registrationLeaseMs: duration(MIN_LEASE_MS).default(DEFAULT_SESSION_POLICY.registrationLeaseMs),
    handoffGraceMs: duration(0).default(DEFAULT_SESSION_POLICY.handoffGraceMs),
    rememberEndedMs: duration(0).default(DEFAULT_SESSION_POLICY.rememberEndedMs),
    idleCloseMs: duration(MIN_LEASE_MS).default(DEFAULT_SESSION_POLICY.idleCloseMs),
    shadow: z.strictObject(rules).exactOptional(),
  })
  .refine(({ leaseMs, heartbeatIntervalMs }) => heartbeatIntervalMs * 2 <= leaseMs, {
    path: ['heartbeatIntervalMs'],
    message: 'must be at most half of leaseMs, or one lost beat ends a stream',
  })
  .refine(({ leaseMs, handoffGraceMs }) => handoffGraceMs <= leaseMs, {
    path: ['handoffGraceMs'],
    message: 'must not be above leaseMs',
  });

/** The policy is not usable; the message names every field at fault. */
export class InvalidSessionPolicyError extends Error {
  override readonly name = 'InvalidSessionPolicyError';
}

/**
 * A policy from data: a file, a database row, a request. Only `version` and `caps.account` are required; unknown fields are
 * refused, because a cap with a typing error would not limit anything.
 *
 * @throws InvalidSessionPolicyError
 */
export function parseSessionPolicy(data: unknown): SessionPolicy {
  const parsed = policySchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `  ${path.join('.') || 'policy'}: ${message}`);
  throw new InvalidSessionPolicyError(`The session policy is not usable:\n${faults.join('\n')}`);
}
