import assert from 'node:assert/strict';
import {
  INPUT,
  MISSING,
  type TestServer,
  asRecord,
  at,
  post,
  read,
  refused,
  sequence,
  startTestServer,
  unique,
  uniqueFeed,
} from './helpers.ts';

describe('Stream server: follows and fan-out', () => {
  let test: TestServer;
  before(async () => {
    test = await startTestServer();
  });
  after(() => test.server.close());

  const feeds = (slugs: 'user timeline' | 'user user timeline' | 'user flat timeline') =>
    slugs.split(' ').map((slug) => uniqueFeed(test.client, slug));

  it('copies the newest activities up to the limit, and nothing with limit 0', async () => {
    const [user, timeline] = feeds('user timeline');
    assert.ok(user && timeline);
    await user.addActivities(sequence(5).map((n) => post({ n })));
    await timeline.follow('user', user.userId, { limit: 3 });
    assert.deepEqual(await read(timeline), (await read(user)).slice(0, 3));
    const other = uniqueFeed(test.client, 'timeline');
    await other.follow('user', user.userId, { limit: 0 });
    assert.deepEqual(await read(other), []);
  });

  it('delivers what is added later, naming the followed feed as origin, one hop only', async () => {
    const [user, timeline, second] = ['user', 'timeline', 'timeline'].map((slug) => uniqueFeed(test.client, slug));
    assert.ok(user && timeline && second);
    await timeline.follow('user', user.userId);
    await second.follow('timeline', timeline.userId);
    const { id } = await user.addActivity(post());
    const [activity] = (await timeline.get()).results;
    assert.deepEqual([at(activity, 'id'), at(activity, 'origin')], [id, user.id]);
    assert.deepEqual(await read(second), []);
  });

  it('delivers to `to` feeds and to their followers, and takes back from all of them', async () => {
    const [user, team, follower] = feeds('user flat timeline');
    assert.ok(user && team && follower);
    await follower.follow('flat', team.userId);
    const { id } = await user.addActivity(post({ to: [team.id] }));
    assert.equal(at((await team.get()).results[0], 'origin'), null);
    assert.equal(at((await follower.get()).results[0], 'origin'), team.id);
    await user.removeActivity(id);
    assert.deepEqual([await read(user), await read(team), await read(follower)], [[], [], []]);
    assert.deepEqual((await test.client.getActivities({ ids: [id] })).results, []);
  });

  it('takes back from the targets also when the feed was among its own targets', async () => {
    const [user, team] = ['user', 'flat'].map((slug) => uniqueFeed(test.client, slug));
    assert.ok(user && team);
    const { id } = await user.addActivity(post({ to: [user.id, team.id] }));
    await user.removeActivity(id);
    assert.deepEqual([await read(user), await read(team)], [[], []]);
  });

  it('takes back from one target only when asked there', async () => {
    const [user, team] = ['user', 'flat'].map((slug) => uniqueFeed(test.client, slug));
    assert.ok(user && team);
    const { id } = await user.addActivity(post({ to: [team.id] }));
    await team.removeActivity(id);
    assert.deepEqual([await read(user), await read(team)], [[id], []]);
  });

  it('shows once what arrives twice, and keeps it while one way to it remains', async () => {
    const [one, two, timeline] = feeds('user user timeline');
    assert.ok(one && two && timeline);
    const activity = post({ foreign_id: unique('post'), time: new Date().toISOString() });
    await one.addActivity(activity);
    await two.addActivity(activity);
    await timeline.follow('user', one.userId);
    await timeline.follow('user', two.userId);
    assert.equal((await read(timeline)).length, 1);
    await timeline.unfollow('user', one.userId);
    assert.equal((await read(timeline)).length, 1);
    await timeline.unfollow('user', two.userId);
    assert.equal((await read(timeline)).length, 0);
  });

  it('unfollows with or without history; an unfollow of nothing is no error', async () => {
    const [user, timeline] = feeds('user timeline');
    assert.ok(user && timeline);
    await user.addActivity(post());
    await timeline.unfollow('user', user.userId);
    await timeline.follow('user', user.userId);
    await timeline.unfollow('user', user.userId, { keepHistory: true });
    assert.equal((await read(timeline)).length, 1);
    await user.addActivity(post());
    assert.equal((await read(timeline)).length, 1, 'nothing new arrives');
    await timeline.follow('user', user.userId);
    await timeline.unfollow('user', user.userId);
    assert.deepEqual(await read(timeline), []);
  });

  it('changes nothing when a follow is repeated, not even created_at or the history', async () => {
    const [user, timeline] = feeds('user timeline');
    assert.ok(user && timeline);
    await user.addActivity(post());
    await timeline.follow('user', user.userId, { limit: 0 });
    const { results } = await timeline.following();
    await timeline.follow('user', user.userId, { limit: 100 });
    assert.deepEqual((await timeline.following()).results, results);
    assert.deepEqual(await read(timeline), []);
  });

  it('lists followers and followed newest first, paged and filtered', async () => {
    const user = uniqueFeed(test.client, 'user');
    const followers = sequence(3).map(() => uniqueFeed(test.client, 'timeline'));
    for (const follower of followers) await follower.follow('user', user.userId);
    const names = followers.map(({ id }) => id).toReversed();
    const listed = async (options: { limit?: number; offset?: number; filter?: string[] }): Promise<unknown[]> =>
      (await user.followers(options)).results.map((relation) => relation.feed_id);
    assert.deepEqual(await listed({}), names);
    assert.deepEqual(await listed({ limit: 1, offset: 1 }), names.slice(1, 2));
    assert.deepEqual(await listed({ filter: [String(names[2]), 'timeline:nobody'] }), names.slice(2));
    const [relation] = (await followers[0]?.following())?.results ?? [];
    assert.deepEqual(Object.keys(relation ?? {}).toSorted(), ['created_at', 'feed_id', 'target_id', 'updated_at']);
    assert.equal(relation?.target_id, user.id);
    await refused(user.followers({ limit: 501 }), INPUT);
    await refused(user.followers({ limit: 10, offset: 991 }), INPUT);
  });

  it('refuses to follow itself, a grouped feed, and copy limits over 1000', async () => {
    const [user, timeline] = feeds('user timeline');
    assert.ok(user && timeline);
    await refused(user.follow('user', user.userId), INPUT);
    await refused(timeline.follow('notification', 'a'), INPUT);
    await refused(timeline.follow('aggregated', 'a'), INPUT);
    const body = await refused(timeline.follow('user', user.userId, { limit: 1001 }), INPUT);
    assert.equal(body.detail, 'activity_copy_limit must be a non-negative number not greater than 1000');
    assert.deepEqual((await timeline.following()).results, []);
  });

  it('follows and unfollows many at once, or none when one relation is bad', async () => {
    const [one, two, timeline] = feeds('user user timeline');
    assert.ok(one && two && timeline);
    await one.addActivities(sequence(3).map((n) => post({ n })));
    const relations = [one, two].map(({ id }) => ({ source: timeline.id, target: id }));
    await refused(test.client.followMany([...relations, { source: timeline.id, target: 'nowhere:1' }]), {
      ...INPUT,
      code: 6,
      exception: 'FeedConfigException',
    });
    assert.deepEqual((await timeline.following()).results, []);
    await test.client.followMany(relations, 2);
    assert.equal((await timeline.following()).results.length, 2);
    assert.equal((await read(timeline)).length, 2);
    await test.client.unfollowMany(relations);
    assert.deepEqual((await timeline.following()).results, []);
    assert.deepEqual(await read(timeline), []);
  });

  it('counts followers and followed, by the group of the other side when asked', async () => {
    const [one, two, timeline] = feeds('user user timeline');
    assert.ok(one && two && timeline);
    await timeline.follow('user', one.userId);
    await two.follow('user', one.userId);
    const counts = async (options = {}): Promise<unknown> => at(await one.followStats(options), 'results', 'followers');
    assert.deepEqual(await counts(), { feed: one.id, count: 2 });
    assert.deepEqual(await counts({ followerSlugs: ['timeline'] }), { feed: one.id, count: 1 });
    assert.deepEqual(await counts({ followerSlugs: ['news'] }), { feed: one.id, count: 0 });
  });

  it('changes targets: adds to the new ones, takes from the old ones and their followers', async () => {
    const user = uniqueFeed(test.client, 'user');
    const [old, kept, fresh, follower] = sequence(4).map(() => uniqueFeed(test.client, 'flat'));
    assert.ok(old && kept && fresh && follower);
    await follower.follow('flat', old.userId);
    const key = { foreign_id: unique('post'), time: new Date().toISOString() };
    await user.addActivity(post({ ...key, to: [old.id, kept.id] }));
    const changed = await user.updateActivityToTargets(key.foreign_id, key.time, [kept.id, fresh.id]);
    assert.deepEqual([changed.added, changed.removed], [[fresh.id], [old.id]]);
    assert.deepEqual(at(asRecord(changed), 'activity', 'to'), [kept.id, fresh.id]);
    const sizes = await Promise.all([old, follower, kept, fresh].map(async (feed) => (await read(feed)).length));
    assert.deepEqual(sizes, [0, 0, 1, 1]);
    const body = await refused(user.updateActivityToTargets('none', key.time, [fresh.id]), MISSING);
    assert.match(String(body.detail), /^activity is not found for the couple foreign_id=none, time=/);
  });
});
