import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcServiceError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { temporal } from '@temporalio/proto';
import { readStartInput, type RunReference } from '../../bridge/edge-runs.ts';
import { eventActorKey, eventFailureKey, eventKindKey } from '../../contracts/shared/search-attributes.ts';
import { badPayloads } from './bad-payloads.ts';
import { nameOf, type OperatorAction, type PlannedOperatorAction, type ResetTo } from './operator-plan.ts';

export const OPERATOR = 'chaos operator';
const ANSWER_MS = 10_000;
/** How long operators try to find an event while Temporal is down. */
const PATIENCE_MS = 20_000;
const LOOK_AGAIN_MS = 500;
const LEAST_PAUSE_MS = 200;
/** How many events a query may offer. */
const MOST_FOUND = 40;
const EVENTS = 'WorkflowType="socialEvent"';
/** gRPC status codes with which Temporal says no: nothing was done. */
const REFUSALS: readonly unknown[] = [3, 5, 6, 8, 9, 12];

const { EventType, ResetReapplyType, UpdateWorkflowExecutionLifecycleStage } = proto.temporal.api.enums.v1;
type Payload = temporal.api.common.v1.IPayload;
type Outcome = 'done' | 'refused' | 'unanswered' | 'withoutTarget';

/** How often operators did what, or tried to. */
export type OperatorCounts = Readonly<Record<string, Readonly<Record<Outcome, number>>>>;

interface Listed extends Required<RunReference> {
  readonly actor: string | undefined;
  readonly failure: string | undefined;
  readonly kind: string | undefined;
}

/** Operators who act on events while traffic flows, as a plan tells them. */
export class Operators {
  readonly #client: Client;
  readonly #onEvent: (line: string) => void;
  readonly #counts = new Map<string, Record<Outcome, number>>();
  #leftOut = 0;

  constructor(client: Client, onEvent: (line: string) => void) {
    this.#client = client;
    this.#onEvent = onEvent;
  }

  get counts(): OperatorCounts {
    return Object.fromEntries([...this.#counts].toSorted(([left], [right]) => left.localeCompare(right)));
  }

  /** Of the plan, for want of time. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /**
   * Looks are made one after the other, acts wait for no answer of the one before. What is late is made up for at a
   * pace of its own: a burst would fall on the few events that an outage left over. What would come after the faults is left
   * out and counted.
   */
  async run(plan: readonly PlannedOperatorAction[], untilMs: number): Promise<void> {
    const underWay: Promise<void>[] = [];
    const begun = performance.now();
    for (const [index, { atMs, action, draw }] of plan.entries()) {
      await sleep(Math.max(LEAST_PAUSE_MS, begun + atMs - performance.now()));
      if (performance.now() > begun + untilMs) {
        this.#leftOut = plan.length - index;
        break;
      }
      const target = await this.#findPatiently(action, draw);
      underWay.push(this.#attempt(action, target).then((outcome) => this.#count(nameOf(action), outcome)));
    }
    await Promise.all(underWay);
  }

  #count(name: string, outcome: Outcome): void {
    const counts = this.#counts.get(name) ?? { done: 0, refused: 0, unanswered: 0, withoutTarget: 0 };
    counts[outcome] += 1;
    this.#counts.set(name, counts);
  }

  async #attempt(action: OperatorAction, target: Listed | undefined): Promise<Outcome> {
    if (!target) return 'withoutTarget';
    this.#onEvent(`operator: ${nameOf(action)}, ${target.workflowId}`);
    try {
      return await this.#client.withDeadline(Date.now() + ANSWER_MS, () => this.#act(action, target));
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'refused';
      const cause = error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error;
      return isGrpcServiceError(cause) && REFUSALS.includes(cause.code) ? 'refused' : 'unanswered';
    }
  }

  /** Undefined also when Temporal does not answer. */
  async #findPatiently(action: OperatorAction, draw: number): Promise<Listed | undefined> {
    for (const deadline = performance.now() + PATIENCE_MS; ;) {
      try {
        return await this.#client.withDeadline(Date.now() + ANSWER_MS, () => this.#find(action, draw));
      } catch {
        if (performance.now() > deadline) return undefined;
        await sleep(LOOK_AGAIN_MS);
      }
    }
  }

  #find(action: OperatorAction, draw: number): Promise<Listed | undefined> {
    switch (action.kind) {
      case 'request':
      case 'batch':
        return this.#pick(open('parked'), draw);
      case 'cancel':
      case 'terminate':
        return this.#pick(open(action.status), draw);
      case 'badMessage':
        return this.#pick(action.status === 'closed' ? CLOSED : open(action.status), draw);
      case 'reset':
        if (action.of === 'event') return this.#pick(EVENTS, draw);
        return this.#pickEdge(draw, action.of === 'olderRun');
    }
  }

  async #act(action: OperatorAction, target: Listed): Promise<Outcome> {
    const handle = this.#client.workflow.getHandle(target.workflowId, target.runId);
    switch (action.kind) {
      case 'request':
        if (action.by === 'update') return this.#update(target, action.action, []);
        await handle.signal(action.action, { by: OPERATOR, reason: 'chaos' });
        return 'done';
      case 'cancel':
        await handle.cancel();
        return 'done';
      case 'terminate':
        await handle.terminate(OPERATOR);
        return 'done';
      case 'reset':
        return this.#reset(target, action);
      case 'batch':
        return this.#batch(target, action);
      case 'badMessage': {
        const input = await readStartInput(this.#client, target);
        const payloads = badPayloads(action.payload, input?.event);
        if (action.by === 'update') return this.#update(target, action.name, payloads);
        await this.#client.workflowService.signalWorkflowExecution({
          ...this.#execution(target),
          signalName: action.name,
          input: { payloads },
          requestId: randomUUID(),
        });
        return 'done';
      }
    }
  }

  async #update(target: Listed, name: string, payloads: Payload[]): Promise<Outcome> {
    const { UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED: lifecycleStage } =
      UpdateWorkflowExecutionLifecycleStage;
    const { outcome } = await this.#client.workflowService.updateWorkflowExecution({
      ...this.#execution(target),
      waitPolicy: { lifecycleStage },
      request: { meta: { updateId: randomUUID(), identity: OPERATOR }, input: { name, args: { payloads } } },
    });
    return outcome?.failure ? 'refused' : 'done';
  }

  /** To the completion of a workflow task, as the Web UI and `temporal workflow reset` do. */
  async #reset(target: Listed, { task, reapply }: ResetTo): Promise<Outcome> {
    const { events } = await this.#client.workflow.getHandle(target.workflowId, target.runId).fetchHistory();
    const completed = (events ?? []).filter(
      ({ eventType }) => eventType === EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    );
    const event = task === 'first' ? completed[0] : completed.at(-1);
    if (!event?.eventId) return 'withoutTarget';
    await this.#client.workflowService.resetWorkflowExecution({
      ...this.#execution(target),
      reason: OPERATOR,
      workflowTaskFinishEventId: event.eventId,
      requestId: randomUUID(),
      resetReapplyType: reapply ? ResetReapplyType.RESET_REAPPLY_TYPE_SIGNAL : ResetReapplyType.RESET_REAPPLY_TYPE_NONE,
    });
    return 'done';
  }

  async #batch(
    { actor, failure, kind }: Listed,
    { action, of }: Extract<OperatorAction, { kind: 'batch' }>,
  ): Promise<Outcome> {
    const conditions = {
      failure: `EventFailure="${failure ?? ''}"`,
      actor: `EventActor="${actor ?? ''}"`,
      kind: `EventKind="${kind ?? ''}"`,
    };
    await this.#client.workflowService.startBatchOperation({
      namespace: this.#client.options.namespace,
      jobId: randomUUID(),
      reason: OPERATOR,
      visibilityQuery: `${open('parked')} AND ${conditions[of]}`,
      ...(action === 'cancel'
        ? { cancellationOperation: { identity: OPERATOR } }
        : { signalOperation: { signal: action, identity: OPERATOR } }),
    });
    return 'done';
  }

  #execution({ workflowId, runId }: Listed) {
    return {
      namespace: this.#client.options.namespace,
      workflowExecution: { workflowId, runId },
      identity: OPERATOR,
    };
  }

  async #pick(query: string, draw: number): Promise<Listed | undefined> {
    return pickOf(await this.#list(query), draw);
  }

  async #pickEdge(draw: number, olderRun: boolean): Promise<Listed | undefined> {
    const runs = await this.#list(`${EVENTS} AND (EventKind="reaction" OR EventKind="follow")`);
    if (!olderRun) return pickOf(runs, draw);
    // Latest first: whatever is not the first of its edge is an older one.
    const older = runs.filter(
      ({ workflowId }, index) => runs.findIndex((other) => other.workflowId === workflowId) < index,
    );
    return pickOf(older, draw);
  }

  async #list(query: string): Promise<Listed[]> {
    const found: Listed[] = [];
    for await (const { workflowId, runId, typedSearchAttributes: attributes } of this.#client.workflow.list({
      query,
      pageSize: MOST_FOUND,
    })) {
      const [actor, failure] = [attributes.get(eventActorKey), attributes.get(eventFailureKey)];
      found.push({ workflowId, runId, actor, failure, kind: attributes.get(eventKindKey) });
      if (found.length >= MOST_FOUND) break;
    }
    return found;
  }
}

const CLOSED = `${EVENTS} AND ExecutionStatus!="Running"`;

function open(status: 'pending' | 'parked'): string {
  return `${EVENTS} AND ExecutionStatus="Running" AND EventStatus="${status}"`;
}

function pickOf<Item>(items: readonly Item[], draw: number): Item | undefined {
  return items[Math.floor(draw * items.length)];
}
