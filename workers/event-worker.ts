import { Worker, type NativeConnection, type WorkflowBundleOption } from '@temporalio/worker';
import type { Client } from '@temporalio/client';
import type { StreamClient } from 'getstream';
import { withAttempts } from '../activities/attempts.ts';
import { connectToGetStream } from '../activities/getstream-client.ts';
import { createStreamActivities } from '../activities/stream-activities.ts';
import type { StreamActivities } from '../activities/types.ts';
import { DEFAULT_EVENT_POLICY } from '../contracts/events/event-policy.ts';
import { TASK_QUEUES } from '../contracts/shared/names.ts';
import type { WorkerConfig } from './config.ts';
import { createEdgeDirectory } from './edge-directory.ts';
import { createEventDirectory } from './event-directory.ts';

/** The Stream client of a first attempt gives up this long before the attempt itself does, milliseconds. */
const FAST_ATTEMPT_MARGIN_MS = 500;

export interface EventWorkerOptions {
  readonly connection: NativeConnection;
  readonly client: Client;
  readonly config: WorkerConfig;
  /** Time for running activities to end once the worker is told to stop, milliseconds. */
  readonly shutdownGraceMs: number;
  readonly workflowBundle: WorkflowBundleOption;
  /** Default: calls to GetStream by the configuration. */
  readonly activities?: StreamActivities;
}

/** Most events are done in their first workflow task, which is never sticky; the default of 0.2 would leave it one poller. */
const NON_STICKY_POLL_RATIO = 0.7;

/** A worker of the task queue `social-events`: slots, pollers and cache as configured, none left to defaults. */
export function createEventWorker(options: EventWorkerOptions): Promise<Worker> {
  const { environment, temporal } = options.config;
  const { WORKER_DEPLOYMENT_NAME: deploymentName, WORKER_BUILD_ID: buildId } = environment;
  return Worker.create({
    connection: options.connection,
    namespace: temporal.namespace,
    taskQueue: TASK_QUEUES.socialEvents,
    workflowBundle: options.workflowBundle,
    activities:
      options.activities ??
      withAttempts(
        createStreamActivities(createStreamClients(options.config), createEventDirectory(options.client)),
        createEdgeDirectory(options.client),
      ),
    maxCachedWorkflows: environment.WORKER_MAX_CACHED_WORKFLOWS,
    maxConcurrentWorkflowTaskExecutions: environment.WORKER_WORKFLOW_TASK_SLOTS,
    maxConcurrentActivityTaskExecutions: environment.WORKER_ACTIVITY_SLOTS,
    maxConcurrentLocalActivityExecutions: environment.WORKER_LOCAL_ACTIVITY_SLOTS,
    // Held by the server for the whole task queue: a thousand released events do not fall on GetStream at once.
    maxTaskQueueActivitiesPerSecond: environment.WORKER_ACTIVITIES_PER_SECOND,
    maxConcurrentWorkflowTaskPolls: environment.WORKER_WORKFLOW_TASK_POLLERS,
    nonStickyToStickyPollRatio: NON_STICKY_POLL_RATIO,
    maxConcurrentActivityTaskPolls: environment.WORKER_ACTIVITY_TASK_POLLERS,
    shutdownGraceTime: options.shutdownGraceMs,
    shutdownForceTime: options.shutdownGraceMs + 5_000,
    ...(deploymentName !== undefined && buildId !== undefined
      ? {
          workerDeploymentOptions: {
            version: { deploymentName, buildId },
            useWorkerVersioning: true,
            // A parked event may wait for days; its build's workers will not.
            defaultVersioningBehavior: 'AUTO_UPGRADE',
          },
        }
      : {}),
  });
}

function createStreamClients({ environment, policy }: WorkerConfig): { quick: StreamClient; patient: StreamClient } {
  const { STREAM_API_KEY = '', STREAM_API_SECRET = '', STREAM_APP_ID, STREAM_API_URL } = environment;
  const client = (timeoutMs: number): StreamClient =>
    connectToGetStream({
      apiKey: STREAM_API_KEY,
      apiSecret: STREAM_API_SECRET,
      appId: STREAM_APP_ID,
      url: STREAM_API_URL,
      timeoutMs,
    });
  const fastTimeoutMs = policy.fastAttemptTimeoutMs ?? DEFAULT_EVENT_POLICY.fastAttemptTimeoutMs;
  return {
    quick: client(Math.max(fastTimeoutMs - FAST_ATTEMPT_MARGIN_MS, fastTimeoutMs / 2)),
    patient: client(environment.STREAM_TIMEOUT_MS),
  };
}
