import { ApplicationFailure } from '@temporalio/common';
import type { StreamActivities } from '../../activities/types.ts';
import { FINAL_FAILURE_TYPES, FAILURE_TYPES, type FailureType } from '../../contracts/events/failure-types.ts';

type ActivityName = keyof StreamActivities;
type Reply = Error | { readonly value: unknown } | (() => Promise<unknown>);

/** Activities at the edge of workflow tests: they record their calls and answer as told, else with success. */
export class FakeStream {
  readonly calls: { readonly activity: ActivityName; readonly input: unknown }[] = [];
  readonly #replies = new Map<ActivityName, Reply[]>();
  readonly #always = new Map<ActivityName, Reply>();
  readonly #refused = new Map<unknown, Error>();

  /** The next calls of the activity answer so, in this order. */
  next(activity: ActivityName, ...replies: Reply[]): void {
    this.#replies.set(activity, [...(this.#replies.get(activity) ?? []), ...replies]);
  }

  /** Every call of the activity answers so until told otherwise. */
  always(activity: ActivityName, reply: Reply | undefined): void {
    if (reply) this.#always.set(activity, reply);
    else this.#always.delete(activity);
  }

  /** Forgets calls and replies; one worker serves many tests. */
  reset(): void {
    this.calls.length = 0;
    this.#replies.clear();
    this.#always.clear();
  }

  /** Every write to a feed fails so until told otherwise, for tests that share a worker at the same time. */
  refuse(feed: string, failure: Error | undefined): void {
    if (failure) this.#refused.set(feed, failure);
    else this.#refused.delete(feed);
  }

  /** Names of the calls that would have changed what the feed follows, in order. */
  writesOf(feed: string): ActivityName[] {
    const writes = this.calls.filter(({ input }) => Reflect.get(Object(input), 'source') === feed);
    return writes.map(({ activity }) => activity).filter((name) => name === 'follow' || name === 'unfollow');
  }

  countOf(activity: ActivityName): number {
    return this.calls.filter((call) => call.activity === activity).length;
  }

  names(): ActivityName[] {
    return this.calls.map(({ activity }) => activity);
  }

  get activities(): StreamActivities {
    const answer = (activity: ActivityName, otherwise: unknown) => async (input: unknown) => {
      this.calls.push({ activity, input });
      const refusal = this.#refused.get(Reflect.get(Object(input), 'source'));
      if (refusal) throw refusal;
      const reply = this.#replies.get(activity)?.shift() ?? this.#always.get(activity);
      if (reply instanceof Error) throw reply;
      if (typeof reply === 'function') return await reply();
      return reply ? reply.value : otherwise;
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one recorder stands for every activity
    return {
      addActivity: answer('addActivity', undefined),
      removeActivity: answer('removeActivity', undefined),
      hasActivity: answer('hasActivity', false),
      requireParent: answer('requireParent', undefined),
      addReaction: answer('addReaction', undefined),
      removeReaction: answer('removeReaction', undefined),
      hasReaction: answer('hasReaction', false),
      hasFollow: answer('hasFollow', false),
      follow: answer('follow', undefined),
      unfollow: answer('unfollow', undefined),
      confirmCopy: answer('confirmCopy', undefined),
      undoFollow: answer('undoFollow', 'undone'),
    } as StreamActivities;
  }
}

const NOT_RETRIED = [...FINAL_FAILURE_TYPES, FAILURE_TYPES.copyIncomplete, FAILURE_TYPES.parentMissing];

/** A failure as the classifier makes it. */
export function streamFailure(type: FailureType, nextRetryDelayMs?: number): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message: `stand-in for ${type}`,
    nonRetryable: NOT_RETRIED.includes(type),
    ...(nextRetryDelayMs === undefined ? {} : { nextRetryDelay: nextRetryDelayMs }),
  });
}
