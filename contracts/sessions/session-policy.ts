import { z } from 'zod';
import { DEFAULT_SESSION_POLICY, OVER_LIMIT_BEHAVIOURS, POLICY_BOUNDS, type SessionPolicy } from './session-limits.ts';
import { isSessionId, SESSION_ID_FORM } from './session-stream.ts';

/** Temporal's timers are no finer; tests go below a second, down to here. */
const MIN_LEASE_MS = 200;

const cap = z.int().min(0).max(POLICY_BOUNDS.cap);
const duration = (least: number) => z.int().min(least).max(POLICY_BOUNDS.durationMs);
const table = <Value extends z.ZodType>(value: Value) =>
  z
    // A name that no id can have would not limit anything.
    .record(z.string().refine(isSessionId, `names must be ${SESSION_ID_FORM}`), value)
    .refine(
      (entries) => Object.keys(entries).length <= POLICY_BOUNDS.entries,
      `must have at most ${POLICY_BOUNDS.entries} entries`,
    );

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
    /** Where editors find the form of the file; nothing here reads it. */
    $schema: z.string().optional(),
  })
  .refine(({ leaseMs, heartbeatIntervalMs }) => heartbeatIntervalMs * 3 <= leaseMs * 2, {
    path: ['heartbeatIntervalMs'],
    message: 'must be at most two thirds of leaseMs, or a beat that is a little late ends a stream',
  })
  .refine(({ leaseMs, watchedLeaseMs }) => leaseMs <= watchedLeaseMs, {
    path: ['watchedLeaseMs'],
    message: 'must not be below leaseMs, or streams end that beat',
  })
  .refine(({ leaseMs, handoffGraceMs }) => handoffGraceMs <= leaseMs, {
    path: ['handoffGraceMs'],
    message: 'must not be above leaseMs',
  })
  .refine((policy) => bytesOf(policy) <= POLICY_BOUNDS.bytes, `must have at most ${POLICY_BOUNDS.bytes} bytes`)
  .transform(({ $schema: _unread, ...policy }) => policy);

/** The policy is not usable; the message names every field at fault. */
export class InvalidSessionPolicyError extends Error {
  override readonly name = 'InvalidSessionPolicyError';
}

/**
 * A policy from data: a file, a database row, a request. Only `version` and `caps.account` are required; unknown fields are
 * refused, because a cap with a typing error would not limit anything. A `$schema` is taken and left out.
 *
 * @throws InvalidSessionPolicyError
 */
export function parseSessionPolicy(data: unknown): SessionPolicy {
  const parsed = policySchema.safeParse(data);
  const faults = parsed.success
    ? []
    : parsed.error.issues.map((issue) => {
        const [ofName] = issue.code === 'invalid_key' ? issue.issues : [];
        return `  ${issue.path.join('.') || 'policy'}: ${(ofName ?? issue).message}`;
      });
  // An object's own `__proto__` reaches no schema.
  if (hasOwnProto(data)) faults.push('  policy: "__proto__" is no name that can be capped');
  if (parsed.success && faults.length === 0) return parsed.data;
  throw new InvalidSessionPolicyError(`The session policy is not usable:\n${faults.join('\n')}`);
}

/** The fields of a policy that admit nobody, as `plans.basic.account`: meant by some, a slip of others. */
export function closedCaps(policy: SessionPolicy): readonly string[] {
  return zerosIn({ caps: policy.caps, plans: policy.plans ?? {} }, []);
}

function zerosIn(value: unknown, path: readonly string[]): readonly string[] {
  if (value === 0) return [path.join('.')];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => zerosIn(each, [...path, name]));
}

function hasOwnProto(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasOwnProto);
}

function bytesOf(policy: unknown): number {
  return new TextEncoder().encode(JSON.stringify(policy)).length;
}
