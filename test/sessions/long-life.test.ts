import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { OVER_LIMIT_BEHAVIOURS } from '../../contracts/sessions/session-limits.ts';
import type { SessionsSnapshot } from '../../contracts/sessions/stream-sessions.ts';
import { SessionLedger } from '../../workflows/sessions/session-ledger.ts';
import { eventually } from '../support/eventually.ts';
import { runsOf } from './support/histories.ts';
import { policyWith, wish } from './support/policies.ts';
import { startSessionsWorker, type SessionsFixture } from './support/sessions-worker.ts';

const HOURS_OF_SEVEN_DAYS = 168;

describe('the long life of an account', function () {
  this.timeout(60_000);

  describe('on the ledger', () => {
    it('loses no stream in seven days of beats every 30 s, continued as new every 100 messages', () => {
      const policy = policyWith();
      const ids = ['a', 'b', 'c'];
      let ledger = new SessionLedger(0);
      for (const id of ids) ledger.acquire(wish(id), policy, 0);
      let messages = 0;
      for (let nowMs = 0; nowMs < HOURS_OF_SEVEN_DAYS * 3_600_000; nowMs += 30_000) {
        for (const streamId of ids) {
          ledger.heartbeat([{ streamId }], nowMs + (messages++ % 10_000));
          if (messages % 100 === 0) ledger = continued(ledger, nowMs + 10_000);
        }
      }
      assert.equal(messages, 60_480);
      assert.deepEqual(
        ledger.view().active.map(({ streamId, startedAt }) => [streamId, Date.parse(startedAt)]),
        ids.map((id) => [id, 0]),
      );
    });

    it('never gives out more slots than the cap, and the same ones after continuing as new, whatever comes', () => {
      const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
      const action = fc.oneof(
        fc.record({
          kind: fc.constant('acquire'),
          id,
          other: id,
          mode: fc.constantFrom('direct', 'watched', 'counted'),
        }),
        fc.record({ kind: fc.constantFrom('beat', 'release', 'evict'), id, other: id, mode: fc.constant('direct') }),
        fc.record({ kind: fc.constant('wait'), id, other: id, mode: fc.constant('direct') }),
      );
      fc.assert(
        fc.property(
          fc.array(action, { maxLength: 40 }),
          fc.constantFrom(...OVER_LIMIT_BEHAVIOURS),
          fc.constantFrom(0, 5_000),
          fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
          (actions, overLimit, handoffGraceMs, shadowCap) => {
            const rules = { version: 1, overLimit, caps: { account: 3, contents: { film: 1 } }, handoffGraceMs };
            const shadow =
              shadowCap === undefined ? {} : { shadow: { version: 1, overLimit, caps: { account: shadowCap } } };
            const [plain, shadowed] = [policyWith(rules), policyWith({ ...rules, ...shadow })];
            let [ledger, twin] = [new SessionLedger(0), new SessionLedger(0)];
            let nowMs = 0;
            for (const { kind, id, other, mode } of actions) {
              const content = id < 'c' ? { contentId: 'film' } : {};
              const request = wish(id, {
                mode: mode === 'watched' || mode === 'counted' ? mode : 'direct',
                evict: [other],
                ...content,
              });
              if (kind === 'acquire') {
                const [reply, same] = [ledger.acquire(request, plain, nowMs), twin.acquire(request, shadowed, nowMs)];
                assert.equal(same.outcome, reply.outcome);
              }
              for (const each of [ledger, twin]) {
                if (kind === 'beat') each.heartbeat([{ streamId: id }], nowMs);
                if (kind === 'release') each.release([{ streamId: id }], nowMs);
                if (kind === 'evict') each.evict({ streamIds: [id] }, nowMs);
              }
              if (kind === 'wait') nowMs += 20_000;
              [ledger, twin] = [continued(ledger, nowMs), continued(twin, nowMs)];
              for (const each of [ledger, twin]) each.advance(nowMs);
              assert.ok(ledger.slots() <= 3);
              const films = ledger.view().active.filter(({ contentId, ending }) => contentId === 'film' && !ending);
              assert.ok(films.reduce((sum, { slots }) => sum + slots, 0) <= 1);
              // The shadow has no effect.
              const { shadow: _shadow, policy: _policy, ...state } = twin.snapshot();
              const { policy: _plain, ...expected } = ledger.snapshot();
              assert.deepEqual(state, expected);
            }
          },
        ),
        { numRuns: 2_000 },
      );
    });
  });

  describe('on the workflow', () => {
    let fixture: SessionsFixture;

    before(async function () {
      this.timeout(900_000);
      fixture = await startSessionsWorker();
    });

    after(() => fixture.stop());

    it('loses no stream in seven days, an hour in 40 ms, across continue-as-new', async () => {
      const userId = randomUUID();
      const ids = ['a', 'b', 'c'];
      // Shorter than the week. Temporal waits a second after each continue-as-new of a run this short.
      const policy = policyWith({ watchedLeaseMs: 6_000 });
      const sessions = fixture.sessions({ policy, continueAfterMessages: 30, timeoutMs: 20_000 });
      const granted = await Promise.all(ids.map((id) => sessions.acquire(userId, wish(id, { mode: 'watched' }))));
      const beats = ids.map((streamId) => ({ streamId }));
      let longestGapMs = 0;
      let sentAt = performance.now();
      for (let hour = 0; hour < HOURS_OF_SEVEN_DAYS; hour++) {
        longestGapMs = Math.max(longestGapMs, performance.now() - sentAt);
        sentAt = performance.now();
        await fixture.handle(userId).signal('heartbeat', beats);
        await sleep(40);
      }
      const { active, ended } = await sessions.list(userId);
      const why = `longest gap ${longestGapMs} ms, ended ${JSON.stringify(ended)}`;
      assert.deepEqual(
        new Map(active.map(({ streamId, startedAt }) => [streamId, startedAt])),
        new Map(granted.map(({ stream }) => [stream.streamId, stream.startedAt])),
        why,
      );
      const runs = await runsOf(fixture, userId);
      assert.ok(runs.length >= 4, `${runs.length} runs`);
      assert.equal(
        runs.reduce((sum, run) => sum + run.count('workflowExecutionSignaled'), 0),
        HOURS_OF_SEVEN_DAYS,
      );
      assert.ok(Math.max(...runs.map(({ events }) => events)) < 1_000);
    });

    it('costs at most 12 events in a stream-hour when a gateway passes on a beat in a third of the lease', async () => {
      const userId = randomUUID();
      // 3 h and an hour, 1,800 times as fast: a beat of the player every 15 s is one every 8 ms.
      const hourMs = 2_000;
      const policy = policyWith({ watchedLeaseMs: 3 * hourMs });
      const sessions = fixture.sessions({ policy });
      const { stream } = await sessions.acquire(userId, wish('film', { mode: 'watched' }));
      const handle = fixture.handle(userId);
      await eventually(async () =>
        assert.equal((await handle.describe()).typedSearchAttributes.getAll().length > 0, true),
      );
      const atFirst = await eventsOf();
      const hours = 6;
      for (let hour = 0; hour < hours; hour++) {
        await sleep(stream.leaseMs / 3);
        await handle.signal('heartbeat', [{ streamId: 'film' }]);
      }
      assert.equal((await sessions.list(userId)).active.length, 1);
      const beating = (await eventsOf()) - atFirst;
      await sessions.release(userId, { streamId: 'film', byWatcher: true });
      await sessions.list(userId);
      const whole = await eventsOf();
      assert.ok(beating <= 8 * hours, `${beating} events in ${hours} stream-hours of beats`);
      assert.ok(whole <= 12 * hours, `${whole} events in ${hours} stream-hours, acquire and release included`);
      console.log(`      ${beating} events for ${hours} h of beats, ${whole} with acquire and release`);

      async function eventsOf(): Promise<number> {
        return (await handle.describe()).historyLength;
      }
    });
  });
});

function continued(ledger: SessionLedger, nowMs: number): SessionLedger {
  const snapshot: SessionsSnapshot = structuredClone(ledger.snapshot());
  return new SessionLedger(nowMs, snapshot);
}
