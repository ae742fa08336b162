import { Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import type { History } from './history-proto.ts';
import { divergingEvent, reasonIn } from './replay-message.ts';
import type { NamedHistory } from './history-sources.ts';

/**
 * `same`: the code does what the history says. `diverged`: it would do something else, so open workflows of that kind
 * would stop. `failed`: it could not be replayed, for instance since the code knows no such workflow.
 */
export type ReplayOutcome = 'same' | 'diverged' | 'failed';

export interface Replayed {
  readonly workflowId: string;
  readonly runId: string;
  readonly file?: string;
  readonly events: number;
  readonly outcome: ReplayOutcome;
  /** The event of the history that the code does not agree with, where Temporal's words tell it. */
  readonly eventId?: number;
  /** What is wrong, in Temporal's words without their wrapping. */
  readonly reason?: string;
  /** The whole error. */
  readonly message?: string;
}

/** Replays each history against the bundle; a divergence does not end the others. */
export async function* replay(
  workflowBundle: WorkflowBundleOption,
  histories: AsyncIterable<NamedHistory>,
): AsyncIterable<Replayed> {
  let current: NamedHistory | undefined;
  async function* noted(): AsyncIterable<NamedHistory> {
    for await (const named of histories) {
      current = named;
      yield named;
    }
  }
  // The SDK replays one history after the other, and gives its result before it asks for the next.
  for await (const { workflowId, runId, error } of Worker.runReplayHistories({ workflowBundle }, noted())) {
    yield {
      workflowId,
      runId,
      ...(current?.file === undefined ? {} : { file: current.file }),
      events: current?.history.events?.length ?? 0,
      ...verdictOf(error, current?.history ?? {}),
    };
  }
}

function verdictOf(
  error: Error | undefined,
  history: History,
): Pick<Replayed, 'outcome' | 'eventId' | 'reason' | 'message'> {
  if (error === undefined) return { outcome: 'same' };
  const { message } = error;
  const eventId = divergingEvent(message, history);
  return {
    outcome: error instanceof DeterminismViolationError ? 'diverged' : 'failed',
    ...(eventId === undefined ? {} : { eventId }),
    reason: reasonIn(message),
    message,
  };
}
