import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { mock } from 'node:test';
import { Store } from '../../local/stream/store/store.ts';
import { at, post, read, startTestServer, uniqueFeed } from './helpers.ts';

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

  it('reads by index: nothing it asks the database scans a table', async () => {
    const prepare = mock.method(DatabaseSync.prototype, 'prepare');
    const test = await startTestServer();
    const { client } = test;
    const user = uniqueFeed(client, 'user');
    const { id } = await user.addActivity(post({ foreign_id: 'a', time: new Date().toISOString(), to: ['flat:a'] }));
    for (const slug of ['timeline', 'aggregated', 'notification']) {
      const feed = uniqueFeed(client, slug);
      await feed.follow('user', user.userId);
      await feed.get({ id_lt: id, id_gt: id, mark_read: true });
      await feed.get({ mark_seen: [id] });
      await feed.following({ filter: [user.id] });
      await feed.unfollow('user', user.userId);
    }
    await user.followers();
    await user.followStats({ followerSlugs: ['timeline'] });
    const { id: reaction } = await client.reactions.add('like', id, {}, { userId: 'a', targetFeeds: ['user:a'] });
    await client.reactions.addChild('like', reaction, {}, { userId: 'a' });
    await user.get({ withOwnReactions: true, withRecentReactions: true, withReactionCounts: true, user_id: 'a' });
    for (const lookup of [{ activity_id: id }, { user_id: 'a' }, { reaction_id: reaction }]) {
      await client.reactions.filter({ ...lookup, id_lt: reaction });
      await client.reactions.filter({ ...lookup, kind: 'like', filter_user_id: 'a', id_gte: reaction });
    }
    await client.reactions.delete(reaction);
    await client.auditLogs.filter({ entity_type: 'activity', entity_id: id });
    await client.exportUserActivitiesAndReactionIDs('a');
    await user.removeActivity({ foreign_id: 'a' });
    await test.server.close();
    const asked = new Set(prepare.mock.calls.map(({ arguments: [sql] }) => sql));
    prepare.mock.restore();

    const store = new Store();
    for (const sql of asked) {
      if (!/^\s*(?:SELECT|UPDATE|DELETE)/.test(sql)) continue;
      const values = Array.from(sql.matchAll(/\?/g), () => 1);
      const plan = store.database.all(`EXPLAIN QUERY PLAN ${sql}`, ...values).map(({ detail }) => String(detail));
      const scans = plan.filter((step) => /^SCAN (?!page\b|json_each\b|\(subquery)/.test(step));
      assert.deepEqual(scans, [], sql);
    }
    assert.ok(asked.size > 40, `${asked.size} statements`);
    store.close();
  });
});
