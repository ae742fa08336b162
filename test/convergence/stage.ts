import { randomUUID } from 'node:crypto';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { withAttempts } from '../../activities/attempts.ts';
import { eventWorkflowId, type SocialEventWorkflow } from '../../contracts/events/event-workflow.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { startTemporalServer, type TemporalServer } from '../../local/temporal-server.ts';
import { createEdgeDirectory } from '../../workers/edge-directory.ts';
import { createEventDirectory } from '../../workers/event-directory.ts';
import { installQuietRuntime } from '../support/quiet-runtime.ts';
import { temporalBinary } from '../support/temporal.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';
import { Bridges } from './bridges.ts';
import { SEEDED_POSTS, TARGET, TARGET_POSTS } from './schedule-events.ts';
import type { TroubledStream } from './troubled-stream.ts';

export interface StageOptions {
  readonly bridges: number;
  readonly seed: number;
  /** Runs are asked to continue as new when their history is this long; Temporal's own default is 4,096 events. */
  readonly suggestContinueAt: number;
  readonly stream: TroubledStream;
}

const NAMESPACE = 'default';
/** Longest pause of a bridge before each of its requests, milliseconds. */
export const BRIDGE_DELAY_MS = 350;

/** A Temporal server of its own, a worker that can be restarted, and bridges: where schedules are played. */
export class Stage {
  /** Of the Temporal server. */
  readonly address: string;
  readonly client: Client;
  readonly stream: TroubledStream;
  readonly bridges: Bridges;
  readonly #server: TemporalServer;
  readonly #connection: NativeConnection;
  readonly #taskQueue: string;
  #worker: { stop(): Promise<void> } | undefined;
  #restart: Promise<void> = Promise.resolve();

  private constructor(parts: {
    server: TemporalServer;
    connection: NativeConnection;
    bridges: Bridges;
    stream: TroubledStream;
    taskQueue: string;
  }) {
    this.#server = parts.server;
    this.address = parts.server.address;
    this.#connection = parts.connection;
    this.#taskQueue = parts.taskQueue;
    this.bridges = parts.bridges;
    this.stream = parts.stream;
    this.client = new Client({ connection: parts.connection, namespace: NAMESPACE });
  }

  static async open({ bridges: count, seed, suggestContinueAt, stream }: StageOptions): Promise<Stage> {
    installQuietRuntime();
    const server = await startTemporalServer({
      binary: await temporalBinary(),
      uiPort: 'none',
      dynamicConfig: [`limit.historyCount.suggestContinueAsNew=${suggestContinueAt}`],
    });
    const taskQueue = `convergence-${randomUUID()}`;
    const { address } = server;
    const connection = await NativeConnection.connect({ address });
    const bridges = await Bridges.open({
      address,
      namespace: NAMESPACE,
      taskQueue,
      count,
      seed,
      maxDelayMs: BRIDGE_DELAY_MS,
    });
    furnish(stream);
    const stage = new Stage({ server, connection, bridges, stream, taskQueue });
    await stage.#startWorker();
    return stage;
  }

  handle(event: SocialEvent, runId?: string): WorkflowHandle<SocialEventWorkflow> {
    return this.client.workflow.getHandle<SocialEventWorkflow>(eventWorkflowId(event), runId);
  }

  /** One after the other. */
  restartWorker(): Promise<void> {
    this.#restart = this.#stopAndStart(this.#restart);
    return this.#restart;
  }

  async close(): Promise<void> {
    await this.#restart;
    await this.#worker?.stop();
    await this.bridges.close();
    await this.#connection.close();
    await this.#server.stop();
  }

  async #stopAndStart(after: Promise<void>): Promise<void> {
    await after;
    await this.#worker?.stop();
    await this.#startWorker();
  }

  async #startWorker(): Promise<void> {
    const worker = await Worker.create({
      connection: this.#connection,
      namespace: NAMESPACE,
      taskQueue: this.#taskQueue,
      workflowBundle: { codePath: await sharedWorkflowBundle() },
      activities: withAttempts(
        this.stream.activities(createEventDirectory(this.client)),
        createEdgeDirectory(this.client),
      ),
      shutdownGraceTime: 100,
    });
    const running = worker.run();
    this.#worker = {
      stop: async () => {
        worker.shutdown();
        await running;
      },
    };
  }
}

/** What is on GetStream before anything begins. */
function furnish({ model }: TroubledStream): void {
  for (let number = 1; number <= TARGET_POSTS; number++) {
    const foreign_id = `Post:target-${number}`;
    const time = `2026-01-01T00:00:0${number}`;
    model.feeds.add(TARGET, { actor: 'target', verb: 'Post', object: foreign_id, foreign_id, time });
  }
  for (const post of SEEDED_POSTS) model.feeds.add('user:seeded', post);
}
