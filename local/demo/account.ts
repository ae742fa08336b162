import { setTimeout as delay } from 'node:timers/promises';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { deadLetterQueueName, MESSAGE_ROUTES, WORKFLOW_TYPES, type EventStatus } from '../../contracts/shared/names.ts';
import { eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import type { AwsServer, QueueDepth } from '../aws.ts';
import { BridgeCounter, type BridgeCounts } from '../bridge-counts.ts';
import type { Expectation } from './expectation.ts';

const POLL_MS = 300;
const LOOKUPS_AT_ONCE = 10;
const METRICS_TIMEOUT_MS = 2_000;
const QUEUES: readonly string[] = MESSAGE_ROUTES.map(({ queue }) => queue);
const DEAD_LETTER_QUEUES = QUEUES.map(deadLetterQueueName);

export interface AccountOptions {
  readonly client: Client;
  readonly aws: AwsServer;
  readonly metricsUrl: string;
  readonly expectation: Expectation;
  /** When the demo began: counts of workflows are of those started since. */
  readonly since: Date;
}

/** How far things are. */
export interface Progress {
  readonly bridge: BridgeCounts;
  readonly applied: number;
  readonly parked: number;
}

/** What has become of the messages by the worker's counters, and where those came from. */
export interface Balance {
  readonly published: number;
  /** Second deliveries that the disorder of the queues made. */
  readonly deliveredTwice: number;
  /** Messages an earlier start left in the queues. */
  readonly leftFromBefore: number;
  /** Since the demo began. */
  readonly bridge: BridgeCounts;
}

/** What is not accounted for yet; all empty and 0 when everything is. */
export interface Missing {
  /** Messages that still stand in the queues. */
  readonly queued: number;
  /** Events without a workflow, or whose workflow is at it still. */
  readonly unsettled: readonly string[];
  /** Events whose workflow failed, was cancelled, terminated or timed out. */
  readonly broken: readonly string[];
  /** Rejected messages that do not stand in a dead-letter queue. */
  readonly notInDeadLetters: number;
}

/**
 * Follows what was published until all of it is accounted for: the queues are empty, each event's workflow is closed or
 * parked, each poisoned message stands in a dead-letter queue. Asks the queues and Temporal itself, because the worker's
 * counters are gone when it is killed.
 */
export class Account {
  readonly #options: AccountOptions;
  readonly #counter: BridgeCounter;
  readonly #settled = new Set<string>();
  readonly #broken = new Set<string>();
  readonly #deadLettersBefore: number;
  readonly #queuedBefore: number;
  readonly #twiceBefore: number;

  private constructor(options: AccountOptions, counter: BridgeCounter) {
    const depths = options.aws.depths();
    this.#options = options;
    this.#counter = counter;
    this.#deadLettersBefore = deadLetters(depths);
    this.#queuedBefore = queued(depths);
    this.#twiceBefore = options.aws.disorderCounts().duplicated;
  }

  /** Notes down how things stand; open it before the first message is published. */
  static async open(options: AccountOptions): Promise<Account> {
    const counter = new BridgeCounter();
    await scrape(options.metricsUrl, counter);
    counter.reset();
    return new Account(options, counter);
  }

  async progress(): Promise<Progress> {
    const [applied, parked] = await Promise.all([
      this.#count('applied'),
      this.#count('parked'),
      scrape(this.#options.metricsUrl, this.#counter),
    ]);
    return { bridge: this.#counter.counts, applied, parked };
  }

  async balance(): Promise<Balance> {
    await scrape(this.#options.metricsUrl, this.#counter);
    return {
      published: this.#options.expectation.published,
      deliveredTwice: this.#options.aws.disorderCounts().duplicated - this.#twiceBefore,
      leftFromBefore: this.#queuedBefore,
      bridge: this.#counter.counts,
    };
  }

  async missing(): Promise<Missing> {
    const { aws, expectation } = this.#options;
    const inDeadLetters = deadLetters(aws.depths()) - this.#deadLettersBefore;
    const waiting = expectation.workflowIds.filter((id) => !this.#settled.has(id) && !this.#broken.has(id));
    await inTurns(waiting, (id) => this.#look(id));
    return {
      queued: queued(aws.depths()),
      unsettled: waiting.filter((id) => !this.#settled.has(id) && !this.#broken.has(id)),
      broken: [...this.#broken],
      notInDeadLetters: Math.max(0, expectation.rejected - inDeadLetters),
    };
  }

  /**
   * Waits until nothing is missing, at most so long.
   * @returns what is missing still
   */
  async settle(timeoutMs: number, signal: AbortSignal): Promise<Missing> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      let missing = await this.missing();
      if (missing.queued === 0 && missing.unsettled.length === 0) {
        // An edge looked at early may have been handed a later event since: looked at anew now that no more can come.
        this.#settled.clear();
        missing = await this.missing();
      }
      if (isNothing(missing) || signal.aborted || Date.now() > deadline) return missing;
      await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #look(workflowId: string): Promise<void> {
    try {
      const { status, typedSearchAttributes } = await this.#options.client.workflow.getHandle(workflowId).describe();
      if (status.name === 'RUNNING') {
        if (typedSearchAttributes.get(eventStatusKey) === 'parked') this.#settled.add(workflowId);
      } else if (status.name === 'COMPLETED') this.#settled.add(workflowId);
      else if (status.name !== 'CONTINUED_AS_NEW') this.#broken.add(workflowId);
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }

  async #count(status: EventStatus): Promise<number> {
    const query =
      `WorkflowType = '${WORKFLOW_TYPES.socialEvent}' AND EventStatus = '${status}' ` +
      `AND StartTime >= '${this.#options.since.toISOString()}'`;
    return (await this.#options.client.workflow.count(query)).count;
  }
}

export function isNothing({ queued, unsettled, broken, notInDeadLetters }: Missing): boolean {
  return queued === 0 && unsettled.length === 0 && broken.length === 0 && notInDeadLetters === 0;
}

/** Leaves the counter as it is while the worker is being started again: the next look finds it. */
async function scrape(metricsUrl: string, counter: BridgeCounter): Promise<void> {
  try {
    const answer = await fetch(metricsUrl, { signal: AbortSignal.timeout(METRICS_TIMEOUT_MS) });
    counter.observe(await answer.text());
  } catch {
    // Nothing to observe.
  }
}

function deadLetters(depths: readonly QueueDepth[]): number {
  return sizeOf(depths.filter(({ name }) => DEAD_LETTER_QUEUES.includes(name)));
}

function queued(depths: readonly QueueDepth[]): number {
  return sizeOf(depths.filter(({ name }) => QUEUES.includes(name)));
}

function sizeOf(depths: readonly QueueDepth[]): number {
  return depths.reduce((sum, { ready, inFlight, delayed }) => sum + ready + inFlight + delayed, 0);
}

async function inTurns<Item>(items: readonly Item[], visit: (item: Item) => Promise<void>): Promise<void> {
  const remaining = items.values();
  const lane = async () => {
    for (const item of remaining) await visit(item);
  };
  await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, lane));
}
