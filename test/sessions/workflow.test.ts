import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { tsToMs } from '@temporalio/common/lib/time.js';
import {
  InvalidSessionRequestError,
  StreamEndedError,
  StreamIdTakenError,
  StreamLimitReachedError,
} from '../../client/session-errors.ts';
import type { SessionsClient } from '../../client/sessions.ts';
import { activeStreamsKey } from '../../contracts/shared/search-attributes.ts';
import { eventually } from '../support/eventually.ts';
import { policyWith, wish } from './support/policies.ts';
import { startSessionsWorker, type SessionsFixture } from './support/sessions-worker.ts';

describe('the sessions of an account', function () {
  this.timeout(60_000);
  let fixture: SessionsFixture;

  before(async function () {
    // The first run on a machine may have to build the Temporal server.
    this.timeout(900_000);
    fixture = await startSessionsWorker();
  });

  after(() => fixture.stop());

  it('grants exactly three of 200 acquires that come at once by three connections', async () => {
    const userId = randomUUID();
    const clients = await Promise.all(
      [1, 2, 3].map(() => fixture.sessionsApart({ policy: policyWith(), timeoutMs: 50_000 })),
    );
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) => at(clients, index).acquire(userId, wish(`s${index}`))),
    );
    const refusals = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }): unknown => reason);
    assert.deepEqual(
      refusals.filter((error) => !(error instanceof StreamLimitReachedError)),
      [],
    );
    assert.equal(refusals.length, 197);
    const view = await at(clients, 0).list(userId);
    assert.deepEqual([view.active.length, view.slots, view.limit], [3, 3, 3]);
    for (const error of refusals) assert(error instanceof StreamLimitReachedError && error.conflicts.length === 3);
  });

  it('keeps the attribute and the details of the account', async () => {
    const userId = randomUUID();
    const sessions = fixture.sessions({ policy: policyWith() });
    await sessions.acquire(userId, wish('one', { contentId: 'film' }));
    await sessions.acquire(userId, wish('two'));
    await sessions.release(userId, 'two');
    await sessions.release(userId, 'two');
    await eventually(async () => {
      const description = await fixture.handle(userId).describe();
      assert.equal(description.typedSearchAttributes.get(activeStreamsKey), 1);
      const metadata: unknown = await fixture.handle(userId).query('__temporal_workflow_metadata');
      const details = String(Reflect.get(Object(metadata), 'currentDetails'));
      assert.match(details, /1 of 3 streams[^]*`one` on `device of one`, plays `film`[^]*`two`[^]*released/);
    });
  });

  it('frees the slot of a player that crashed, and tells the late beat why', async () => {
    const userId = randomUUID();
    // 45 s and 15 s, 30 times as fast.
    const policy = policyWith({ leaseMs: 1_500, heartbeatIntervalMs: 500, caps: { account: 1 } });
    const sessions = fixture.sessions({ policy });
    const crashed = await sessions.acquire(userId, wish('crashed'));
    await eventually(
      async () => {
        const next = await sessions.acquire(userId, wish('next'));
        // By the clock of the account; the default lease is longer than this waits.
        const freedAfter = Date.parse(next.stream.startedAt) - Date.parse(crashed.stream.startedAt);
        assert.ok(freedAfter >= 1_500, `freed after ${freedAfter} ms`);
      },
      { timeoutMs: 20_000, intervalMs: 100 },
    );
    const [late] = await sessions.heartbeat(userId, 'crashed');
    assert.deepEqual(late, { streamId: 'crashed', alive: false, end: { reason: 'expired' } });
    await assert.rejects(
      sessions.acquire(userId, wish('crashed')),
      (error) => error instanceof StreamEndedError && error.end.reason === 'expired',
    );
  });

  it('keeps streams that beat, for longer than their lease', async () => {
    const userId = randomUUID();
    const sessions = fixture.sessions({ policy: policyWith({ leaseMs: 5_000, heartbeatIntervalMs: 500 }) });
    const held = await sessions.hold(userId, wish('kept'));
    await sessions.acquire(userId, wish('left alone'));
    await eventually(
      async () => {
        const { active } = await sessions.list(userId);
        assert.deepEqual(
          active.map(({ streamId }) => streamId),
          ['kept'],
        );
      },
      { timeoutMs: 20_000 },
    );
    await held.release();
    assert.deepEqual(await held.ended, { reason: 'released' });
    assert.deepEqual((await sessions.list(userId)).active, []);
  });

  it('tells a held stream by whom it was evicted, and releases it when its caller aborts', async () => {
    const userId = randomUUID();
    const policy = policyWith({
      overLimit: 'evictNamed',
      caps: { account: 1 },
      heartbeatIntervalMs: 300,
    });
    const sessions = fixture.sessions({ policy });
    const loser = await sessions.hold(userId, wish('loser'));
    await assert.rejects(
      sessions.acquire(userId, wish('winner')),
      (error) => error instanceof StreamLimitReachedError && error.conflicts[0]?.streamId === 'loser',
    );
    const abort = new AbortController();
    const winner = await sessions.hold(userId, wish('winner', { deviceId: 'tv', evict: ['loser'] }), {
      signal: abort.signal,
    });
    const evictor = { kind: 'stream', streamId: 'winner', deviceId: 'tv' };
    assert.deepEqual(await loser.ended, { reason: 'evicted', evictor });
    abort.abort();
    assert.deepEqual(await winner.ended, { reason: 'released' });

    const last = await sessions.hold(userId, wish('last'));
    const { evicted } = await sessions.evict(userId, { by: 'carol', reason: 'chargeback' });
    assert.equal(evicted.length, 1);
    const operator = { kind: 'operator', by: 'carol', reason: 'chargeback' };
    assert.deepEqual(await last.ended, { reason: 'evicted', evictor: operator });
  });

  it('answers a retry with the same stream, and loses nothing, across continue-as-new', async () => {
    const userId = randomUUID();
    const sessions = fixture.sessions({ policy: policyWith(), continueAfterMessages: 4 });
    const first = await sessions.acquire(userId, wish('a', { requestId: 'r', deviceId: 'd' }));
    const run = await runOf(userId);
    for (let index = 0; index < 5; index++) await sessions.heartbeat(userId, 'a');
    assert.notEqual(await runOf(userId), run);
    const again = await sessions.acquire(userId, wish('b', { requestId: 'r', deviceId: 'd' }));
    assert.equal(again.repeated, true);
    assert.deepEqual([again.stream.streamId, again.stream.startedAt], ['a', first.stream.startedAt]);
    await assert.rejects(sessions.acquire(userId, wish('a', { deviceId: 'other' })), StreamIdTakenError);
    await sessions.release(userId, 'a');
    for (let index = 0; index < 4; index++) await sessions.heartbeat(userId, 'a');
    await assert.rejects(sessions.acquire(userId, wish('a', { deviceId: 'd' })), StreamEndedError);
  });

  it('counts a beat that came before its run began, though the lease ended meanwhile', async () => {
    const userId = randomUUID();
    const leaseMs = 600;
    const policy = policyWith({ leaseMs, heartbeatIntervalMs: 200 });
    const sessions = fixture.sessions({ policy, continueAfterMessages: 1 });
    const { stream } = await sessions.acquire(userId, wish('a'));
    // Temporal lets a second pass before a run that continued after less than that, unless an update comes: the beat waits
    // longer than the lease.
    const next = fixture.client.workflow.getHandle(fixture.handle(userId).workflowId, await runOf(userId));
    await next.signal('heartbeat', [{ streamId: 'a' }]);
    let begunMs = 0;
    await eventually(async () => {
      const { events } = await next.fetchHistory();
      const task = events?.find(({ workflowTaskStartedEventAttributes: started }) => started);
      assert.ok(task);
      begunMs = tsToMs(task.eventTime);
    });
    assert.ok(begunMs > Date.parse(stream.leaseEndsAt), 'the run began before the lease ended');
    await eventually(async () => {
      const [ended] = (await sessions.list(userId)).ended;
      assert.ok(Date.parse(ended?.endedAt ?? '') >= begunMs + leaseMs);
    });
  });

  it('takes acquires and beats that come while a run continues as new', async () => {
    const userId = randomUUID();
    const policy = policyWith({ caps: { account: 20 } });
    const sessions = fixture.sessions({ policy, continueAfterMessages: 12, timeoutMs: 40_000 });
    const ids = Array.from({ length: 20 }, (_, index) => `s${index}`);
    await Promise.all(
      ids.map(async (id) => {
        await sessions.acquire(userId, wish(id));
        await sessions.heartbeat(userId, id);
      }),
    );
    const { active } = await sessions.list(userId);
    assert.deepEqual(active.map(({ streamId }) => streamId).toSorted(), ids.toSorted());
  });

  it('closes when idle, answers for a closed account, and starts again', async () => {
    const userId = randomUUID();
    const policy = policyWith({ idleCloseMs: 300, rememberEndedMs: 300 });
    const sessions = fixture.sessions({ policy });
    await sessions.acquire(userId, wish('a'));
    await sessions.release(userId, 'a');
    await eventually(async () => {
      assert.equal((await fixture.handle(userId).describe()).status.name, 'COMPLETED');
    });
    assert.deepEqual(await sessions.heartbeat(userId, 'a'), [
      { streamId: 'a', alive: false, end: { reason: 'unknown' } },
    ]);
    await sessions.release(userId, 'a');
    assert.deepEqual((await sessions.list(userId)).active, []);
    assert.deepEqual(await sessions.evict(userId, { streamIds: ['a'] }), {
      evicted: [],
      notActive: [{ streamId: 'a' }],
    });
    const again = await sessions.acquire(userId, wish('b'));
    assert.equal(again.active, 1);
  });

  it('loses no stream whose beats came while no worker ran, and admits nobody too many', async () => {
    const userId = randomUUID();
    const policy = policyWith({ leaseMs: 4_000, heartbeatIntervalMs: 1_000, caps: { account: 1 } });
    const sessions = fixture.sessions({ policy, timeoutMs: 40_000 });
    await sessions.acquire(userId, wish('player'));
    await fixture.stopWorker();
    const acquiring = assert.rejects(sessions.acquire(userId, wish('other')), StreamLimitReachedError);
    const beating: Promise<unknown>[] = [];
    for (let beat = 0; beat < 5; beat++) {
      beating.push(sessions.heartbeat(userId, 'player'));
      await sleepFor(1_000);
    }
    await fixture.startWorker();
    const answers = await Promise.all(beating);
    await acquiring;
    assert.deepEqual(
      answers.map((answer) => Reflect.get(Object(Array.isArray(answer) ? answer[0] : undefined), 'alive')),
      [true, true, true, true, true],
    );
  });

  it('refuses what has no form, before it enters the history, and takes no harm from malformed signals', async () => {
    const userId = randomUUID();
    const sessions = fixture.sessions({ policy: policyWith() });
    await sessions.acquire(userId, wish('a'));
    for (const request of [{ streamId: '' }, { deviceId: 'x'.repeat(256) }, { evict: Array<string>(21).fill('e') }]) {
      await assert.rejects(sessions.acquire(userId, wish('b', request)), InvalidSessionRequestError);
    }
    for (const argument of [undefined, null, 7, [null, { streamId: 5 }, { streamId: 'a' }]]) {
      await fixture.handle(userId).signal('heartbeat', argument);
      await fixture.handle(userId).signal('release', argument === null ? null : [argument]);
    }
    assert.equal((await sessions.list(userId)).active.length, 1);
  });

  async function runOf(userId: string): Promise<string> {
    return (await fixture.handle(userId).describe()).runId;
  }
});

function at(clients: readonly SessionsClient[], index: number): SessionsClient {
  const client = clients[index % clients.length];
  assert(client);
  return client;
}

/** For what must still hold when time has passed; nothing else shows that. */
function sleepFor(ms: number): Promise<void> {
  return sleep(ms);
}
