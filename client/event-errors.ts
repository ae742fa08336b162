/** No event has this workflow id, or its retention is over. */
export class EventNotFoundError extends Error {
  override readonly name = 'EventNotFoundError';
  readonly workflowId: string;

  constructor(workflowId: string, options?: ErrorOptions) {
    super(`no event has the workflow id ${JSON.stringify(workflowId)}, or its retention is over`, options);
    this.workflowId = workflowId;
  }
}

/** The event is closed: there is nothing left to retry or skip. */
export class EventClosedError extends Error {
  override readonly name = 'EventClosedError';
  readonly workflowId: string;
  /** How the event ended: its `EventStatus`, where it has one. */
  readonly status: string | undefined;

  constructor(workflowId: string, status: string | undefined, options?: ErrorOptions) {
    super(`${workflowId} is closed already${status === undefined ? '' : ` (${status})`}: nothing was changed`, options);
    this.workflowId = workflowId;
    this.status = status;
  }
}

/** No worker answered in time. Whether the request still takes effect is not known; asking again does no harm. */
export class EventUnansweredError extends Error {
  override readonly name = 'EventUnansweredError';
  readonly workflowId: string;

  constructor(workflowId: string, options?: ErrorOptions) {
    super(`no worker answered for ${workflowId}; is one running, and do its workflow tasks succeed?`, options);
    this.workflowId = workflowId;
  }
}

/** The visibility query cannot be used; the message says why. */
export class InvalidEventQueryError extends Error {
  override readonly name = 'InvalidEventQueryError';
}

/** Too many events in a row gave no answer, so the release stopped; another run goes on with what is still parked. */
export class ReleaseBrokenOffError<Progress> extends Error {
  override readonly name = 'ReleaseBrokenOffError';
  readonly progress: Progress;

  constructor(progress: Progress, options: { readonly cause: unknown }) {
    const reason = options.cause instanceof Error ? options.cause.message : String(options.cause);
    super(`the release stopped, as several events in a row gave no answer; the last one: ${reason}`, options);
    this.progress = progress;
  }
}
