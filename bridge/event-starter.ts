import type { SocialEvent } from '../contracts/events/social-event.ts';

/**
 * What became of an event that was handed over. `started`: a new workflow run. `joined`: an open run of the same edge took
 * it. `deduplicated`: it was known already, nothing was started. All three mean that it is durable.
 */
export type StartOutcome = 'started' | 'joined' | 'deduplicated';

/** Thrown by a starter that knows the failure to be this event's own: others start meanwhile, and it will fail again. */
export class StartRefusedError extends Error {
  override readonly name = 'StartRefusedError';
  readonly scope = 'message';
}

/** Says that a wait is for other starts of this process: such time is not part of the attempt. */
export type Waiting = <Value>(wait: Promise<Value>) => Promise<Value>;

/** Makes an event durable. Starting one event several times must have the effect of starting it once. */
export interface EventStarter {
  /**
   * @param signal aborts when the result is no longer wanted; the event is then tried again, here or from another delivery
   * @param waiting wraps waits that the time of an attempt must leave out
   * @throws StartRefusedError when the failure is the event's own; anything else is judged by its gRPC code and by how
   * other starts go. The bridge keeps the message and tries again, and gives up only what fails for a reason of its own
   */
  start(event: SocialEvent, signal: AbortSignal, waiting?: Waiting): Promise<StartOutcome>;
  /**
   * Asks Temporal for something that is answered only when starts could be as well. Without it a failure that does not say
   * whose it is counts as everybody's until another start succeeds.
   *
   * @throws anything, when Temporal did not answer as it should
   */
  probe?(signal: AbortSignal): Promise<void>;
}
