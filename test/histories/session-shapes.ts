import assert from 'node:assert/strict';
import { NativeConnection, Worker } from '@temporalio/worker';
import { TASK_QUEUES } from '../../contracts/shared/names.ts';
import { streamSessionsWorkflowId, type StreamWatchActivities } from '../../contracts/sessions/stream-sessions.ts';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import { policyWith, wish } from '../sessions/support/policies.ts';
import { startSessionsWorker, type SessionsFixture } from '../sessions/support/sessions-worker.ts';
import { eventually } from '../support/eventually.ts';
import { sharedTemporal } from '../support/temporal.ts';
import { byHand } from '../workflows/support/by-hand.ts';
import { SENT_ARGUMENTS } from '../workflows/support/payloads.ts';

/** A history to record. */
export interface RecordedRun {
  readonly userId: string;
  /** The latest one when left out. */
  readonly runId?: string;
}

export interface SessionsStage {
  readonly fixture: SessionsFixture;
  readonly stop: () => Promise<void>;
}

/** Plays the life of an account; resolves when its history is as complete as it is to be. */
type Play = (fixture: SessionsFixture, name: string) => Promise<RecordedRun>;

const SHORT: Partial<SessionPolicy> = { idleCloseMs: 300, rememberEndedMs: 300 };

/** Every way an account can take, by the name of its file. */
export const SESSION_SHAPES: Readonly<Record<string, Play>> = {
  'sessions-released-then-closed': async (fixture, userId) => {
    const sessions = fixture.sessions({ policy: policyWith(SHORT) });
    await sessions.acquire(userId, wish('a'));
    await sessions.heartbeat(userId, 'a');
    await sessions.release(userId, 'a');
    return closed(fixture, userId);
  },

  'sessions-expired': async (fixture, userId) => {
    await fixture.sessions({ policy: policyWith({ ...SHORT, leaseMs: 400 }) }).acquire(userId, wish('a'));
    return closed(fixture, userId);
  },

  'sessions-refused-while-playing': async (fixture, userId) => {
    const sessions = fixture.sessions({ policy: policyWith({ caps: { account: 1 } }) });
    await sessions.acquire(userId, wish('a'));
    await assert.rejects(sessions.acquire(userId, wish('b')));
    await sessions.heartbeat(userId, 'a');
    return { userId };
  },

  'sessions-beats-noted': async (fixture, userId) => {
    const sessions = fixture.sessions({ policy: policyWith(SHORT) });
    for (const id of ['a', 'b']) await sessions.acquire(userId, wish(id));
    for (const id of ['a', 'b', 'a']) await sessions.heartbeat(userId, id);
    await sessions.release(userId, 'nobody');
    return { userId };
  },

  'sessions-evicted-and-told': async (fixture, userId) => {
    const sessions = fixture.sessions({ policy: policyWith(SHORT) });
    for (const id of ['a', 'b']) await sessions.acquire(userId, wish(id, { mode: 'watched' }));
    await sessions.evict(userId, { streamIds: ['a'], by: 'ann' });
    await sessions.release(userId, { streamId: 'b', lost: true });
    return closed(fixture, userId);
  },

  'sessions-handed-over': async (fixture, userId) => {
    const caps = { account: 1 };
    const policy = policyWith({ ...SHORT, caps, overLimit: 'evictOldest', handoffGraceMs: 300 });
    const sessions = fixture.sessions({ policy });
    for (const id of ['a', 'b']) await sessions.acquire(userId, wish(id, { mode: 'watched' }));
    await eventually(async () => assert.equal((await sessions.list(userId)).active.length, 1));
    await sessions.release(userId, { streamId: 'b', byWatcher: true });
    return closed(fixture, userId);
  },

  'sessions-content-switched': async (fixture, userId) => {
    const policy = policyWith({ ...SHORT, caps: { account: 3, content: 1 }, overLimit: 'evictOldest' });
    const sessions = fixture.sessions({ policy });
    for (const id of ['a', 'b']) await sessions.acquire(userId, wish(id, { mode: 'watched', contentId: id }));
    await sessions.switchContent(userId, 'a', 'c');
    await sessions.switchContent(userId, 'a', 'b');
    await sessions.release(userId, 'a');
    return closed(fixture, userId);
  },

  'sessions-cancelled': async (fixture, userId) => {
    const sessions = fixture.sessions({ policy: policyWith(SHORT) });
    for (const id of ['a', 'b']) await sessions.acquire(userId, wish(id, { mode: 'watched' }));
    await fixture.handle(userId).cancel();
    await assert.rejects(fixture.handle(userId).result());
    return { userId };
  },

  'sessions-released-before-acquired': async (fixture, userId) => {
    const sessions = fixture.sessions({ policy: policyWith(SHORT) });
    for (const id of ['a', 'b']) await sessions.release(userId, { streamId: id, requestId: 'd' });
    await assert.rejects(sessions.acquire(userId, wish('a')));
    await assert.rejects(sessions.acquire(userId, wish('b', { mode: 'counted', requestId: 'p' })));
    await sessions.acquire(userId, wish('c', { contentId: 'film' }));
    await assert.rejects(sessions.acquire(userId, wish('c', { contentId: 'news' })));
    return { userId };
  },

  'sessions-cancelled-while-acquired': async (fixture, userId) => {
    const sessions = fixture.sessions({ policy: policyWith(SHORT), timeoutMs: 30_000 });
    await sessions.acquire(userId, wish('a', { mode: 'watched' }));
    const { runId } = await fixture.handle(userId).describe();
    await fixture.handle(userId).cancel();
    await sessions.acquire(userId, wish('b'));
    return { userId, runId };
  },

  'sessions-signalled-with-anything': async (fixture, userId) => {
    const sessions = fixture.sessions({ policy: policyWith(SHORT) });
    await sessions.acquire(userId, wish('a'));
    for (const { payloads } of SENT_ARGUMENTS.filter(({ name }) => !name.startsWith("100 KB"))) {
      const of = streamSessionsWorkflowId(userId);
      for (const signal of ['heartbeat', 'release']) await byHand(fixture.client).signal(of, signal, payloads);
    }
    return { userId };
  },

  'sessions-counted': async (fixture, userId) => {
    const sessions = fixture.sessions({ policy: policyWith(SHORT) });
    for (const requestId of ['p1', 'p1', 'p2']) await sessions.acquire(userId, wish('a', { mode: 'counted', requestId }));
    for (const requestId of ['d1', 'd1', 'd2']) await sessions.release(userId, { streamId: 'a', requestId });
    return closed(fixture, userId);
  },

  'sessions-continued-as-new': async (fixture, userId) => {
    const runId = await continued(fixture, userId);
    return { userId, runId };
  },

  'sessions-carried-on': async (fixture, userId) => {
    await continued(fixture, userId);
    await fixture.sessions({ policy: policyWith(SHORT) }).release(userId, { streamId: 'a', byWatcher: true });
    return closed(fixture, userId);
  },
};

/** A worker of accounts, and one that hears of ended streams as a gateway does. */
export async function startSessionsStage(): Promise<SessionsStage> {
  const fixture = await startSessionsWorker();
  const { address, namespace } = await sharedTemporal();
  const connection = await NativeConnection.connect({ address });
  const activities: StreamWatchActivities = { streamsEnded: () => Promise.resolve() };
  const watcher = await Worker.create({ connection, namespace, taskQueue: TASK_QUEUES.streamWatchers, activities });
  const watching = watcher.run();
  return {
    fixture,
    async stop() {
      watcher.shutdown();
      await watching;
      await connection.close();
      await fixture.stop();
    },
  };
}

async function closed(fixture: SessionsFixture, userId: string): Promise<RecordedRun> {
  await fixture.handle(userId).result();
  return { userId };
}

/** @returns the run that was continued */
async function continued(fixture: SessionsFixture, userId: string): Promise<string> {
  const sessions = fixture.sessions({ policy: policyWith(SHORT), continueAfterMessages: 4 });
  await sessions.acquire(userId, wish('a', { mode: 'watched' }));
  const { runId } = await fixture.handle(userId).describe();
  for (let beat = 0; beat < 4; beat++) await sessions.heartbeat(userId, 'a');
  await eventually(async () => assert.notEqual((await fixture.handle(userId).describe()).runId, runId));
  await sessions.heartbeat(userId, 'a');
  return runId;
}
