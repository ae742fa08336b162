import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { StreamFeed } from 'getstream';
import { eventually } from '../support/eventually.ts';
import { KEY, type TestServer, at, post, read, startTestServer, uniqueFeed } from './helpers.ts';

describe('Stream server: late commits', () => {
  let test: TestServer;
  beforeEach(async () => {
    test = await startTestServer();
  });
  afterEach(() => test.server.close());

  const late = (match: Record<string, string>, more: Record<string, unknown> = {}): Record<string, unknown> => ({
    match,
    fault: 'commitLate',
    delayMs: 60_000,
    ...more,
  });
  const lateCommits = async (): Promise<unknown> => at(await test.control('GET', 'stats'), 'lateCommits');
  const holds = (expected: Record<string, number>): Promise<void> =>
    eventually(async () => assert.deepEqual(await lateCommits(), { pending: 0, handled: 0, dropped: 0, ...expected }));

  /** A write whose client gives up as soon as the server has it. */
  async function giveUpOn(feed: StreamFeed, activity = post()): Promise<void> {
    const before = Number(at(await lateCommits(), 'pending'));
    const client = new AbortController();
    const url = `${test.server.url}/api/v1.0/feed/user/${feed.userId}/?api_key=${KEY}`;
    const init = { method: 'POST', headers: { authorization: feed.token }, body: JSON.stringify(activity) };
    const unanswered = assert.rejects(fetch(url, { ...init, signal: client.signal }), { name: 'AbortError' });
    await eventually(async () => assert.equal(at(await lateCommits(), 'pending'), before + 1));
    client.abort();
    await unanswered;
  }

  it('are written after their client has gone', async () => {
    const feed = uniqueFeed(test.client, 'user');
    await test.control('POST', 'faults', [late({ method: 'POST', path: feed.userId }, { delayMs: 500, times: 1 })]);
    await giveUpOn(feed);
    assert.deepEqual(await read(feed), []);
    await holds({ handled: 1 });
    assert.equal((await read(feed)).length, 1);
    assert.deepEqual(at(await test.control('GET', 'stats'), 'requests', 'POST /feed/:slug/:id/'), {
      total: 1,
      byStatus: { hung: 1 },
    });
    assert.equal(at(await test.control('GET', 'stats'), 'effects', 'activitiesCreated'), 1);
  });

  it('are answered when they are written, where it is asked for', async () => {
    const feed = uniqueFeed(test.client, 'user');
    await test.control('POST', 'faults', [late({ method: 'POST' }, { delayMs: 100, answers: true })]);
    const startedAt = performance.now();
    await feed.addActivity(post());
    assert.ok(performance.now() - startedAt >= 95);
    assert.equal((await read(feed)).length, 1);
  });

  it('are those of one user or one body only, as often as told', async () => {
    const [slow, quick] = [uniqueFeed(test.client, 'user'), uniqueFeed(test.client, 'user')];
    await test.control('POST', 'faults', [
      late({ path: `^/feed/user/${slow.userId}/$`, method: 'POST' }, { times: 2 }),
      late({ path: '^/reaction/$', body: '"id":"late-one"' }, { times: 1 }),
    ]);
    await giveUpOn(slow);
    await giveUpOn(slow);
    await quick.addActivity(post());
    const { id } = await slow.addActivity(post());
    const hanging = assert.rejects(test.client.reactions.add('like', id, {}, { userId: 'a', id: 'late-one' }));
    await holds({ pending: 3 });
    await test.client.reactions.add('like', id, {}, { userId: 'a', id: 'other' });
    assert.equal((await read(slow)).length, 1);
    await test.server.close();
    await hanging;
  });

  it('are written although faults are cleared, but not once the data is', async () => {
    const feed = uniqueFeed(test.client, 'user');
    await test.control('POST', 'faults', [
      late({ method: 'POST' }, { delayMs: 500, times: 1 }),
      late({ method: 'POST' }),
    ]);
    await giveUpOn(feed);
    await test.control('DELETE', 'faults');
    await holds({ handled: 1 });
    assert.equal((await read(feed)).length, 1);

    await test.control('POST', 'faults', [late({ method: 'POST' }, { delayMs: 200, times: 1 })]);
    await giveUpOn(feed);
    await test.control('DELETE', 'data');
    await holds({ handled: 1, dropped: 1 });
    await test.control('DELETE', 'stats');
    await holds({});
    assert.deepEqual(await read(feed), []);
  });

  it('are dropped by a server that closes, which does not wait for them', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'late-commit-'));
    const databaseFile = path.join(directory, 'stream.db');
    await test.server.close();
    test = await startTestServer({ databaseFile });
    const feed = uniqueFeed(test.client, 'user');
    await test.control('POST', 'faults', [late({ method: 'POST' })]);
    await giveUpOn(feed);
    const hanging = assert.rejects(feed.addActivity(post()));
    await holds({ pending: 2 });
    const startedAt = performance.now();
    await test.server.close();
    assert.ok(performance.now() - startedAt < 5_000);
    await hanging;
    test = await startTestServer({ databaseFile });
    assert.deepEqual(await read(test.client.feed('user', feed.userId)), []);
    await test.server.close();
    await rm(directory, { recursive: true });
  });
});
