import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { createSessionsClient } from '../../client/sessions.ts';
import { DEFAULT_SESSION_POLICY } from '../../contracts/sessions/session-limits.ts';
import { streamSessionsWorkflowId } from '../../contracts/sessions/stream-sessions.ts';
import { inLanes } from './lanes.ts';
import type { Services } from './services.ts';
import { acquireStreams, beatOnce } from './streams.ts';

/** Events in the histories of these accounts, together. */
export async function historyEvents(client: Client, users: readonly string[]): Promise<number> {
  let events = 0;
  await inLanes(users, 10, async (user) => {
    const { historyLength } = await client.workflow.getHandle(streamSessionsWorkflowId(user)).describe();
    events += historyLength;
  });
  return events;
}

/** Streams that the accounts hold to be active, asked one by one. */
export async function activeStreams(services: Services, users: readonly string[]): Promise<number> {
  const { client, policy } = services;
  const sessions = createSessionsClient({ client, policy, timeoutMs: 60_000 });
  let streams = 0;
  await inLanes(users, 20, async (user) => {
    const { active } = await sessions.list(user);
    streams += active.length;
  });
  return streams;
}

/** A thousandth of the default lease. */
const SCALE = 1_000;
const BEAT_MS = 250;

/**
 * Events that a stream of the default policy costs in an hour once it plays. Measured on streams with a lease that is a
 * thousandth of the default, over some of those leases, while they beat 40 times in each.
 */
export async function eventsPerStreamHour(all: Services, streams: number, leases: number): Promise<number> {
  const watchedLeaseMs = DEFAULT_SESSION_POLICY.watchedLeaseMs / SCALE;
  const services = await all.withPolicy('scaled', { leaseMs: 5_000, heartbeatIntervalMs: BEAT_MS, watchedLeaseMs });
  const worker = await services.startWorker();
  const gateway = await services.startGateway();
  const players = await acquireStreams(gateway.url, streams);
  const users = players.map(({ userId }) => userId);
  const stopBeating = new AbortController();
  const beating = players.map(async (player) => {
    while (!stopBeating.signal.aborted) {
      await beatOnce(gateway.url, player);
      await sleep(BEAT_MS);
    }
  });
  await sleep(watchedLeaseMs / 2);
  const begun = performance.now();
  const before = await historyEvents(services.client, users);
  await sleep(watchedLeaseMs * leases);
  const after = await historyEvents(services.client, users);
  const hours = ((performance.now() - begun) * SCALE) / 3_600_000;
  stopBeating.abort();
  await Promise.all(beating);
  await gateway.stop();
  await worker.stop();
  return (after - before) / (streams * hours);
}
