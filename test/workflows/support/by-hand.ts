import { randomUUID } from 'node:crypto';
import assert from 'node:assert/strict';
import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import proto from '@temporalio/proto';

const { ResetReapplyExcludeType, UpdateWorkflowExecutionLifecycleStage, WorkflowTaskFailedCause } =
  proto.temporal.api.enums.v1;
const EXPECTED_CAUSES: readonly unknown[] = [
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
];

/** Messages as they may come from anywhere: raw payloads, past the SDK's converters. */
export interface ByHand {
  signal(workflowId: string, name: string, payloads?: readonly Payload[]): Promise<void>;
  /** Resolves with the message of the failure, or `done`. */
  update(workflowId: string, name: string, payloads?: readonly Payload[]): Promise<string>;
  query(workflowId: string, name: string, payloads?: readonly Payload[]): Promise<void>;
  /** An event, unless another type is named. */
  start(workflowId: string, taskQueue: string, payloads?: readonly Payload[], type?: string): Promise<void>;
  /** To the end of its first workflow task, its last, or the one before the event of this number. */
  reset(
    workflowId: string,
    to: 'first' | 'last' | number,
    options?: { runId?: string; keepSignals?: boolean },
  ): Promise<string>;
  /** What an operator reads in the Web UI. */
  details(workflowId: string): Promise<string>;
  /** That no workflow task of any run in this chain failed for a reason of its own. */
  noTaskFailed(workflowId: string): Promise<void>;
}

export function byHand(client: Client): ByHand {
  const { namespace } = client.options;
  const service = client.workflowService;
  const input = (payloads: readonly Payload[] | undefined) => (payloads ? { input: { payloads: [...payloads] } } : {});
  return {
    async signal(workflowId, signalName, payloads) {
      const workflowExecution = { workflowId };
      await service.signalWorkflowExecution({
        namespace,
        workflowExecution,
        signalName,
        identity: 'by hand',
        requestId: randomUUID(),
        ...input(payloads),
      });
    },
    async update(workflowId, name, payloads) {
      const { outcome } = await service.updateWorkflowExecution({
        namespace,
        workflowExecution: { workflowId },
        waitPolicy: {
          lifecycleStage: UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED,
        },
        request: {
          meta: { updateId: randomUUID(), identity: 'by hand' },
          input: { name, ...(payloads ? { args: { payloads: [...payloads] } } : {}) },
        },
      });
      return outcome?.failure?.message ?? 'done';
    },
    async query(workflowId, queryType, payloads) {
      await service.queryWorkflow({
        namespace,
        execution: { workflowId },
        query: { queryType, ...(payloads ? { queryArgs: { payloads: [...payloads] } } : {}) },
      });
    },
    async start(workflowId, taskQueue, payloads, type = 'socialEvent') {
      await service.startWorkflowExecution({
        namespace,
        workflowId,
        workflowType: { name: type },
        taskQueue: { name: taskQueue },
        identity: 'by hand',
        requestId: randomUUID(),
        ...input(payloads),
      });
    },
    async reset(workflowId, to, { runId, keepSignals = true } = {}) {
      const events = await eventsOf(client, workflowId, runId);
      const tasks = events.filter((event) => event.workflowTaskCompletedEventAttributes);
      const before = typeof to === 'number' ? tasks.filter(({ eventId }) => Number(eventId) < to) : tasks;
      const task = to === 'first' ? before[0] : before.at(-1);
      assert.ok(task, 'a workflow task to reset to');
      const { runId: next } = await service.resetWorkflowExecution({
        namespace,
        workflowExecution: { workflowId, ...(runId === undefined ? {} : { runId }) },
        reason: 'by hand',
        requestId: randomUUID(),
        workflowTaskFinishEventId: task.eventId ?? null,
        ...(keepSignals
          ? {}
          : { resetReapplyExcludeTypes: [ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL] }),
      });
      return next;
    },
    async details(workflowId) {
      const metadata: unknown = await client.workflow.getHandle(workflowId).query('__temporal_workflow_metadata');
      return String(Reflect.get(Object(metadata), 'currentDetails'));
    },
    async noTaskFailed(workflowId) {
      const events = await eventsOf(client, workflowId);
      const failures = events.flatMap(({ workflowTaskFailedEventAttributes: failed }) =>
        failed && !EXPECTED_CAUSES.includes(failed.cause) ? [failed.failure?.message ?? String(failed.cause)] : [],
      );
      assert.deepEqual(failures, []);
      const { raw } = await client.workflow.getHandle(workflowId).describe();
      assert.ok((raw.pendingWorkflowTask?.attempt ?? 0) <= 1, 'a workflow task is tried again');
    },
  };
}

async function eventsOf(client: Client, workflowId: string, runId?: string) {
  return (await client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? [];
}
