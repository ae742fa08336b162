/** How patiently an event is written, milliseconds throughout. Fixed at the start of each workflow. */
export interface EventPolicy {
  /** Longest first attempt, made inside the first workflow task; default 4,000. */
  readonly fastAttemptTimeoutMs: number;
  /** Longest later attempt; default 15,000, above the Stream client's own time-out. */
  readonly attemptTimeoutMs: number;
  /** First pause between attempts after a transient failure; doubles each time; default 1,000. */
  readonly retryInitialMs: number;
  /** Longest pause between attempts; default 60,000. */
  readonly retryMaximumMs: number;
  /**
   * Time for the attempts of one step before the event is undone and parked: the pauses between them add up to this; default
   * 1 hour. Waits that GetStream names (429) and waits in a task queue do not count.
   */
  readonly retryBudgetMs: number;
  /** The same for undoing one step; default 10 minutes. */
  readonly compensationBudgetMs: number;
  /**
   * How long after a write without an answer GetStream may still carry it out; 0: not at all; default 15,000. An event that no
   * longer wants the write looks again when this is over.
   */
  readonly lateCommitMs: number;
  /** How long a comment or reaction waits for its parent to arrive; 0: not at all, written at once; default 120,000, above `retryMaximumMs`. */
  readonly parentWaitMs: number;
  /** What becomes of it when the parent did not arrive in time; default `park`. */
  readonly parentMissing: 'park' | 'write';
  /** How often an incomplete copy of a follow is looked at again before it is undone; default 3. */
  readonly copyConfirmAttempts: number;
  /** How often a follow with an incomplete copy is made anew before it is parked; default 2. */
  readonly copyRounds: number;
  /** How long a resumed run of an edge stays open after it is done, so that late events find it; default 5,000. */
  readonly resumedLingerMs: number;
  /** How long a parked event that a later one overtook waits for an operator before it closes; default 1 hour. */
  readonly overtakenLingerMs: number;
  /** Pauses after which a parked event is retried without an operator; default none. */
  readonly autoRetryDelaysMs: readonly number[];
  /** How long an event stays parked before the workflow gives up and fails; default never. */
  readonly parkedLimitMs?: number;
}

export const DEFAULT_EVENT_POLICY: EventPolicy = {
  fastAttemptTimeoutMs: 4_000,
  attemptTimeoutMs: 15_000,
  retryInitialMs: 1_000,
  retryMaximumMs: 60_000,
  retryBudgetMs: 3_600_000,
  compensationBudgetMs: 600_000,
  lateCommitMs: 15_000,
  parentWaitMs: 120_000,
  parentMissing: 'park',
  copyConfirmAttempts: 3,
  copyRounds: 2,
  resumedLingerMs: 5_000,
  overtakenLingerMs: 3_600_000,
  autoRetryDelaysMs: [],
};
