/** Names other services and operators depend on; a change here breaks them. */

/** SNS topics and the SQS queue each feeds; every queue has a dead-letter queue, see {@link deadLetterQueueName}. */
export const MESSAGE_ROUTES = [
  { topic: 'activities', queue: 'social-graph-activities', schema: 'activity' },
  { topic: 'mentions', queue: 'social-graph-mentions', schema: 'comment' },
  { topic: 'reactions', queue: 'social-graph-reactions', schema: 'reaction' },
  { topic: 'follow-relationships', queue: 'social-graph-follow-relationships', schema: 'follow' },
] as const;

export type MessageRoute = (typeof MESSAGE_ROUTES)[number];
export type EventKind = MessageRoute['schema'];

/** `<queue>-dlq`; for a FIFO queue the suffix stays last, as SQS demands: `<queue>-dlq.fifo`. */
export function deadLetterQueueName(queue: string): string {
  return queue.endsWith('.fifo') ? `${queue.slice(0, -'.fifo'.length)}-dlq.fifo` : `${queue}-dlq`;
}

export const TASK_QUEUES = {
  socialEvents: 'social-events',
  streamSessions: 'stream-sessions',
  /** Where accounts tell gateways of streams that ended. */
  streamWatchers: 'stream-watchers',
} as const;

/** Where one gateway is asked by the others. @param instance its name, see `GATEWAY_INSTANCE` */
export function streamWatcherQueue(instance: string): string {
  return `${TASK_QUEUES.streamWatchers}/${instance}`;
}

export const WORKFLOW_TYPES = {
  socialEvent: 'socialEvent',
  streamSessions: 'streamSessions',
  /** A question of one gateway to the others. */
  askStreamWatchers: 'askStreamWatchers',
} as const;

/** Search attributes and the type each is registered with. */
export const SEARCH_ATTRIBUTES = {
  EventKind: 'Keyword',
  EventStatus: 'Keyword',
  EventActor: 'Keyword',
  EventFailure: 'Keyword',
  ActiveStreams: 'Int',
} as const;

/**
 * Life of an event as operators query it. `pending`: being written, retries included. `parked`: waits for `retry` or
 * `skip`. Closed: `applied`; `superseded` by a later event on the same edge; `compensated`, given up with what it wrote
 * undone; `skipped` by an operator.
 */
export const EVENT_STATUSES = ['pending', 'applied', 'superseded', 'parked', 'compensated', 'skipped'] as const;
export type EventStatus = (typeof EVENT_STATUSES)[number];
