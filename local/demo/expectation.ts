import { MESSAGE_ROUTES } from '../../contracts/shared/names.ts';
import { InvalidMessageError, parseMessage } from '../../contracts/events/parse-message.ts';
import { eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import type { DemoMessage } from './generate.ts';

/** What must become of the messages published. */
export interface Expectation {
  readonly published: number;
  /** The events they stand for: each must end in a workflow that is done or parked. */
  readonly workflowIds: readonly string[];
  /** Messages that must stand in a dead-letter queue. */
  readonly rejected: number;
  readonly duplicates: number;
  readonly late: number;
}

/** Judged by the contracts, as the bridge does. Pure. */
export function expectationOf(messages: readonly DemoMessage[]): Expectation {
  const workflowIds = new Set<string>();
  let rejected = 0;
  for (const message of messages) {
    const id = workflowIdOf(message);
    if (id === undefined) rejected += 1;
    else workflowIds.add(id);
  }
  return {
    published: messages.length,
    workflowIds: [...workflowIds],
    rejected,
    duplicates: messages.filter(({ kind }) => kind === 'duplicate').length,
    late: messages.filter(({ kind }) => kind === 'late').length,
  };
}

/** Undefined for a message that must be rejected. */
function workflowIdOf({ topic, body }: DemoMessage): string | undefined {
  const route = MESSAGE_ROUTES.find((candidate) => candidate.topic === topic);
  if (!route) throw new Error(`there is no topic ${topic}`);
  try {
    return eventWorkflowId(parseMessage(route.schema, JSON.parse(body), 0));
  } catch (error) {
    if (error instanceof InvalidMessageError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
