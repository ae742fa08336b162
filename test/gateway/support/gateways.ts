import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { SignJWT } from 'jose';
import { pino } from 'pino';
import { z } from 'zod';
import { createSessionsClient, type SessionsClient } from '../../../client/sessions.ts';
import { DEFAULT_SESSION_POLICY, type SessionPolicy } from '../../../contracts/sessions/session-limits.ts';
import { TASK_QUEUES } from '../../../contracts/shared/names.ts';
import { streamSessionsWorkflowId, type StreamSessionsWorkflow } from '../../../contracts/sessions/stream-sessions.ts';
import { gatewaySettings } from '../../../gateway/config.ts';
import { startGateway, type Gateway } from '../../../gateway/start.ts';
import { answerForGateway, startAdminListener } from '../../../workers/admin-listener.ts';
import { createWatcherWorkers } from '../../../workers/gateway-role.ts';
import { installQuietRuntime } from '../../support/quiet-runtime.ts';
import { sharedWorkflowBundle } from '../../support/workflow-bundle.ts';
import { gatewayNamespace } from './namespace.ts';

export const JWT_SECRET = 'a secret that only these tests share';

export interface RunningGateway {
  readonly url: string;
  /** Of its admin listener. */
  readonly adminUrl: string;
  /** Lets go of everything, but first answers what is under way. */
  close(): Promise<void>;
}

/** Temporal with a sessions worker in a namespace of its own, and gateways on it. */
export interface GatewayFixture {
  readonly client: Client;
  readonly address: string;
  readonly namespace: string;
  /** Directly on Temporal, as another service would. */
  readonly sessions: SessionsClient;
  handle(userId: string): ReturnType<typeof handleOf>;
  /** @param environment settings beside those a test always needs */
  startGateway(environment?: Readonly<Record<string, string>>): Promise<RunningGateway>;
  stopWorker(): Promise<void>;
  startWorker(): Promise<void>;
  stop(): Promise<void>;
}

/** Settings with which {@link token} makes tokens that are accepted. */
export const TOKEN_SETTINGS = { JWT_SECRET, JWT_UNCHECKED_CLAIMS: 'iss,aud' } as const;
const ALWAYS = { GATEWAY_ADDRESS: '127.0.0.1:0', GATEWAY_DRAIN_MS: '0', ...TOKEN_SETTINGS };
const settingsSchema = z.object(gatewaySettings);

export async function startGateways(policy: Partial<SessionPolicy> = {}): Promise<GatewayFixture> {
  installQuietRuntime();
  const { address, namespace } = await gatewayNamespace();
  const native = await NativeConnection.connect({ address });
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, namespace });
  const folder = await mkdtemp(path.join(tmpdir(), 'gateways-'));
  const policyFile = path.join(folder, 'policy.json');
  const inForce: SessionPolicy = { ...DEFAULT_SESSION_POLICY, ...policy };
  await writeFile(policyFile, JSON.stringify(inForce));
  const gateways = new Set<RunningGateway>();
  let worker: Worker | undefined;
  let running: Promise<void> = Promise.resolve();
  const fixture: GatewayFixture = {
    client,
    address,
    namespace,
    sessions: createSessionsClient({ client, policy: inForce }),
    handle: (userId) => handleOf(client, userId),
    async startGateway(environment = {}) {
      const gateway = await start(address, client, { SESSIONS_POLICY_FILE: policyFile, ...environment });
      gateways.add(gateway);
      return gateway;
    },
    async startWorker() {
      const taskQueue = TASK_QUEUES.streamSessions;
      worker = await Worker.create({
        connection: native,
        namespace,
        taskQueue,
        workflowBundle: { codePath: await sharedWorkflowBundle() },
      });
      running = worker.run();
    },
    async stopWorker() {
      worker?.shutdown();
      worker = undefined;
      await running;
    },
    async stop() {
      for (const gateway of gateways) await gateway.close();
      await terminateAll(client);
      await fixture.stopWorker();
      await native.close();
      await connection.close();
      await rm(folder, { recursive: true });
    },
  };
  await fixture.startWorker();
  return fixture;
}

/** The next test's gateways would read what is left, all at their start. */
export async function terminateAll(client: Client): Promise<void> {
  for await (const { workflowId } of client.workflow.list({ query: "ExecutionStatus = 'Running'" })) {
    await client.workflow
      .getHandle(workflowId)
      .terminate()
      .catch(() => undefined);
  }
}

async function start(
  address: string,
  client: Client,
  environment: Readonly<Record<string, string>>,
): Promise<RunningGateway> {
  // As processes of their own have them.
  const settings = settingsSchema.parse({ ...ALWAYS, GATEWAY_INSTANCE: randomUUID(), ...environment });
  const logger = pino({ level: 'fatal' });
  const gateway: Gateway = await startGateway({ settings, client, logger });
  const admin = await startAdminListener({
    address: '127.0.0.1:0',
    metricsAddress: '127.0.0.1:1',
    logger,
    state: () => ({ blocked: [], readiness: { unready: gateway.unready(), degraded: gateway.degraded() }, roles: {} }),
    answer: (request) => answerForGateway(request, gateway),
  });
  // The SDK takes one worker of a task queue for each connection.
  const native = await NativeConnection.connect({ address });
  const { namespace } = client.options;
  const instance = settings.GATEWAY_INSTANCE;
  const workers = await createWatcherWorkers({ connection: native, namespace, gateway, instance });
  const running = Promise.all(workers.map((worker) => worker.run()));
  let closed: Promise<void> | undefined;
  return {
    url: await gateway.listen(),
    adminUrl: `http://127.0.0.1:${admin.port}`,
    close: () =>
      (closed ??= (async () => {
        await gateway.close();
        for (const worker of workers) worker.shutdown();
        await running;
        await native.close();
        await admin.close();
      })()),
  };
}

export interface TokenOptions {
  readonly subject?: string;
  readonly scope?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly expiresIn?: string;
}

/** A token the gateways of the fixture accept; of a service when it has a scope. */
export async function token({ subject, scope, claims = {}, expiresIn = '10m' }: TokenOptions): Promise<string> {
  return await new SignJWT({ ...claims, ...(scope === undefined ? {} : { scope }) })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject ?? `service-${randomUUID()}`)
    .setIssuedAt()
    .setExpirationTime(expiresIn)
    .sign(new TextEncoder().encode(JWT_SECRET));
}

function handleOf(client: Client, userId: string) {
  return client.workflow.getHandle<StreamSessionsWorkflow>(streamSessionsWorkflowId(userId));
}
