import { Client } from '@temporalio/client';
import type { NativeConnection, Worker, WorkflowBundleOption } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Bridge } from '../bridge/bridge.ts';
import type { LakeWriter } from '../access-log/lake-writer.ts';
import { createAccessLogWriter } from './access-log-role.ts';
import type { WorkerConfig } from './config.ts';
import type { Role } from './environment.ts';
import type { Dependencies } from './dependencies.ts';
import { createEventBridge } from './event-bridge.ts';
import { createEventWorker } from './event-worker.ts';
import { createGatewayRole, type GatewayRole } from './gateway-role.ts';
import { checkNamespace } from './namespace-check.ts';
import type { ProcessHealth } from './process-health.ts';
import type { ProcessRuntime } from './runtime.ts';
import { createSessionsWorker } from './sessions-worker.ts';
import { BRIDGE_SHARE_OF_GRACE } from './settings-coherence.ts';
import { connectToTemporal } from './temporal-connection.ts';
import { loadWorkflowBundle } from './workflow-bundle.ts';

export interface RolesOptions {
  readonly config: WorkerConfig;
  readonly dependencies: Dependencies;
  readonly health: ProcessHealth;
  readonly logger: Logger;
  readonly runtime: ProcessRuntime;
}

/**
 * The roles of a process. Each starts by itself, as soon as what it needs answers. They stop in order: receiving ends and what the
 * bridge holds is finished, then the workers drain, then the connection is closed.
 */
export class RunningRoles {
  readonly #options: RolesOptions;
  readonly #workers = new Set<Worker>();
  readonly #running: Promise<void>[] = [];
  readonly #failed = Promise.withResolvers<never>();
  #connection: Promise<NativeConnection> | undefined;
  #bundle: Promise<WorkflowBundleOption> | undefined;
  #bridge: Bridge | undefined;
  #gateway: GatewayRole | undefined;
  #lakeWriter: LakeWriter | undefined;

  constructor(options: RolesOptions) {
    this.#options = options;
    // Looked at once all is started; until then it must not end the process by itself.
    this.#failed.promise.catch(() => undefined);
  }

  /** Rejects when a part that runs ends by itself. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  get gateway(): GatewayRole['gateway'] | undefined {
    return this.#gateway?.gateway;
  }

  /**
   * Resolves when all roles do their work.
   *
   * @param stopping ends the waiting for what is away
   * @throws SetupError, DependencyAwayError, or what a part failed with; to be stopped then all the same
   */
  async start(stopping: AbortSignal): Promise<void> {
    const abandoned = new AbortController();
    const signal = AbortSignal.any([stopping, abandoned.signal]);
    const start: Readonly<Record<Role, () => Promise<void>>> = {
      events: () => this.#startEvents(signal),
      sessions: () => this.#startSessions(signal),
      bridge: () => this.#startBridge(signal),
      gateway: () => this.#startGateway(signal),
      'access-log': () => this.#startAccessLog(signal),
    };
    const starts = Array.from(this.#options.config.roles, (role) => start[role]());
    try {
      await Promise.race([Promise.all(starts), this.#failed.promise]);
    } catch (error) {
      abandoned.abort();
      // Nothing may come up any more while the rest is stopped.
      await Promise.allSettled(starts);
      throw error;
    }
  }

  /** Also after a failed start: parts that go on would keep a process alive that does half of its work. */
  async stop(): Promise<void> {
    const { logger } = this.#options;
    const drained = await Promise.allSettled([this.#bridge?.stop(), this.#gateway?.close(), this.#lakeWriter?.stop()]);
    const undrained = drained.flatMap((part): unknown[] => (part.status === 'rejected' ? [part.reason] : []));
    for (const err of undrained) logger.error({ err }, 'not drained');
    if (this.#bridge) logger.info({ counts: this.#bridge.counts() }, 'bridge drained');
    for (const worker of this.#workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    // All of them drain, also when one fails at it.
    const ended = await Promise.allSettled(this.#running);
    await (await this.#connection?.catch(() => undefined))?.close();
    for (const part of ended) if (part.status === 'rejected') throw part.reason;
    if (undrained.length > 0) throw new AggregateError(undrained, 'a part of this process could not be drained');
  }

  async #startEvents(signal: AbortSignal): Promise<void> {
    const { config, dependencies } = this.#options;
    const [connection, workflowBundle] = await Promise.all([this.#connect(signal), this.#loadBundle()]);
    await dependencies.get('getstream').answered(signal);
    const shutdownGraceMs = config.environment.SHUTDOWN_GRACE_MS * (1 - BRIDGE_SHARE_OF_GRACE);
    const options = { connection, client: this.#client(connection), config, shutdownGraceMs, workflowBundle };
    await this.#runWorkflows('events', () => createEventWorker(options), signal);
  }

  async #startSessions(signal: AbortSignal): Promise<void> {
    const { config } = this.#options;
    const [connection, workflowBundle] = await Promise.all([this.#connect(signal), this.#loadBundle()]);
    await this.#runWorkflows('sessions', () => createSessionsWorker({ connection, config, workflowBundle }), signal);
  }

  async #runWorkflows(role: Role, create: () => Promise<Worker>, signal: AbortSignal): Promise<void> {
    const worker = await this.#options.dependencies.get('temporal').startWith(create, signal);
    this.#options.health.watchThread(role, worker);
    this.#run(worker);
    this.#options.health.started(role, { lacks: () => lacksOf(role, worker) });
  }

  async #startBridge(signal: AbortSignal): Promise<void> {
    const { config, dependencies, health, logger, runtime } = this.#options;
    const client = this.#client(await this.#connect(signal));
    const shutdownGraceMs = config.environment.SHUTDOWN_GRACE_MS * BRIDGE_SHARE_OF_GRACE;
    const create = () => createEventBridge({ config, client, logger, meter: runtime.meter, shutdownGraceMs });
    const bridge = await dependencies.get('sqs').startWith(create, signal);
    this.#bridge = bridge;
    health.started('bridge', { lacks: () => bridge.lacks() });
  }

  async #startGateway(signal: AbortSignal): Promise<void> {
    const { config, dependencies, health, logger } = this.#options;
    const connection = await this.#connect(signal);
    const temporal = dependencies.get('temporal');
    const create = () => createGatewayRole(config, connection, temporal, logger);
    const role = await temporal.startWith(create, signal);
    this.#gateway = role;
    const { gateway, workers } = role;
    for (const worker of workers) this.#run(worker);
    health.alsoNeeds('gateway', gateway.dependencies);
    await Promise.all(gateway.dependencies.map((dependency) => dependency.usable(signal)));
    logger.info({ url: await role.listen() }, 'the gateway answers');
    health.started('gateway', {
      lacks: () => [...gateway.unready(), ...workers.flatMap((worker) => lacksOf('gateway', worker))],
      degraded: () => gateway.degraded(),
    });
  }

  async #startAccessLog(signal: AbortSignal): Promise<void> {
    const { config, dependencies, health, logger, runtime } = this.#options;
    await dependencies.get('s3').usable(signal);
    await dependencies.get('sqs').answered(signal);
    const writer = createAccessLogWriter(config, logger, runtime);
    this.#lakeWriter = writer;
    // Its queues are looked up when it runs.
    this.#watch(dependencies.get('sqs').startWith(() => writer.run(), signal));
    health.started('access-log', { lacks: () => writer.lacks() });
  }

  #run(worker: Worker): void {
    this.#workers.add(worker);
    this.#watch(worker.run());
  }

  #watch(running: Promise<void>): void {
    this.#running.push(running);
    running.catch((error: unknown) => this.#failed.reject(error));
  }

  #connect(signal: AbortSignal): Promise<NativeConnection> {
    this.#connection ??= this.#connectChecked(signal);
    return this.#connection;
  }

  async #connectChecked(signal: AbortSignal): Promise<NativeConnection> {
    const { config, dependencies, logger, runtime } = this.#options;
    const { connectionOptions, namespace } = config.temporal;
    const temporal = dependencies.get('temporal');
    const connection = await connectToTemporal(connectionOptions, temporal, runtime, signal);
    try {
      await temporal.startWith(() => checkNamespace(connection, namespace, config.roles, logger), signal);
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  #loadBundle(): Promise<WorkflowBundleOption> {
    this.#bundle ??= loadWorkflowBundle(this.#options.config.environment.WORKFLOW_BUNDLE);
    return this.#bundle;
  }

  #client(connection: NativeConnection): Client {
    return new Client({ connection, namespace: this.#options.config.temporal.namespace });
  }
}

function lacksOf(role: Role, worker: Worker): readonly string[] {
  return worker.getState() === 'RUNNING' ? [] : [role];
}
