import { setTimeout as sleep } from 'node:timers/promises';
import type { StreamActivities } from '../../activities/types.ts';
import { FAILURE_TYPES } from '../../contracts/failure-types.ts';
import { Random } from '../../local/random.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';
import type { EdgeWrite } from './verdict.ts';

export interface Trouble {
  readonly seed: number;
  /** Share of writes that fail before they are committed, 0 to 1. */
  readonly refusedRate: number;
  /** Share that are committed and then answered with a time-out. */
  readonly unansweredRate: number;
  /** Longest pause before, and after, a commit, milliseconds. */
  readonly maxDelayMs: number;
}

/** GetStream's memory of edges behind activities that are slow and fail now and then. */
export class EdgeModel {
  readonly #writes = new Map<string, EdgeWrite[]>();
  readonly #random: Random;
  readonly #trouble: Trouble;

  constructor(trouble: Trouble) {
    this.#trouble = trouble;
    this.#random = new Random(trouble.seed);
  }

  /** In the order of their commits. @param key source feed, or reaction id */
  writesOf(key: string): readonly EdgeWrite[] {
    return this.#writes.get(key) ?? [];
  }

  get activities(): StreamActivities {
    return {
      ...new FakeStream().activities,
      follow: ({ source, copyLimit }) => this.#write(source, { present: true, mark: String(copyLimit) }),
      unfollow: ({ source }) => this.#write(source, { present: false }),
      addReaction: ({ reactionId, targetFeeds }) =>
        this.#write(reactionId, { present: true, mark: targetFeeds.join() }),
      removeReaction: ({ reactionId }) => this.#write(reactionId, { present: false }),
      hasReaction: ({ reactionId }) => Promise.resolve(this.writesOf(reactionId).at(-1)?.present ?? false),
    };
  }

  async #write(key: string, write: EdgeWrite): Promise<void> {
    const { refusedRate, unansweredRate, maxDelayMs } = this.#trouble;
    const refused = this.#random.chance(refusedRate);
    const unanswered = this.#random.chance(unansweredRate);
    await sleep(this.#random.between(0, maxDelayMs));
    if (refused) throw streamFailure(FAILURE_TYPES.unavailable);
    this.#writes.set(key, [...this.writesOf(key), write]);
    await sleep(this.#random.between(0, maxDelayMs));
    if (unanswered) throw streamFailure(FAILURE_TYPES.ambiguous);
  }
}
