import { CancellationScope, proxyLocalActivities, type ActivityOptions } from '@temporalio/workflow';
import type { RunFence, EventActivities } from '../../activities/types.ts';
import type { EventPolicy } from '../../contracts/events/event-policy.ts';
import { boundedSummary } from '../../contracts/shared/summary.ts';
import type { ActivityCall, Step } from './event-plan.ts';

/**
 * The first attempts of an event, made inside its first workflow task before anything else is known. Whoever takes the event
 * over when not all goes well takes their outcomes along instead of making the calls again.
 */
export class FirstCalls {
  readonly #calls = new Map<string, Promise<unknown>>();
  readonly #scope = new CancellationScope();
  #isWritten = false;
  readonly #proxy: object;
  readonly #run: string | undefined;

  /** @param run the run this workflow takes itself for, see `RunFence` */
  constructor(policy: EventPolicy, run: string | undefined) {
    this.#proxy = fastProxy(policy);
    this.#run = run;
  }

  make(step: Step): Promise<unknown> {
    const call = this.#scope.run(() => invoke(this.#proxy, step.call, step.name, this.#run));
    // Whoever takes it over handles its failure; until then it is nobody's.
    call.catch(() => undefined);
    this.#calls.set(step.name, call);
    this.#isWritten ||= step.call.activity !== 'requireParent';
    return call;
  }

  /** Nobody takes over what is left. @returns whether a write is among it, made or under way */
  leave(): boolean {
    const isWritten = this.#isWritten;
    this.#isWritten = false;
    return isWritten;
  }

  /** The call of this step, made or under way, once; the scope that takes it over cancels it as its own. */
  take(step: Step): Promise<unknown> | undefined {
    const call = this.#calls.get(step.name);
    if (!call) return undefined;
    this.#calls.delete(step.name);
    if (step.call.activity !== 'requireParent') this.#isWritten = false;
    CancellationScope.current().cancelRequested.catch(() => this.#scope.cancel());
    return call;
  }
}

/** Calls made inside the workflow task, one attempt each. */
export function fastProxy(policy: EventPolicy): object {
  return proxyLocalActivities<EventActivities>({
    startToCloseTimeout: policy.fastAttemptTimeoutMs,
    retry: { maximumAttempts: 1 },
  });
}

type Retry = NonNullable<ActivityOptions['retry']>;
type Invocable = {
  executeWithOptions(
    options: { summary: string; retry?: Retry },
    args: [input: unknown, fence: RunFence],
  ): Promise<unknown>;
};

/** Makes one call of an activity, through either kind of proxy. */
export function invoke(
  proxy: object,
  call: ActivityCall,
  summary: string,
  run: string | undefined,
  retry?: Retry,
): Promise<unknown> {
  // Name and input belong together by ActivityCall; TypeScript cannot follow that through the proxy's index.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const activity = Reflect.get(proxy, call.activity) as Invocable;
  const options = { summary: boundedSummary(summary), ...(retry ? { retry } : {}) };
  return activity.executeWithOptions(options, [call.input, run === undefined ? {} : { run }]);
}
