import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { accountsEndedFromOutside } from '../../client/session-accounts.ts';
import { StreamEndedError, StreamLimitReachedError } from '../../client/session-errors.ts';
import { streamSessionsWorkflowId } from '../../contracts/sessions/stream-sessions.ts';
import { eventually } from '../support/eventually.ts';
import { byHand, type ByHand } from '../workflows/support/by-hand.ts';
import { policyWith, wish } from './support/policies.ts';
import { startSessionsWorker, type SessionsFixture } from './support/sessions-worker.ts';

describe('an account that is ended from outside', function () {
  this.timeout(120_000);
  let fixture: SessionsFixture;
  let hand: ByHand;

  before(async function () {
    this.timeout(900_000);
    fixture = await startSessionsWorker();
    hand = byHand(fixture.client);
  });
  after(() => fixture.stop());

  const play = async (userId: string, ids: readonly string[]) => {
    const sessions = fixture.sessions({ policy: policyWith(), timeoutMs: 30_000 });
    for (const id of ids) await sessions.acquire(userId, wish(id, { mode: 'watched' }));
    return sessions;
  };
  const activeIn = async (userId: string): Promise<readonly string[]> => {
    const { active } = await fixture.sessions({ policy: policyWith() }).list(userId);
    return active.map(({ streamId }) => streamId);
  };
  const runOf = async (userId: string): Promise<string> => (await fixture.handle(userId).describe()).runId;

  it('by a cancellation ends its streams, and grants nothing that would be gone with it', async () => {
    const userId = randomUUID();
    const sessions = await play(userId, ['a', 'b', 'c']);
    const runId = await runOf(userId);
    const run = fixture.client.workflow.getHandle(streamSessionsWorkflowId(userId), runId);
    await run.cancel();
    // No gateway is there to be told of the ends, so it takes as long to close as it may.
    await eventually(async () => assert.deepEqual(await activeIn(userId), []));
    const view = await sessions.list(userId);
    assert.deepEqual(view.ended[0]?.end, {
      reason: 'evicted',
      evictor: { kind: 'operator', reason: 'the account was cancelled' },
    });
    const granted = await Promise.all(['d', 'e', 'f'].map((id) => sessions.acquire(userId, wish(id))));
    assert.equal(granted.length, 3);
    assert.notEqual(await runOf(userId), runId, 'by the next run');
    await assert.rejects(run.result());
    assert.deepEqual((await activeIn(userId)).toSorted(), ['d', 'e', 'f']);
    await assert.rejects(sessions.acquire(userId, wish('g')), StreamLimitReachedError);
  });

  it('by a termination has no streams, and is among those that were ended from outside', async () => {
    const since = new Date(Date.now() - 5_000);
    const [terminated, cancelled, playing] = [randomUUID(), randomUUID(), randomUUID()];
    for (const userId of [terminated, cancelled, playing]) await play(userId, ['a']);
    await fixture.handle(terminated).terminate();
    await fixture.handle(cancelled).cancel();
    assert.deepEqual(await activeIn(terminated), []);
    // A new run does not hide the one before.
    await play(terminated, ['b']);
    await eventually(
      async () => {
        const ended: string[] = [];
        for await (const userId of accountsEndedFromOutside(fixture.client, since)) ended.push(userId);
        assert.ok(ended.includes(terminated) && ended.includes(cancelled) && !ended.includes(playing));
      },
      { timeoutMs: 30_000 },
    );
  });

  it('by a reset knows what it knew: to its last task all of it, to its first what was acknowledged since', async () => {
    for (const to of ['last', 'first'] as const) {
      const userId = randomUUID();
      const sessions = await play(userId, ['a', 'b', 'c']);
      await sessions.release(userId, 'b');
      await sessions.list(userId);
      await hand.reset(streamSessionsWorkflowId(userId), to);
      assert.deepEqual(await activeIn(userId), ['a', 'c'], to);
      await sessions.acquire(userId, wish('d'));
      await assert.rejects(sessions.acquire(userId, wish('e')), StreamLimitReachedError);
      await assert.rejects(sessions.acquire(userId, wish('b', { mode: 'watched' })), StreamEndedError);
    }
  });
});

describe('a release', function () {
  this.timeout(120_000);
  let fixture: SessionsFixture;

  before(async function () {
    this.timeout(900_000);
    fixture = await startSessionsWorker();
  });
  after(() => fixture.stop());

  it('of an acquire that was given up leaves no slot, though both wait for a worker', async () => {
    const userId = randomUUID();
    const sessions = fixture.sessions({ policy: policyWith(), timeoutMs: 30_000 });
    await sessions.acquire(userId, wish('other'));
    await fixture.stopWorker();
    const requests = (['watched', 'counted', 'direct'] as const).map((mode) => wish(mode, { mode }));
    const given = requests.map((request) => sessions.acquire(userId, request).catch((error: unknown) => error));
    // They are on their way when nobody takes them.
    await eventually(async () => {
      const { raw } = await fixture.handle(userId).describe();
      assert.ok(raw.pendingWorkflowTask);
    });
    for (const { streamId } of requests) await sessions.release(userId, streamId);
    await fixture.startWorker();
    for (const answer of await Promise.all(given)) assert.ok(answer instanceof StreamEndedError, String(answer));
    const { active } = await sessions.list(userId);
    assert.deepEqual(
      active.map(({ streamId }) => streamId),
      ['other'],
    );
  });

  it('counts though both wait for the first worker', async () => {
    const userId = randomUUID();
    const sessions = fixture.sessions({ policy: policyWith(), timeoutMs: 60_000 });
    await fixture.stopWorker();
    await sessions.release(userId, 'a');
    // Long before a worker is made, as its bundle has to be loaded.
    const acquired = assert.rejects(sessions.acquire(userId, wish('a')), StreamEndedError);
    await fixture.startWorker();
    await acquired;
  });

  it('is remembered by an account that the acquire would have started', async () => {
    const userId = randomUUID();
    const sessions = fixture.sessions({ policy: policyWith() });
    await sessions.release(userId, 'a');
    await assert.rejects(sessions.acquire(userId, wish('a')), StreamEndedError);
    assert.equal((await sessions.acquire(userId, wish('b'))).active, 1);
    const nobody = randomUUID();
    await sessions.release(nobody, { streamId: 'a', lost: true });
    await assert.rejects(fixture.handle(nobody).describe());
  });
});
