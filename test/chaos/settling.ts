import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { EVENT_STATUSES } from '../../contracts/shared/names.ts';
import { eventFailureKey, eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import { signalBatch } from '../support/batch-signal.ts';
import type { PlannedEdge, PlannedPost } from '../support/traffic.ts';
import type { Queues } from './queues.ts';

const LOOK_EVERY_MS = 1_000;
/** Longer than a batch takes to reach its workflows and be shown in queries. */
const RELEASE_EVERY_MS = 5_000;
/** gRPC status. */
const RESOURCE_EXHAUSTED = 8;
const PARKED = 'ExecutionStatus="Running" AND EventStatus="parked"';
const OPEN = 'ExecutionStatus="Running" AND WorkflowType="socialEvent"';

export interface Settlement {
  readonly released: number;
  /** Skipped at last: what they refer to was given up, or their id is another user's. */
  readonly skipped: number;
  readonly redriven: number;
}

export interface Published {
  readonly posts: readonly PlannedPost[];
  readonly edges: readonly PlannedEdge[];
}

export interface SettlingOptions {
  readonly client: Client;
  readonly queues: Queues;
  readonly published: Published;
  readonly timeoutMs: number;
}

/** Releases what is parked and redrives what is dead until nothing is left to do, or the time is up. */
export async function settle({ client, queues, published, timeoutMs }: SettlingOptions): Promise<Settlement> {
  const deadline = performance.now() + timeoutMs;
  const hopeless = new Hopeless(client, published);
  const released = new Set<string>();
  const skipped = new Set<string>();
  let redriven = 0;
  let releaseAt = 0;
  for (let quiet = 0; quiet < 2 && performance.now() < deadline;) {
    const dead = await queues.redrive();
    redriven += dead;
    if (performance.now() > releaseAt) {
      for await (const { workflowId, runId, typedSearchAttributes } of client.workflow.list({ query: PARKED })) {
        const isRetried = released.has(runId);
        released.add(runId);
        if (!isRetried || !(await hopeless.is(workflowId, typedSearchAttributes.get(eventFailureKey)))) continue;
        skipped.add(runId);
        await client.workflow.getHandle(workflowId, runId).signal('skip').catch(ifGone);
      }
      if ((await client.workflow.count(PARKED)).count > 0) await signalBatch(client, PARKED, 'retry').catch(ifBusy);
      releaseAt = performance.now() + RELEASE_EVERY_MS;
    }
    const left = dead + (await queues.depth());
    quiet = left === 0 && (await client.workflow.count(OPEN)).count === 0 ? quiet + 1 : 0;
    await sleep(LOOK_EVERY_MS);
  }
  return { released: released.size, skipped: skipped.size, redriven };
}

/** Tells which parked events no retry can help. */
class Hopeless {
  readonly #client: Client;
  readonly #posts: ReadonlyMap<string, PlannedPost>;
  readonly #byActivity: ReadonlyMap<string, PlannedPost>;
  readonly #edges: ReadonlyMap<string, PlannedEdge>;

  constructor(client: Client, { posts, edges }: Published) {
    this.#client = client;
    this.#posts = new Map(posts.map((post) => [post.workflowId, post]));
    this.#byActivity = new Map(posts.map((post) => [post.activityId, post]));
    this.#edges = new Map(edges.map((edge) => [edge.workflowId, edge]));
  }

  async is(workflowId: string, failure: string | undefined): Promise<boolean> {
    const edge = this.#edges.get(workflowId);
    const reactions = edge?.kind === 'reaction' ? edge : undefined;
    if (failure === FAILURE_TYPES.conflict) return reactions?.isShared === true;
    if (failure !== FAILURE_TYPES.parentMissing) return false;
    const parents = reactions
      ? reactions.moments.map(({ stands }) => this.#byActivity.get(stands?.activityId ?? '')?.workflowId)
      : [this.#posts.get(workflowId)?.parent];
    for (const parent of parents) if (parent !== undefined && (await this.#isGivenUp(parent))) return true;
    return false;
  }

  async #isGivenUp(workflowId: string): Promise<boolean> {
    const { status, typedSearchAttributes } = await this.#client.workflow.getHandle(workflowId).describe();
    return status.name !== 'RUNNING' && typedSearchAttributes.get(eventStatusKey) !== 'applied';
  }
}

/** A namespace runs one batch at a time; the next look starts another. */
function ifBusy(error: unknown): void {
  if (Reflect.get(Object(error), 'code') !== RESOURCE_EXHAUSTED) throw error;
}

function ifGone(error: unknown): void {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
}

/** Workflows by EventStatus; of an edge's several runs each counts. */
export async function countStatuses(client: Client): Promise<Record<string, number>> {
  const counts = await Promise.all(
    EVENT_STATUSES.map(async (status): Promise<[string, number]> => {
      const { count } = await client.workflow.count(`EventStatus="${status}"`);
      return [status, count];
    }),
  );
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}
