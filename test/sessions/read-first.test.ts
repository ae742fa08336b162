import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionsClient } from '../../client/sessions.ts';
import { eventually } from '../support/eventually.ts';
import { policyWith } from './support/policies.ts';
import { startSessionsWorker, type SessionsFixture } from './support/sessions-worker.ts';

const ACCOUNTS = 8;

describe('an account that is read before a new worker has caught up', function () {
  this.timeout(120_000);
  let fixture: SessionsFixture;

  before(async function () {
    this.timeout(900_000);
    fixture = await startSessionsWorker();
  });
  after(() => fixture.stop());

  /** Reads accounts whose worker is away, while leases end and another stream is acquired; then restarts once more. */
  const readWhileAway = async (read: (userId: string, sessions: SessionsClient) => Promise<unknown>) => {
    const policy = policyWith({ leaseMs: 1_000, heartbeatIntervalMs: 500 });
    const sessions = fixture.sessions({ policy, timeoutMs: 30_000 });
    // Several, as it is a matter of chance whether a new worker first takes the read or the task.
    const users = Array.from({ length: ACCOUNTS }, () => randomUUID());
    const acquire = (streamId: string) =>
      Promise.all(users.map((userId) => sessions.acquire(userId, { streamId, deviceId: streamId })));
    const timersFired = async (least: number): Promise<void> => {
      for (const userId of users) {
        await eventually(async () => {
          const { events = [] } = await fixture.handle(userId).fetchHistory();
          assert.ok((events ?? []).filter((event) => event.timerFiredEventAttributes).length >= least);
        });
      }
    };
    await acquire('a');
    await fixture.stopWorker();
    const reads = users.map((userId) => read(userId, sessions));
    // The leases end while nobody is there to see it.
    await timersFired(1);
    const acquired = acquire('b');
    // An update shows nowhere until a task takes it along, and it should be with the end of the lease in one.
    await sleep(500);
    await fixture.startWorker();
    const answers = await Promise.all(reads);
    await acquired;
    // Another worker has to make the account from its history.
    await fixture.stopWorker();
    await timersFired(2);
    await fixture.startWorker();
    await acquire('c');
    return { users, answers };
  };

  it('goes on after the next restart: reads leave nothing behind that its history does not tell', async () => {
    await readWhileAway((userId, sessions) => sessions.list(userId));
  });

  // The latter is what an open page of the Web UI asks.
  for (const query of ['sessions', '__temporal_workflow_metadata']) {
    it(`goes on after the query ${query} of somebody else, which fails rather than leave something behind`, async () => {
      const ask = (userId: string) => fixture.handle(userId).query(query);
      const { users, answers } = await readWhileAway((userId) => ask(userId).catch((error: unknown) => error));
      for (const answer of answers) if (answer instanceof Error) assert.match(answer.message, /ask again/);
      await Promise.all(users.map(ask));
    });
  }

  it('is not moved by what it refuses: a refused message is in no history', async () => {
    const policy = policyWith({ leaseMs: 3_000, heartbeatIntervalMs: 1_000 });
    const sessions = fixture.sessions({ policy, timeoutMs: 30_000 });
    const userId = randomUUID();
    await sessions.acquire(userId, { streamId: 'a', deviceId: 'tv' });
    await sleep(1_000);
    // Moves the end of the lease by less than it would take to move the timer.
    await fixture.handle(userId).signal('heartbeat', [{ streamId: 'a' }]);
    await sleep(1_500);
    // By now the timer could be moved.
    await sessions.list(userId);
    await assert.rejects(sessions.acquire(userId, { streamId: '', deviceId: 'tv' }));
    await fixture.stopWorker();
    await fixture.startWorker();
    await sessions.acquire(userId, { streamId: 'b', deviceId: 'tv' });
  });

  it('is the same after a restart, however beats and reads fell together', async () => {
    const policy = policyWith({ leaseMs: 600_000, heartbeatIntervalMs: 200_000 });
    const sessions = fixture.sessions({ policy, timeoutMs: 30_000 });
    const users = Array.from({ length: ACCOUNTS }, () => randomUUID());
    const views = async () =>
      (await Promise.all(users.map((userId) => sessions.list(userId)))).map(({ active }) => active);
    const beat = (userId: string) => fixture.handle(userId).signal('heartbeat', [{ streamId: 'a' }]);
    const use = async (userId: string): Promise<void> => {
      await sessions.acquire(userId, { streamId: 'a', deviceId: 'tv' });
      // A read whose task a beat falls into leaves an empty task in the history.
      for (let round = 0; round < 25; round += 1) {
        await beat(userId);
        await Promise.all([sessions.list(userId), beat(userId), sessions.list(userId)]);
      }
    };
    await Promise.all(users.map(use));
    const before = await views();
    await fixture.stopWorker();
    await fixture.startWorker();
    assert.deepEqual(await views(), before);
  });
});
