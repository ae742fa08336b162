import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RequestMismatchError, StreamEndedError, StreamLimitReachedError } from '../../client/session-errors.ts';
import type { SessionsClient } from '../../client/sessions.ts';
import { OVER_LIMIT_BEHAVIOURS, type OverLimitBehaviour } from '../../contracts/sessions/session-limits.ts';
import { playHistory, type Defect } from './support/concurrent-ledger.ts';
import { isLinearizable } from './support/linearizability.ts';
import { policyWith, wish } from './support/policies.ts';
import { sessionModel, type SessionAnswer, type SessionCall, type SessionOperation } from './support/session-model.ts';
import { startSessionsWorker, type SessionsFixture } from './support/sessions-worker.ts';

const LIMIT = 2;
const BEHAVIOURS = OVER_LIMIT_BEHAVIOURS.filter((behaviour) => behaviour !== 'evictSameDevice');

describe('histories of concurrent callers', function () {
  this.timeout(120_000);

  for (const overLimit of BEHAVIOURS) {
    it(`are linearizable on the ledger, 400 random ones with ${overLimit}`, () => {
      const policy = policyWith({ caps: { account: LIMIT }, overLimit, leaseMs: 4_000 });
      const model = sessionModel(LIMIT, overLimit);
      const outcomes = new Set<string>();
      for (let seed = 0; seed < 400; seed++) {
        const history = playHistory(randomFrom(seed), policy);
        for (const { output } of history) if (output) outcomes.add(output.outcome);
        assert.ok(isLinearizable(model, history), `seed ${seed}: ${JSON.stringify(history)}`);
      }
      if (overLimit !== 'evictOldest')
        assert.deepEqual(outcomes, new Set(['granted', 'refused', 'ended', 'otherRequest', 'done']));
    });
  }

  const defects: Defect[] = [
    'admits by what it read before',
    'forgets ends when it continues',
    'forgets early releases when it continues',
    'takes another content for the same request',
    'evicts without a grant',
  ];
  for (const defect of defects) {
    it(`are found out when the account ${defect}`, () => {
      const policy = policyWith({ caps: { account: LIMIT }, leaseMs: 4_000 });
      const model = sessionModel(LIMIT, 'refuseNewest');
      const seeds = Array.from({ length: 100 }, (_, seed) => seed);
      const found = seeds.filter((seed) => !isLinearizable(model, playHistory(randomFrom(seed), policy, defect)));
      assert.ok(found.length > 10, `${found.length} of 100`);
    });
  }

  describe('on the workflow', () => {
    let fixture: SessionsFixture;

    before(async function () {
      this.timeout(900_000);
      fixture = await startSessionsWorker();
    });

    after(() => fixture.stop());

    it('are linearizable, 30 random ones with leases that run out', async () => {
      const seeds = Array.from({ length: 30 }, (_, seed) => seed);
      for (let start = 0; start < seeds.length; start += 10) {
        await Promise.all(
          seeds.slice(start, start + 10).map(async (seed) => {
            const overLimit = BEHAVIOURS[seed % BEHAVIOURS.length] ?? 'refuseNewest';
            const history = await playForReal(fixture, randomFrom(seed), overLimit);
            assert.ok(
              isLinearizable(sessionModel(LIMIT, overLimit), history),
              `seed ${seed}: ${JSON.stringify(history)}`,
            );
          }),
        );
      }
    });
  });
});

const LEASE_MS = 500;
/** Times of two processes on one machine, in whole milliseconds. */
const CLOCK_TOLERANCE_MS = 20;

async function playForReal(
  fixture: SessionsFixture,
  random: () => number,
  overLimit: OverLimitBehaviour,
): Promise<SessionOperation[]> {
  const userId = randomUUID();
  const policy = policyWith({ caps: { account: LIMIT }, overLimit, leaseMs: LEASE_MS, heartbeatIntervalMs: 250 });
  const clients = [1, 2].map(() => fixture.sessions({ policy, timeoutMs: 30_000 }));
  const history: SessionOperation[] = [];
  const call = async (sessions: SessionsClient, input: SessionCall): Promise<void> => {
    const invokedAt = Date.now();
    const output = await answerOf(sessions, userId, input);
    // A release is a signal: it is sent, and takes effect when the account comes to it.
    history.push({ input, output, invokedAt, returnedAt: input.kind === 'release' ? Infinity : Date.now() });
  };
  await Promise.all(
    [0, 1, 2, 3].map(async (caller) => {
      const sessions = clients[caller % clients.length];
      assert(sessions);
      for (let step = 0; step < 5; step++) {
        await sleep(random() * 200);
        const id = `s${Math.floor(random() * 6)}`;
        const dice = random();
        const content = random() < 0.9 ? 'film' : 'news';
        if (dice < 0.65)
          await call(sessions, { kind: 'acquire', id, content, evict: [`s${Math.floor(random() * 6)}`] });
        else if (dice < 0.8) await call(sessions, { kind: 'release', id });
        else if (dice < 0.9) await call(sessions, { kind: 'evict', id });
        else await call(sessions, { kind: 'list' });
      }
    }),
  );
  const view = await clients[0]?.list(userId);
  const endedAt = Date.now();
  for (const { streamId, end } of view?.ended ?? []) {
    if (end.reason !== 'expired') continue;
    const begun = history.find(({ input, output }) => isGrantOf(streamId, input, output))?.invokedAt ?? 0;
    const invokedAt = begun + LEASE_MS - CLOCK_TOLERANCE_MS;
    history.push({
      input: { kind: 'expire', ids: [streamId] },
      output: { outcome: 'done', ids: [] },
      invokedAt,
      returnedAt: endedAt,
    });
  }
  return history;
}

function isGrantOf(id: string, input: SessionCall, output: SessionAnswer | undefined): boolean {
  return input.kind === 'acquire' && input.id === id && output?.outcome === 'granted';
}

async function answerOf(sessions: SessionsClient, userId: string, call: SessionCall): Promise<SessionAnswer> {
  switch (call.kind) {
    case 'acquire':
      try {
        const request = wish(call.id, { contentId: call.content ?? 'film', evict: call.evict ?? [] });
        const { evicted } = await sessions.acquire(userId, request);
        return { outcome: 'granted', evicted: evicted.map(({ streamId }) => streamId) };
      } catch (error) {
        if (error instanceof StreamEndedError) return { outcome: 'ended' };
        if (error instanceof RequestMismatchError) return { outcome: 'otherRequest' };
        if (!(error instanceof StreamLimitReachedError)) throw error;
        return { outcome: 'refused', conflicts: error.conflicts.map(({ streamId }) => streamId) };
      }
    case 'release':
      await sessions.release(userId, call.id);
      return { outcome: 'done', ids: [] };
    case 'evict': {
      const { evicted } = await sessions.evict(userId, { streamIds: [call.id] });
      return { outcome: 'done', ids: evicted.map(({ streamId }) => streamId) };
    }
    case 'list': {
      const { active } = await sessions.list(userId);
      return { outcome: 'done', ids: active.map(({ streamId }) => streamId) };
    }
    case 'expire':
      throw new Error('leases run out by the clock only');
  }
}

/** Numbers from 0 to 1 by a seed (mulberry32), so that a failing history can be played again. */
function randomFrom(seed: number): () => number {
  let state = seed * 0x9e3779b1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
