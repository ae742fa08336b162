import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { SessionsUnavailableError } from '../../client/session-errors.ts';
import type { StreamView } from '../../contracts/sessions/session-stream.ts';
import type { SessionsView } from '../../contracts/sessions/stream-sessions.ts';
import { AccountLookup } from '../../gateway/watch/account-lookup.ts';
import { eventually } from '../support/eventually.ts';

function viewOf(...streamIds: readonly string[]): SessionsView {
  const now = new Date().toISOString();
  const active = streamIds.map((streamId) => ({
    streamId,
    deviceId: 'tv',
    mode: 'watched' as const,
    slots: 1,
    startedAt: now,
    leaseEndsAt: now,
    leaseMs: 1_000,
  }));
  return { active, ended: [], slots: active.length, policyVersion: 1 };
}

describe('the lookup of streams nobody knows', () => {
  const asked: string[] = [];
  let adopted: string[] = [];
  let busiest = 0;
  let reading = 0;
  let readMs = 10;
  const adopt = async (userId: string, { streamId }: StreamView): Promise<void> => {
    adopted.push(`${userId}/${streamId}`);
  };
  const sessions = {
    list: async (userId: string) => {
      asked.push(userId);
      reading += 1;
      busiest = Math.max(busiest, reading);
      await sleep(readMs);
      reading -= 1;
      return viewOf('a', 'b');
    },
  };
  beforeEach(() => {
    asked.length = 0;
    adopted = [];
    busiest = 0;
    readMs = 10;
  });

  it('reads so many accounts at once, each once for all who wait, and watches all their streams', async () => {
    const lookup = new AccountLookup({ sessions, adopt, readsAtOnce: 4, patienceMs: 8_000 });
    const users = Array.from({ length: 30 }, (_, index) => `user-${index}`);
    const asks = [...users, ...users].map((userId, index) => lookup.ask({ userId, streamId: index < 30 ? 'a' : 'b' }));
    assert.ok((await Promise.all(asks)).every(({ active }) => active.length === 2));
    assert.equal(busiest, 4);
    // Those that were being read when the second stream asked are read once more.
    assert.ok(asked.length <= 34, `${asked.length} reads`);
    assert.equal(new Set(adopted).size, 60);
  });

  it('tells who waits too long so, and watches the streams of the account all the same', async () => {
    readMs = 300;
    const lookup = new AccountLookup({ sessions, adopt, readsAtOnce: 1, patienceMs: 50 });
    const asks = ['x', 'y'].map((userId) => lookup.ask({ userId, streamId: 'a' }));
    for (const ask of asks) await assert.rejects(ask, SessionsUnavailableError);
    await eventually(() => assert.deepEqual(adopted.toSorted(), ['x/a', 'x/b', 'y/a', 'y/b']));
  });

  it('goes on after a read that failed', async () => {
    let fails = true;
    const flaky = {
      list: (userId: string) => (fails ? Promise.reject(new SessionsUnavailableError('list')) : sessions.list(userId)),
    };
    const lookup = new AccountLookup({ sessions: flaky, adopt, readsAtOnce: 1, patienceMs: 8_000 });
    await assert.rejects(lookup.ask({ userId: 'x', streamId: 'a' }), SessionsUnavailableError);
    fails = false;
    assert.equal((await lookup.ask({ userId: 'x', streamId: 'b' })).slots, 2);
    assert.deepEqual(adopted, ['x/a', 'x/b']);
  });

  it('keeps a journal of the accounts that were read, whoever asked', async () => {
    const lookup = new AccountLookup({ sessions, adopt, patienceMs: 8_000 });
    await lookup.list('before');
    const { users, stop } = lookup.journal();
    await Promise.all([lookup.list('x'), lookup.ask({ userId: 'y', streamId: 'a' })]);
    stop();
    await lookup.list('after');
    assert.deepEqual([...users].toSorted(), ['x', 'y']);
  });
});
