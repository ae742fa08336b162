import { ActivityCancellationType, proxyActivities, sleep } from '@temporalio/workflow';
import type { EventActivities } from '../../activities/types.ts';
import type { EventPolicy } from '../../contracts/events/event-policy.ts';
import { FAILURE_TYPES, FINAL_FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { boundedSummary } from '../../contracts/shared/summary.ts';
import { fastProxy, invoke, type FirstCalls } from './activity-calls.ts';
import type { ActivityCall, Step } from './event-plan.ts';
import { stepFailureOf, type StepFailure } from './step-failure.ts';

/** Makes the calls of an event's steps, with the declared retries. */
export interface StepRunner {
  /**
   * First as a local activity inside this workflow task, then, where that fails retryably, as an activity that operators see
   * in the Web UI.
   */
  runFast(step: Step): Promise<unknown>;
  runDurable(step: Step): Promise<unknown>;
  /** Reads or undoes with a budget of its own. */
  runCompensation(call: ActivityCall, summary: string): Promise<unknown>;
  /** How long waits took that GetStream asked for, milliseconds, since the run began. */
  quotaWaitMs(): number;
  /** Whether a write was made, or tried: then this run was not out of date when it was. */
  hasWritten(): boolean;
}

export interface StepRunnerOptions {
  readonly policy: EventPolicy;
  /** First attempts that were made already. */
  readonly first?: FirstCalls;
  /** The run this workflow takes itself for, see `RunFence`; undefined while that is not known. */
  readonly run: () => string | undefined;
  /** How much of a step's budget runs before this one used up, milliseconds. */
  readonly spentMs: () => number;
  /** Told of a failure after which the step is tried again. */
  readonly onRetrying: (failure: StepFailure) => void;
  /**
   * Told when an attempt to write may have had no answer, so that GetStream may carry it out later.
   *
   * @param isOther it would do something else than the event: a removal on the way to a replacement, an undo
   */
  readonly onUnanswered: (isOther: boolean) => void;
  /** Told when a write that failed has removed what stood before. */
  readonly onRemoved: () => void;
}

const READS: ReadonlySet<ActivityCall['activity']> = new Set([
  'checkRun',
  'hasFailedTask',
  'requireParent',
  'confirmCopy',
  'hasActivity',
  'hasReaction',
  'hasFollow',
]);

/** Pause after a rate limit that named no time, milliseconds. */
const UNNAMED_QUOTA_WAIT_MS = 5_000;

export function createStepRunner(options: StepRunnerOptions): StepRunner {
  const { policy, first, run, onRetrying, onUnanswered, onRemoved } = options;
  let quotaWaitMs = 0;
  let hasWritten = false;
  const retry = {
    initialInterval: policy.retryInitialMs,
    maximumInterval: Math.max(policy.retryInitialMs, policy.retryMaximumMs),
    backoffCoefficient: 2,
    // A wait for the quota is the workflow's own: it must not use up the attempts.
    nonRetryableErrorTypes: [...FINAL_FAILURE_TYPES, FAILURE_TYPES.rateLimited],
  };
  const fast = fastProxy(policy);
  const durable = proxyActivities<EventActivities>({
    startToCloseTimeout: policy.attemptTimeoutMs,
    // An attempt under way is waited for: a newer event's write must not be overtaken by it.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });

  /** Tries until it succeeds, fails for good, or the pauses between attempts have used the budget up. */
  async function persist(
    call: ActivityCall,
    summary: string,
    budgetMs: number,
    attemptsBefore: Attempts,
  ): Promise<unknown> {
    for (let attempts = attemptsWithin(budgetMs, policy); ;) {
      try {
        const result = await invoke(durable, call, summary, run(), { ...retry, maximumAttempts: attempts });
        attemptsBefore.succeeded(result);
        return result;
      } catch (error) {
        const failure = stepFailureOf(error);
        attemptsBefore.failed(failure);
        if (failure.type !== FAILURE_TYPES.rateLimited) throw error;
        onRetrying(failure);
        await waitForQuota(failure);
        attempts = Math.max(1, attempts - (failure.attempt ?? 1) + 1);
      }
    }
  }

  async function waitForQuota(failure: StepFailure): Promise<void> {
    const begunMs = Date.now();
    await waitBeforeNext(failure, UNNAMED_QUOTA_WAIT_MS);
    quotaWaitMs += Date.now() - begunMs;
  }

  const attemptsOf = (call: ActivityCall, isUndo: boolean): Attempts =>
    READS.has(call.activity)
      ? new Attempts({ onWrite: () => undefined, onUnanswered: () => undefined, onRemoved })
      : new Attempts({
          onWrite: () => (hasWritten = true),
          onUnanswered: (isOther) => onUnanswered(isUndo || isOther),
          onRemoved,
        });
  const writeDurably = (step: Step, attempts: Attempts): Promise<unknown> =>
    persist(step.call, step.name, policy.retryBudgetMs - options.spentMs(), attempts);

  return {
    runDurable: (step) => writeDurably(step, attemptsOf(step.call, false)),
    async runFast(step) {
      const attempts = attemptsOf(step.call, false);
      try {
        const result = await (first?.take(step) ?? invoke(fast, step.call, step.name, run()));
        attempts.succeeded(result);
        return result;
      } catch (error) {
        const failure = stepFailureOf(error);
        attempts.failed({ ...failure, attempt: 1 });
        if (failure.final) throw error;
        onRetrying(failure);
        if (failure.type === FAILURE_TYPES.rateLimited) await waitForQuota(failure);
        else await waitBeforeNext(failure, policy.retryInitialMs);
      }
      return writeDurably(step, attempts);
    },
    quotaWaitMs: () => quotaWaitMs,
    hasWritten: () => hasWritten,
    runCompensation: (call, summary) => persist(call, summary, policy.compensationBudgetMs, attemptsOf(call, true)),
  };
}

interface AttemptListeners {
  readonly onWrite: () => void;
  readonly onUnanswered: (isOther: boolean) => void;
  readonly onRemoved: () => void;
}

/** Whether the attempts of one call all had an answer. */
export class Attempts {
  readonly #listeners: AttemptListeners;
  #unanswered = false;

  constructor(listeners: AttemptListeners) {
    this.#listeners = listeners;
  }

  /** Of several attempts only the last one's failure is seen: one before it may have had no answer. */
  failed({ type, attempt = 2, removed }: StepFailure): void {
    if (type === FAILURE_TYPES.staleRun) return;
    this.#listeners.onWrite();
    if (removed) this.#listeners.onRemoved();
    if (type === FAILURE_TYPES.ambiguous || type === FAILURE_TYPES.internal || attempt > 1) this.#note(false);
  }

  succeeded(result: unknown): void {
    this.#listeners.onWrite();
    const receipt: object = typeof result === 'object' && result !== null ? result : {};
    if (Number(Reflect.get(receipt, 'attempt') ?? 1) > 1) this.#note(false);
    // An earlier attempt may have asked for the removal that comes before the replacement, and it may come after it now.
    if (this.#unanswered && Reflect.get(receipt, 'replaced') === true) this.#note(true);
  }

  #note(isOther: boolean): void {
    this.#unanswered = true;
    this.#listeners.onUnanswered(isOther);
  }
}

/** An attempt takes time too, above all to be handed out: with its pause it counts as this much at least, milliseconds. */
const LEAST_ATTEMPT_MS = 1_000;
/** More than any policy that makes sense asks for; Temporal counts them in 32 bits. */
const MOST_ATTEMPTS = 1_000_000;

/**
 * How many attempts a budget allows: at least one, and as many more as their pauses fit into it. Counted instead of timed, so
 * that waiting in a busy task queue, or for a worker, uses nothing up.
 */
export function attemptsWithin(
  budgetMs: number,
  { retryInitialMs, retryMaximumMs }: Pick<EventPolicy, 'retryInitialMs' | 'retryMaximumMs'>,
): number {
  const longestMs = Math.max(retryInitialMs, retryMaximumMs, LEAST_ATTEMPT_MS);
  let attempts = 1;
  let leftMs = budgetMs;
  for (let pauseMs = Math.max(1, retryInitialMs); pauseMs < longestMs && leftMs > 0; pauseMs *= 2) {
    leftMs -= Math.max(pauseMs, LEAST_ATTEMPT_MS);
    if (leftMs >= 0) attempts++;
  }
  return Math.min(MOST_ATTEMPTS, attempts + Math.max(0, Math.floor(leftMs / longestMs)));
}

function waitBeforeNext({ type, retryAfterMs }: StepFailure, otherwiseMs: number): Promise<void> {
  const summary = boundedSummary(`${type}: wait before the next attempt`);
  return sleep(Math.max(1, retryAfterMs ?? otherwiseMs), { summary });
}
