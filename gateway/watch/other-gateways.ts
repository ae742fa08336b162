import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { Logger } from 'pino';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../contracts/shared/names.ts';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import type { AskStreamWatchersWorkflow, StreamRef } from '../../contracts/sessions/stream-sessions.ts';
import { watchTimes } from './watch-times.ts';

export interface OtherGatewaysOptions {
  readonly client: Client;
  readonly logger: Pick<Logger, 'warn'>;
  /** Of this gateway. */
  readonly instance: string;
  readonly policy: () => SessionPolicy;
}

/** An answer takes 2 s at most where workers of accounts have time; one that comes later is of no use. */
const ASK_TIMEOUT_MS = 10_000;
/** Longest time from an answer to a report that follows from it: a call on an account. */
const REPORT_TIME_MS = 8_000;
const LONGEST_HELD_MS = 5_000;
const ASK_AHEAD_MS = 4_000;
/** Gateways that give no answer so often in a row are gone, and not just busy. */
const ALONE_AFTER = 3;
/** One that reaches the store is enough, but of those that were seen lately many may be gone, after a deploy. */
const MOST_ASKED = 20;
/** A poll lasts a minute; whoever was seen since the last but one is at work [server 1.29]. */
const SEEN_LATELY_MS = 100_000;

/**
 * What the other gateways know of streams that fell silent at this one, which does not reach the store they share. Asked through
 * Temporal, as gateways know no addresses of each other.
 */
export class OtherGateways {
  readonly #options: OtherGatewaysOptions;
  #nobodySinceMs = -Infinity;
  #askedAtMs = -Infinity;
  /** So often in a row nobody answered. */
  #unanswered = 0;

  constructor(options: OtherGatewaysOptions) {
    this.#options = options;
  }

  /**
   * Those of the streams that are left to this gateway: the store does not know them, or no other gateway reaches it. To be called
   * with none as well, while this one does not reach it.
   *
   * @throws an error when nobody could be asked, or nobody answered who may be there
   */
  async leftToThis(streams: readonly StreamRef[]): Promise<readonly StreamRef[]> {
    const { client, logger, instance, policy } = this.#options;
    const [nowMs, holdsMs] = [performance.now(), nobodyHoldsMs(policy())];
    if (nowMs - this.#nobodySinceMs < holdsMs) return streams;
    // To know it already when a stream falls silent: gateways that are gone, and were seen lately, cost the whole time-out.
    const isOfNoUse = holdsMs === 0 || nowMs - this.#askedAtMs < ASK_AHEAD_MS;
    if (streams.length === 0 && isOfNoUse) return streams;
    this.#askedAtMs = nowMs;
    const others = await otherGateways(client, instance);
    if (others.length === 0) return streams;
    const answer = await client.workflow.execute<AskStreamWatchersWorkflow>(WORKFLOW_TYPES.askStreamWatchers, {
      taskQueue: TASK_QUEUES.streamSessions,
      workflowId: `ask-stream-watchers/${randomUUID()}`,
      args: [{ streams, instances: others.slice(0, MOST_ASKED) }],
      workflowExecutionTimeout: ASK_TIMEOUT_MS,
    });
    if ('unreached' in answer) {
      this.#unanswered = answer.unreached > 0 ? 0 : this.#unanswered + 1;
      if (this.#unanswered > 0 && this.#unanswered < ALONE_AFTER) throw new Error('no other gateway answered in time');
      this.#nobodySinceMs = performance.now();
      return streams;
    }
    this.#unanswered = 0;
    const { unknown } = answer;
    if (streams.length === 0) return streams;
    logger.warn(
      { silent: streams.length, unknownToOthers: unknown.length },
      'this gateway alone does not reach Redis: streams that fell silent here are left to the others, which do',
    );
    return unknown;
  }
}

/**
 * How long it holds that no gateway reaches the store, milliseconds. Until it was found, accounts were told of all beats, and they
 * ignore a loss for a silence after the last of them: who beats on by the store, at gateways that reach it by now, would be ended by a
 * report after that. One beat may have been lost.
 */
export function nobodyHoldsMs(policy: SessionPolicy): number {
  const { silenceMs, heartbeatIntervalMs } = watchTimes(policy);
  return Math.max(0, Math.min(LONGEST_HELD_MS, silenceMs - 2 * heartbeatIntervalMs - REPORT_TIME_MS));
}

/**
 * Names of other gateways, those that were seen last first: known by their polls of the task queue on which gateways hear of ends. One
 * that was just replaced is seen for a while.
 */
export async function otherGateways(client: Client, instance: string, nowMs = Date.now()): Promise<readonly string[]> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: TASK_QUEUES.streamWatchers },
    taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
  });
  const names = pollers
    .map(({ identity, lastAccessTime }) => ({ identity, seenMs: Number(lastAccessTime?.seconds ?? 0) * 1_000 }))
    .filter(({ seenMs }) => nowMs - seenMs < SEEN_LATELY_MS)
    .toSorted((one, other) => other.seenMs - one.seenMs)
    .flatMap(({ identity }) => (identity && identity !== instance ? [identity] : []));
  return [...new Set(names)];
}
