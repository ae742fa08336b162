import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { SessionsUnavailableError } from '../../client/session-errors.ts';
import { DEFAULT_SESSION_POLICY } from '../../contracts/sessions/session-limits.ts';
import { streamSessionsWorkflowId, type SessionsView } from '../../contracts/sessions/stream-sessions.ts';
import { AccountLookup } from '../../gateway/watch/account-lookup.ts';
import { MemoryBeatStore } from '../../gateway/watch/memory-beat-store.ts';
import { recoverStreams, type RecoveryOptions } from '../../gateway/watch/recovery.ts';
import { Sweeper } from '../../gateway/watch/sweeper.ts';
import { eventually } from '../support/eventually.ts';

const QUIET = { warn: () => undefined, info: () => undefined, error: () => undefined };
const policy = () => DEFAULT_SESSION_POLICY;

/** Accounts with a stream each, some of which give no answer. */
class Accounts {
  readonly users: string[];
  readonly stuck = new Set<string>();
  readonly reads: string[] = [];
  busiest = 0;
  /** Fails the listing of accounts after so many. */
  listed = Infinity;
  #underWay = 0;

  constructor(count: number) {
    this.users = Array.from({ length: count }, (_, index) => `user-${index}`);
  }

  readonly list = async (userId: string): Promise<SessionsView> => {
    this.reads.push(userId);
    this.busiest = Math.max(this.busiest, (this.#underWay += 1));
    await sleep(this.stuck.has(userId) ? 50 : 2);
    this.#underWay -= 1;
    if (this.stuck.has(userId)) throw new SessionsUnavailableError('list');
    const startedAt = new Date().toISOString();
    const stream = { streamId: 'a', deviceId: 'tv', mode: 'watched', slots: 1, startedAt, leaseMs: 1 } as const;
    return { active: [{ ...stream, leaseEndsAt: startedAt }], ended: [], slots: 1 };
  };

  /** Of which only the listing is used. */
  get client(): Client {
    const { users } = this;
    const list = async function* (this: Accounts) {
      for (const [index, userId] of users.entries()) {
        if (index >= this.listed) throw new Error('visibility is away');
        yield { workflowId: streamSessionsWorkflowId(userId) };
      }
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one method that is called
    return { workflow: { list: list.bind(this) } } as unknown as Client;
  }
}

describe('the recovery of streams', () => {
  const running: Sweeper[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((sweeper) => sweeper.stop()));
  });

  function recover(accounts: Accounts, store: MemoryBeatStore, more: Partial<RecoveryOptions> = {}): Sweeper {
    const options = { client: accounts.client, sessions: accounts, store, policy, ...more };
    const sweeper = new Sweeper({
      store,
      logger: QUIET,
      intervalMs: 50,
      report: async () => true,
      read: (userId) => accounts.list(userId).then(() => store.noteRead(userId)),
      recover: (signal) => recoverStreams(options, signal),
    });
    running.push(sweeper);
    return sweeper;
  }

  for (const stuck of [1, 100]) {
    it(`goes past ${stuck} accounts that do not answer, and reads no more of them at once for it`, async () => {
      const accounts = new Accounts(1_000);
      for (const user of accounts.users.slice(3, 3 + stuck)) accounts.stuck.add(user);
      const store = new MemoryBeatStore({ graceMs: 60_000, rememberEndsMs: 60_000 });
      const sweeper = recover(accounts, store);
      await eventually(() => assert.ok(sweeper.recovered()), { timeoutMs: 15_000 });
      assert.equal(await store.size(), 1_000 - stuck);
      assert.equal(await store.unread(), stuck);
      assert.equal(accounts.reads.length, 1_000, 'each is read once');
      assert.ok(accounts.busiest <= 20, `${accounts.busiest} reads at once`);
      const beats = ['user-3', 'unheard of'].map((userId) => store.beat({ userId, streamId: 'a' }));
      assert.deepEqual(await Promise.all(beats), [
        { state: 'unknown', recovering: true },
        { state: 'unknown', recovering: false },
      ]);
    });
  }

  it('reads accounts that gave no answer again, until they answer', async () => {
    const accounts = new Accounts(3);
    const store = new MemoryBeatStore({ graceMs: 60_000, rememberEndsMs: 60_000 });
    await store.readLater(accounts.users, 0);
    accounts.stuck.add('user-0');
    recover(accounts, store);
    await eventually(async () => assert.equal(await store.unread(), 1));
    accounts.stuck.clear();
    await store.readLater(['user-0'], 0);
    await eventually(async () => assert.equal(await store.unread(), 0));
  });

  it('begins anew when the accounts could not be listed, and not before it has read those that were', async () => {
    const accounts = new Accounts(200);
    accounts.listed = 100;
    const store = new MemoryBeatStore({ graceMs: 60_000, rememberEndsMs: 60_000 });
    const sweeper = recover(accounts, store);
    await eventually(async () => assert.equal(await store.size(), 100));
    assert.equal(sweeper.recovered(), false);
    accounts.listed = Infinity;
    await eventually(() => assert.ok(sweeper.recovered()));
    assert.equal(await store.size(), 200);
    assert.ok(accounts.busiest <= 20, `${accounts.busiest} reads at once`);
  });

  it('leaves out accounts that beats had read meanwhile', async () => {
    const accounts = new Accounts(60);
    const store = new MemoryBeatStore({ graceMs: 60_000, rememberEndsMs: 60_000 });
    const lookup = new AccountLookup({ sessions: accounts, adopt: async () => undefined, patienceMs: 1_000 });
    const { users, stop } = lookup.journal();
    await Promise.all(accounts.users.map((userId) => lookup.ask({ userId, streamId: 'a' })));
    assert.equal(accounts.reads.length, 60);
    const options = { client: accounts.client, sessions: lookup, store, policy, adopted: users };
    assert.equal(await recoverStreams(options, new AbortController().signal), 0);
    stop();
    assert.equal(accounts.reads.length, 60);
  });
});
