import assert from 'node:assert/strict';
import {
  INPUT,
  type TestServer,
  asRecord,
  at,
  ids,
  post,
  read,
  refused,
  sequence,
  startTestServer,
  uniqueFeed,
} from './helpers.ts';

describe('Stream server: reading feeds', () => {
  let test: TestServer;
  before(async () => {
    test = await startTestServer();
  });
  after(() => test.server.close());

  it('pages by offset and by ids, newest first', async () => {
    const feed = uniqueFeed(test.client, 'user');
    await feed.addActivities(sequence(6).map((n) => post({ n })));
    const all = await read(feed);
    const middle = String(all[2]);
    assert.deepEqual(await read(feed, { limit: 2, offset: 1 }), all.slice(1, 3));
    assert.deepEqual(await read(feed, { id_lt: middle, limit: 2 }), all.slice(3, 5));
    assert.deepEqual(await read(feed, { id_lte: middle }), all.slice(2));
    assert.deepEqual(await read(feed, { id_gt: middle }), all.slice(0, 2));
    assert.deepEqual(await read(feed, { id_gte: middle }), all.slice(0, 3));
    assert.deepEqual(ids((await feed.getActivityDetail(middle, {})).results), [middle]);
  });

  it('links to the next page until the end', async () => {
    const feed = uniqueFeed(test.client, 'flat');
    await feed.addActivities(sequence(5).map((n) => post({ n })));
    const all = await read(feed);
    const page = await feed.get({ limit: 2, offset: 1, refresh: true });
    assert.equal(page.next, `/api/v1.0/feed/flat/${feed.userId}/?id_lt=${all[2]}&limit=2&refresh=true`);
    const last = await feed.get({ limit: 2, id_lt: String(all[2]) });
    assert.deepEqual([last.next, ids(last.results)], ['', all.slice(3)]);
    assert.equal((await feed.get({ limit: 5 })).next, '');
  });

  it('goes on from where an activity stood that has been removed', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const times = ['2026-01-01T00:00:00', '2026-01-02T00:00:00', '2026-01-03T00:00:00'];
    await feed.addActivities(times.map((time) => post({ foreign_id: `a:${time}`, time })));
    const all = await read(feed);
    await feed.removeActivity(String(all[1]));
    assert.deepEqual(await read(feed, { id_lt: String(all[1]) }), all.slice(2));
  });

  it('refuses pages that make no sense', async () => {
    const feed = uniqueFeed(test.client, 'user');
    await feed.addActivity(post());
    await refused(feed.get({ limit: 101 }), INPUT);
    await refused(feed.get({ limit: -1 }), INPUT);
    await refused(feed.get({ offset: 1.5 }), INPUT);
    await refused(feed.get({ id_lt: 'not an id' }), INPUT);
    const ranking = { status: 400, code: 12, exception: 'MissingRankingException' };
    await refused(feed.get({ ranking: 'popular' }), ranking);
  });

  it('groups an aggregated feed by verb and day of the activity', async () => {
    const feed = uniqueFeed(test.client, 'aggregated');
    const day = (n: number, verb: string, actor: string, hour: string) => ({
      ...post({ foreign_id: `a:${n}`, time: `2026-05-0${n}T${hour}:00:00` }),
      verb,
      actor,
    });
    await feed.addActivities([day(1, 'like', 'a', '10'), { ...day(1, 'like', 'b', '11') }, day(2, 'like', 'a', '09')]);
    const answer = await feed.get();
    assert.deepEqual(Object.keys(answer).toSorted(), ['duration', 'next', 'results']);
    const [newest, oldest] = answer.results.map(asRecord);
    assert.deepEqual([newest?.group, oldest?.group], ['like_2026-05-02', 'like_2026-05-01']);
    assert.deepEqual([oldest?.activity_count, oldest?.actor_count, oldest?.verb], [2, 2, 'like']);
    const [first] = ids(oldest?.activities);
    assert.equal(oldest?.id, first, 'a group is named after its newest activity');
    assert.equal(at(oldest?.activities, 0, 'actor'), 'b');
    const page = await feed.get({ limit: 1 });
    assert.match(page.next, new RegExp(`id_lt=${String(newest?.id)}`));
    assert.deepEqual(ids((await feed.get({ id_lt: String(newest?.id) })).results), [oldest?.id]);
  });

  it('follows into groups and takes them away again', async () => {
    const [user, feed] = ['user', 'aggregated'].map((slug) => uniqueFeed(test.client, slug));
    assert.ok(user && feed);
    await user.addActivity(post());
    await feed.follow('user', user.userId);
    const { id } = await user.addActivity(post({ n: 2 }));
    const [group] = (await feed.get()).results.map(asRecord);
    assert.equal(group?.activity_count, 2);
    assert.equal(at(group?.activities, 0, 'origin'), user.id);
    await user.removeActivity(id);
    assert.equal(at((await feed.get()).results[0], 'activity_count'), 1);
    await feed.unfollow('user', user.userId);
    assert.deepEqual((await feed.get()).results, []);
  });

  it('marks notifications seen and read from the next read on, and resets them by something new', async () => {
    const feed = uniqueFeed(test.client, 'notification');
    await feed.addActivities(['like', 'comment', 'follow'].map((verb) => ({ ...post(), verb })));
    const states = async (options = {}): Promise<unknown> => {
      const answer = await feed.get(options);
      const marks = answer.results.map((group) => [at(group, 'is_seen'), at(group, 'is_read')]);
      return [answer.unseen, answer.unread, marks];
    };
    const none = [false, false];
    const [newest] = ids((await feed.get()).results);
    assert.match(String(newest), /^[0-9a-f-]{36}\.follow_\d{4}-\d\d-\d\d$/);
    assert.deepEqual(await states({ mark_seen: true, mark_read: [String(newest)] }), [3, 3, [none, none, none]]);
    assert.deepEqual(await states(), [
      0,
      2,
      [
        [true, true],
        [true, false],
        [true, false],
      ],
    ]);
    assert.deepEqual(await states({ limit: 2, mark_read: 'current' }), [
      0,
      2,
      [
        [true, true],
        [true, false],
      ],
    ]);
    assert.deepEqual(await states(), [
      0,
      1,
      [
        [true, true],
        [true, true],
        [true, false],
      ],
    ]);
    await feed.addActivity({ ...post({ n: 2 }), verb: 'like' });
    assert.deepEqual(await states({ limit: 1 }), [1, 1, [none]]);
  });

  it('pages notifications by the ids of groups', async () => {
    const feed = uniqueFeed(test.client, 'notification');
    await feed.addActivities(['like', 'comment', 'follow'].map((verb) => ({ ...post(), verb })));
    const all = ids((await feed.get()).results);
    const page = await feed.get({ limit: 1 });
    assert.equal(page.next, `/api/v1.0/feed/notification/${feed.userId}/?id_lt=${all[0]}&limit=1`);
    assert.deepEqual(ids((await feed.get({ id_lt: String(all[0]), limit: 1 })).results), [all[1]]);
    assert.deepEqual(ids((await feed.get({ id_gte: String(all[1]) })).results), all.slice(0, 2));
  });

  it('marks by the id of an activity as well', async () => {
    const feed = uniqueFeed(test.client, 'notification');
    const { id } = await feed.addActivity(post());
    await feed.get({ mark_read: [id] });
    assert.equal(at((await feed.get()).results[0], 'is_read'), true);
  });
});
