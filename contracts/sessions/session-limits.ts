/** Plain types and defaults of the policy of stream sessions; `session-policy.ts` parses it from data. */

/**
 * What happens to an acquire that finds no free slot. `refuseNewest`: it is refused. `evictOldest`: the oldest streams in
 * its way end. `evictSameDevice`: the oldest ones of its own device end, other devices' never. `evictNamed`: those it
 * names end. In all but `refuseNewest`, named streams go first; if the rest still leaves no room, it is refused and
 * nothing ends.
 */
export const OVER_LIMIT_BEHAVIOURS = ['refuseNewest', 'evictOldest', 'evictSameDevice', 'evictNamed'] as const;
export type OverLimitBehaviour = (typeof OVER_LIMIT_BEHAVIOURS)[number];

/** Most streams at once: 0 admits none, and a cap that is left out does not limit. */
export interface SessionCaps {
  /** Of the whole account. */
  readonly account: number;
  /** By device type, `{"tv": 1}`; types that are not named are not capped. */
  readonly deviceTypes?: Readonly<Record<string, number>>;
  /** Of any one content. */
  readonly content?: number;
  /** Of single contents, by id; goes before `content`. */
  readonly contents?: Readonly<Record<string, number>>;
}

/** Who may play: the part of a policy that a shadow tries out. */
export interface SessionRules {
  /** A higher version replaces a lower one in every account at its next acquire, and never the other way round. */
  readonly version: number;
  readonly caps: SessionCaps;
  /**
   * By plan of the subscriber, as the acquire names it: these caps go before the general ones, one by one, and the entries of
   * their tables as well. A plan that is not named here, and no plan, have the general caps; the former is counted.
   */
  readonly plans?: Readonly<Record<string, Partial<SessionCaps>>>;
  readonly overLimit: OverLimitBehaviour;
}

/** Rules and durations, milliseconds throughout. */
export interface SessionPolicy extends SessionRules {
  /** Life of a stream without a beat; default 45,000. */
  readonly leaseMs: number;
  /** How often players beat; default 15,000, a third of the lease, so that two beats may be lost. At most two thirds. */
  readonly heartbeatIntervalMs: number;
  /**
   * Lease of a stream whose player somebody else watches: a gateway that sees its beats, tells of them once in a third of
   * this lease and reports a silent player as lost; default 3 hours. At least `leaseMs`.
   */
  readonly watchedLeaseMs: number;
  /** Lease of a counted registration, whose clients never beat; default 12 hours. */
  readonly registrationLeaseMs: number;
  /** How long a stream that an acquire evicts may play on beside its successor; default 0. */
  readonly handoffGraceMs: number;
  /** How long an ended stream and its reason are remembered; default 15 minutes. */
  readonly rememberEndedMs: number;
  /** How long an account without streams stays in memory after its last message; default 15 minutes. */
  readonly idleCloseMs: number;
  /** Rules that are evaluated beside the real ones, and counted, without effect. */
  readonly shadow?: SessionRules;
}

export const DEFAULT_SESSION_POLICY: SessionPolicy = {
  version: 1,
  caps: { account: 3 },
  overLimit: 'refuseNewest',
  leaseMs: 45_000,
  heartbeatIntervalMs: 15_000,
  watchedLeaseMs: 10_800_000,
  registrationLeaseMs: 43_200_000,
  handoffGraceMs: 0,
  rememberEndedMs: 900_000,
  idleCloseMs: 900_000,
};

/** What a policy may be at most: it travels with every acquire and lives in every account, and so do the streams it admits. */
export const POLICY_BOUNDS = {
  cap: 200,
  /** Of each table of caps. */
  entries: 100,
  /** Of the whole, as JSON in UTF-8. */
  bytes: 65_536,
  /** Of each duration: 7 days. */
  durationMs: 604_800_000,
} as const;
