import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { withAttempts } from '../../activities/attempts.ts';
import type { StreamActivities } from '../../activities/types.ts';
import { createTemporalStarter } from '../../bridge/start-event.ts';
import type { EventStarter } from '../../bridge/event-starter.ts';
import type { EventPolicy } from '../../contracts/events/event-policy.ts';
import { eventWorkflowId, type SocialEventWorkflow } from '../../contracts/events/event-workflow.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { createEdgeDirectory } from '../../workers/edge-directory.ts';
import { installQuietRuntime } from './quiet-runtime.ts';
import { sharedTemporal } from './temporal.ts';
import { sharedWorkflowBundle } from './workflow-bundle.ts';

/**
 * Durations that every event waits for, brought down to what a test can wait for. Those that only a failure waits for are
 * long: on a busy machine an attempt may take seconds, and an event that parks for that waits for an operator.
 */
export const TEST_POLICY: Partial<EventPolicy> = {
  fastAttemptTimeoutMs: 5_000,
  attemptTimeoutMs: 10_000,
  retryInitialMs: 50,
  retryMaximumMs: 200,
  retryBudgetMs: 60_000,
  compensationBudgetMs: 30_000,
  parentWaitMs: 1_500,
  resumedLingerMs: 2_000,
  lateCommitMs: 2_000,
};

export interface EventWorkerFixture {
  readonly client: Client;
  readonly taskQueue: string;
  starter(policy?: Partial<EventPolicy>): EventStarter;
  handle(event: SocialEvent): ReturnType<typeof handleOf>;
  stop(): Promise<void>;
}

/** A real worker on a task queue of its own, its activities faked at the edge. */
export async function startEventWorker(
  activities: StreamActivities,
  taskQueue = `events-${randomUUID()}`,
): Promise<EventWorkerFixture> {
  installQuietRuntime();
  const { address, namespace } = await sharedTemporal();
  const connection = await NativeConnection.connect({ address });
  const client = new Client({ connection, namespace });
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    workflowBundle: { codePath: await sharedWorkflowBundle() },
    activities: withAttempts(activities, createEdgeDirectory(client)),
    shutdownGraceTime: 100,
  });
  const running = worker.run();
  return {
    client,
    taskQueue,
    starter: (policy) => createTemporalStarter({ client, taskQueue, policy: { ...TEST_POLICY, ...policy } }),
    handle: (event) => handleOf(client, event),
    async stop() {
      worker.shutdown();
      await running;
      await connection.close();
    },
  };
}

function handleOf(client: Client, event: SocialEvent) {
  return client.workflow.getHandle<SocialEventWorkflow>(eventWorkflowId(event));
}
