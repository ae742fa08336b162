import type { SocialEvent } from '../contracts/social-event.ts';

/**
 * What became of an event that was handed over. `started`: a new workflow run. `joined`: an open run of the same edge took
 * it. `deduplicated`: it was known already, nothing was started. All three mean that it is durable.
 */
export type StartOutcome = 'started' | 'joined' | 'deduplicated';

/** Makes an event durable. Starting one event several times must have the effect of starting it once. */
export interface EventStarter {
  /**
   * @param signal aborts when the result is no longer wanted; the message is then delivered again later
   * @throws anything, on transient trouble; the bridge keeps the message and tries again
   */
  start(event: SocialEvent, signal: AbortSignal): Promise<StartOutcome>;
}
