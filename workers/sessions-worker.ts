import { Worker, type NativeConnection, type WorkflowBundleOption } from '@temporalio/worker';
import { TASK_QUEUES } from '../contracts/shared/names.ts';
import type { WorkerConfig } from './config.ts';

export interface SessionsWorkerOptions {
  readonly connection: NativeConnection;
  readonly config: WorkerConfig;
  readonly workflowBundle: WorkflowBundleOption;
}

/** How long the server waits for a worker that holds an account in memory before another may take over; it dies at worst. */
const STICKY_TIMEOUT_MS = 2_000;

/**
 * A worker of the task queue `stream-sessions`, with cache, slots and pollers as configured. It runs no activities: all an
 * account does is decide.
 */
export function createSessionsWorker({ connection, config, workflowBundle }: SessionsWorkerOptions): Promise<Worker> {
  const { environment, temporal } = config;
  const { WORKER_DEPLOYMENT_NAME: deploymentName, WORKER_BUILD_ID: buildId } = environment;
  return Worker.create({
    connection,
    namespace: temporal.namespace,
    taskQueue: TASK_QUEUES.streamSessions,
    workflowBundle,
    maxCachedWorkflows: environment.SESSIONS_MAX_CACHED_WORKFLOWS,
    stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT_MS,
    maxConcurrentWorkflowTaskExecutions: environment.WORKER_WORKFLOW_TASK_SLOTS,
    maxConcurrentWorkflowTaskPolls: environment.WORKER_WORKFLOW_TASK_POLLERS,
    ...(deploymentName !== undefined && buildId !== undefined
      ? {
          workerDeploymentOptions: {
            version: { deploymentName, buildId },
            useWorkerVersioning: true,
            // Accounts live for weeks: they go along with a new build instead of keeping the old one alive.
            defaultVersioningBehavior: 'AUTO_UPGRADE',
          },
        }
      : {}),
  });
}
