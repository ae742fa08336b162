import { ActivityCancellationType, proxyActivities, proxyLocalActivities, sleep } from '@temporalio/workflow';
import type { StreamActivities } from '../../../activities/types.ts';
import type { EventPolicy } from '../../../contracts/events/event-policy.ts';
import { FINAL_FAILURE_TYPES } from '../../../contracts/events/failure-types.ts';
import { boundedSummary } from '../../../contracts/shared/summary.ts';
import type { FirstCalls } from '../activity-calls.ts';
import type { ActivityCall, Step } from '../event-plan.ts';
import { stepFailureOf, type StepFailure } from '../step-failure.ts';

/** Makes the calls of an event's steps. */
export interface StepRunner {
  /**
   * First as a local activity inside this workflow task, then, where that fails retryably, as an activity with the
   * declared retries, which operators see in the Web UI.
   */
  runFast(step: Step): Promise<unknown>;
  runDurable(step: Step): Promise<unknown>;
  /** Reads or undoes with a budget of its own. */
  runCompensation(call: ActivityCall, summary: string): Promise<unknown>;
}

/** @param onRetrying told of the first failure of a step that goes on to the durable path */
export function createStepRunner(
  policy: EventPolicy,
  onRetrying: (failure: StepFailure) => void,
  first: FirstCalls | undefined,
): StepRunner {
  const retry = {
    initialInterval: policy.retryInitialMs,
    maximumInterval: policy.retryMaximumMs,
    backoffCoefficient: 2,
    nonRetryableErrorTypes: [...FINAL_FAILURE_TYPES],
  };
  const fast = proxyLocalActivities<StreamActivities>({
    startToCloseTimeout: policy.fastAttemptTimeoutMs,
    retry: { maximumAttempts: 1 },
  });
  const durable = proxyActivities<StreamActivities>({
    startToCloseTimeout: policy.attemptTimeoutMs,
    scheduleToCloseTimeout: policy.retryBudgetMs,
    retry,
    // An attempt under way is waited for: a newer event's write must not be overtaken by it.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
  const compensation = proxyActivities<StreamActivities>({
    startToCloseTimeout: policy.attemptTimeoutMs,
    scheduleToCloseTimeout: policy.compensationBudgetMs,
    retry,
  });

  const runDurable = (step: Step): Promise<unknown> => invoke(durable, step.call, step.name);

  return {
    runDurable,
    async runFast(step) {
      try {
        return await (first?.take(step) ?? invoke(fast, step.call, step.name));
      } catch (error) {
        const failure = stepFailureOf(error);
        if (failure.final) throw error;
        onRetrying(failure);
        await sleep(failure.retryAfterMs ?? policy.retryInitialMs, {
          summary: boundedSummary(`${failure.type}: wait before the next attempt`),
        });
      }
      return runDurable(step);
    },
    runCompensation: (call, summary) => invoke(compensation, call, summary),
  };
}

type Invocable = { executeWithOptions(options: { summary: string }, args: [input: unknown]): Promise<unknown> };

function invoke(proxy: object, call: ActivityCall, summary: string): Promise<unknown> {
  // Name and input belong together by ActivityCall; TypeScript cannot follow that through the proxy's index.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const activity = Reflect.get(proxy, call.activity) as Invocable;
  return activity.executeWithOptions({ summary: boundedSummary(summary) }, [call.input]);
}
