import type { RateLimit, RateVerdict } from '../limits/rate-limiter.ts';

/** When the gateway blocks by itself. */
export interface AbusePolicy {
  /** After this many strikes at once, or a little more when they are spread; default 50. */
  readonly strikes: number;
  /** Within this time, milliseconds; default 60,000. */
  readonly windowMs: number;
  /** How long the first block lasts, milliseconds; default 5 minutes. Each further offence doubles it. */
  readonly blockMs: number;
  /** Longest block, milliseconds; default 24 hours. */
  readonly maxBlockMs: number;
  /** After this time without an offence one is forgotten, milliseconds; default 24 hours. */
  readonly forgetOffenceMs: number;
}

export const DEFAULT_ABUSE_POLICY: AbusePolicy = {
  strikes: 50,
  windowMs: 60_000,
  blockMs: 5 * 60_000,
  maxBlockMs: 24 * 3_600_000,
  forgetOffenceMs: 24 * 3_600_000,
};

/** More would only lengthen a block that is the longest already. */
const MOST_OFFENCES = 32;

/** Strikes as a rate limit: whoever exceeds it is blocked. */
export function strikeLimit({ strikes, windowMs }: AbusePolicy): RateLimit {
  return { limit: strikes, windowMs, burst: strikes };
}

/** Offences as a rate limit: what is missing of the burst are those that are remembered. */
export function offenceLimit({ forgetOffenceMs }: AbusePolicy): RateLimit {
  return { limit: MOST_OFFENCES, windowMs: forgetOffenceMs * MOST_OFFENCES, burst: MOST_OFFENCES };
}

/**
 * What a strike leads to. `offence`: this is the strike that fills the measure, on whichever gateway it came. `again`: the
 * measure was full, yet the caller is not blocked, because an attempt failed or an operator lifted the block.
 */
export type StrikeConsequence = 'none' | 'offence' | 'again';

export function judgeStrike({ allowed, remaining }: RateVerdict): StrikeConsequence {
  if (!allowed) return 'again';
  return remaining === 0 ? 'offence' : 'none';
}

/** @param verdict of {@link offenceLimit}, after the offence was taken or only looked at */
export function blockDurationMs({ blockMs, maxBlockMs }: AbusePolicy, { remaining }: RateVerdict): number {
  const offences = Math.max(1, MOST_OFFENCES - remaining);
  return Math.min(maxBlockMs, blockMs * 2 ** (offences - 1));
}
