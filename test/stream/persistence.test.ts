import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Store } from '../../local/stream/store/store.ts';
import { at, post, read, startTestServer } from './helpers.ts';

describe('Stream server: persistence', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stream-server-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('keeps the graph over a restart', async () => {
    const databaseFile = join(folder, 'graph.sqlite');
    const first = await startTestServer({ databaseFile });
    const { id } = await first.client.feed('user', 'ann').addActivity(post());
    await first.client.feed('timeline', 'bob').follow('user', 'ann');
    await first.client.feed('notification', 'ann').addActivity(post());
    await first.client.feed('notification', 'ann').get({ mark_read: true });
    const reaction = await first.client.reactions.add('like', id, {}, { userId: 'bob' });
    const relations = (await first.client.feed('timeline', 'bob').following()).results;
    await first.server.close();

    const second = await startTestServer({ databaseFile });
    assert.deepEqual(await read(second.client.feed('timeline', 'bob')), [id]);
    assert.deepEqual((await second.client.feed('timeline', 'bob').following()).results, relations);
    assert.equal(at((await second.client.feed('notification', 'ann').get()).results[0], 'is_read'), true);
    assert.equal((await second.client.reactions.get(reaction.id)).id, reaction.id);
    await second.server.close();
  });

  it('gives a database file to one server at a time, and makes missing folders', async () => {
    const databaseFile = join(folder, 'new', 'locked.sqlite');
    const first = await startTestServer({ databaseFile });
    await assert.rejects(startTestServer({ databaseFile }), /locked/);
    await first.server.close();
    await (await startTestServer({ databaseFile })).server.close();
  });

  it('leaves files of another schema version as they are', () => {
    const file = join(folder, 'other.sqlite');
    const other = new DatabaseSync(file);
    other.exec('PRAGMA user_version = 99');
    other.close();
    assert.throws(() => new Store({ file }), /has schema version 99/);
  });

  it('writes all of a transaction or nothing', () => {
    const store = new Store();
    assert.throws(() =>
      store.transaction(() => {
        store.users.add('ann', {});
        throw new Error('later');
      }),
    );
    assert.equal(store.users.find('ann'), undefined);
    store.close();
  });

  it('reads by index: no query of a page scans a table or sorts', () => {
    const store = new Store();
    const scans = store.database
      .all(
        `EXPLAIN QUERY PLAN SELECT time, activity, MIN(origin) FROM entry
         WHERE feed = ? AND (time, activity) < (?, ?) GROUP BY time, activity
         ORDER BY time DESC, activity DESC LIMIT 25`,
        1,
        1,
        'a',
      )
      .map(({ detail }) => String(detail));
    assert.deepEqual(scans, ['SEARCH entry USING PRIMARY KEY (feed=? AND (time,activity)<(?,?))']);
    store.close();
  });
});
