import { randomUUID } from 'node:crypto';
import { Client, Connection, WithStartWorkflowOperation } from '@temporalio/client';
import { Redis } from 'ioredis';
import { Semaphore } from 'redis-semaphore';
import { z } from 'zod';
import { createHttpSessionsClient, type HttpSessionsClient } from '../../client/http-sessions.ts';
import type { SessionsClient } from '../../client/sessions-client.ts';
import { createSessionsClient } from '../../client/sessions.ts';
import { LoadProcess } from './load-process.ts';
import type { Services } from './services.ts';
import { accessToken } from './tokens.ts';

/** A way to take one of an account's slots. */
export interface Variant {
  readonly name: string;
  /** @returns what gives the slot back */
  acquire(account: string): Promise<() => Promise<void>>;
}

export interface Variants {
  readonly list: readonly Variant[];
  readonly close: () => Promise<void>;
}

const BARE_QUEUE = 'bare-updates';

export async function openVariants(services: Services): Promise<Variants> {
  const { address, namespace, policy } = services;
  await services.startWorker();
  const gateway = await services.startGateway({ env: { LIMIT_ADDRESS_PER_MINUTE: '6000000' } });
  const bareWorker = new LoadProcess('bare-worker');
  await bareWorker.call('start', { address, namespace, taskQueue: BARE_QUEUE }, z.unknown());
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, namespace });
  const redis = new Redis(services.redis.url);
  const direct = createSessionsClient({ client, policy });
  return {
    list: [
      { name: 'bare update-with-start', acquire: (account) => bareUpdate(client, account) },
      { name: 'sessions on Temporal', acquire: (account) => session(direct, account) },
      { name: 'sessions over HTTP', acquire: (account) => session(overHttp(gateway.url, account), account) },
      { name: 'redis-semaphore', acquire: (account) => semaphore(redis, account, policy.caps.account) },
    ],
    async close() {
      await bareWorker.stop();
      redis.disconnect();
      await connection.close();
    },
  };
}

const noRelease = (): Promise<void> => Promise.resolve();

async function session(sessions: SessionsClient | HttpSessionsClient, account: string): Promise<() => Promise<void>> {
  const { stream } = await sessions.acquire(account, { deviceId: 'tv-1', deviceType: 'tv' });
  return () => sessions.release(account, stream.streamId);
}

const httpClients = new Map<string, HttpSessionsClient>();

/** As a player or a service keeps it; the connections are shared by all. */
function overHttp(url: string, account: string): HttpSessionsClient {
  const known = httpClients.get(account);
  if (known) return known;
  const made = createHttpSessionsClient({ url, token: accessToken(account) });
  httpClients.set(account, made);
  return made;
}

async function bareUpdate(client: Client, account: string): Promise<() => Promise<void>> {
  await client.workflow.executeUpdateWithStart('bare', {
    startWorkflowOperation: new WithStartWorkflowOperation('bareUpdates', {
      workflowId: `bare/${account}`,
      taskQueue: BARE_QUEUE,
      args: [],
      workflowIdConflictPolicy: 'USE_EXISTING',
    }),
    args: [],
    updateId: randomUUID(),
  });
  return noRelease;
}

async function semaphore(redis: Redis, account: string, cap: number): Promise<() => Promise<void>> {
  const slot = new Semaphore(redis, account, cap, { lockTimeout: 45_000, refreshInterval: 15_000 });
  await slot.acquire();
  return () => slot.release();
}
