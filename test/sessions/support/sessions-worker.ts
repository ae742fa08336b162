import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createSessionsClient, type SessionsClient, type SessionsClientOptions } from '../../../client/sessions.ts';
import { streamSessionsWorkflowId, type StreamSessionsWorkflow } from '../../../contracts/sessions/stream-sessions.ts';
import { installQuietRuntime } from '../../support/quiet-runtime.ts';
import { sharedTemporal } from '../../support/temporal.ts';
import { sharedWorkflowBundle } from '../../support/workflow-bundle.ts';

export interface SessionsFixture {
  readonly client: Client;
  readonly taskQueue: string;
  sessions(options: Omit<SessionsClientOptions, 'client' | 'taskQueue'>): SessionsClient;
  /** On a connection of its own, as from another process. */
  sessionsApart(options: Omit<SessionsClientOptions, 'client' | 'taskQueue'>): Promise<SessionsClient>;
  handle(userId: string): ReturnType<typeof handleOf>;
  /** Stops the worker; messages wait until {@link startWorker}. */
  stopWorker(): Promise<void>;
  startWorker(): Promise<void>;
  stop(): Promise<void>;
}

/** A real worker on a task queue of its own. */
export async function startSessionsWorker(): Promise<SessionsFixture> {
  installQuietRuntime();
  const { address, namespace } = await sharedTemporal();
  const connection = await NativeConnection.connect({ address });
  const taskQueue = `sessions-${randomUUID()}`;
  const client = new Client({ connection, namespace });
  const apart: Connection[] = [];
  let worker: Worker | undefined;
  let running: Promise<void> = Promise.resolve();
  const fixture: SessionsFixture = {
    client,
    taskQueue,
    sessions: (options) => createSessionsClient({ client, taskQueue, ...options }),
    async sessionsApart(options) {
      const other = await Connection.connect({ address });
      apart.push(other);
      return createSessionsClient({ client: new Client({ connection: other, namespace }), taskQueue, ...options });
    },
    handle: (userId) => handleOf(client, userId),
    async startWorker() {
      const workflowBundle = { codePath: await sharedWorkflowBundle() };
      worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle });
      running = worker.run();
    },
    async stopWorker() {
      worker?.shutdown();
      worker = undefined;
      await running;
    },
    async stop() {
      await fixture.stopWorker();
      await connection.close();
      for (const other of apart) await other.close();
    },
  };
  await fixture.startWorker();
  return fixture;
}

function handleOf(client: Client, userId: string) {
  return client.workflow.getHandle<StreamSessionsWorkflow>(streamSessionsWorkflowId(userId));
}
