import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { Logger } from 'pino';
import { TASK_QUEUES } from '../../contracts/names.ts';

const INTERVAL_MS = 60_000;
/** A poll lasts a minute; whoever was seen since the last check but one is at work [server 1.29]. */
const SEEN_LATELY_MS = 100_000;

export interface LoneCheckOptions {
  readonly client: Client;
  readonly logger: Pick<Logger, 'error'>;
  /** Of this gateway's own worker. */
  readonly identity: string;
  readonly intervalMs?: number;
}

/**
 * Whether a gateway without a shared store is alone, as it must be: two would end each other's streams. Others are known by
 * their polls of the task queue on which gateways hear of ends. A gateway that was just replaced is seen for a while.
 */
export class LoneCheck {
  readonly #options: LoneCheckOptions;
  readonly #timer: NodeJS.Timeout;
  #alone = true;

  constructor(options: LoneCheckOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.check(), options.intervalMs ?? INTERVAL_MS).unref();
  }

  alone(): boolean {
    return this.#alone;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async check(nowMs: number = Date.now()): Promise<void> {
    const { client, logger, identity } = this.#options;
    try {
      const { pollers } = await client.workflowService.describeTaskQueue({
        namespace: client.options.namespace,
        taskQueue: { name: TASK_QUEUES.streamWatchers },
        taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
      });
      const others = pollers.filter(
        (poller) =>
          poller.identity !== identity && nowMs - Number(poller.lastAccessTime?.seconds ?? 0) * 1_000 < SEEN_LATELY_MS,
      );
      this.#alone = others.length === 0;
      if (this.#alone) return;
      logger.error(
        { others: others.map((poller) => poller.identity) },
        'another gateway is at work, and they share no store: each ends streams that beat at the other. Set GATEWAY_REDIS_URL',
      );
    } catch {
      // Without an answer nothing is known; what Temporal lacks is said elsewhere.
    }
  }
}
