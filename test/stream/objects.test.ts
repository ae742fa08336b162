import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  CONFLICT,
  INPUT,
  MISSING,
  type TestServer,
  asRecord,
  at,
  ids,
  post,
  refused,
  startTestServer,
  unique,
  uniqueFeed,
  untyped,
} from './helpers.ts';

describe('Stream server: users, collections and operations', () => {
  let test: TestServer;
  before(async () => {
    test = await startTestServer();
  });
  after(() => test.server.close());

  it('creates, gets, updates and deletes users', async () => {
    const user = test.client.user(unique('user'));
    await refused(user.get(), MISSING);
    await user.create({ name: 'Ann' });
    await refused(user.create({ name: 'Bea' }), CONFLICT);
    const { full } = await user.getOrCreate({ name: 'Bea' });
    assert.deepEqual(Object.keys(full ?? {}).toSorted(), ['created_at', 'data', 'id', 'updated_at']);
    assert.deepEqual(user.data, { name: 'Ann' });
    await user.update({ name: 'Cec' });
    assert.notEqual(user.full?.updated_at, user.full?.created_at);
    await refused(user.update(untyped('text')), INPUT);
    await user.delete();
    await refused(user.get(), MISSING);
  });

  it('counts only timelines that follow users in a profile', async () => {
    const user = test.client.user(unique('user'));
    await user.create({});
    await test.client.feed('timeline', user.id).follow('user', 'x');
    await test.client.feed('timeline', user.id).follow('flat', 'x');
    await test.client.feed('user', 'y').follow('user', user.id);
    const { full } = await user.profile();
    assert.deepEqual([full?.following_count, full?.followers_count], [1, 0]);
  });

  it('adds, gets and deletes many users', async () => {
    const [one, two] = [unique('user'), unique('user')];
    assert.ok(one && two);
    const users = [one, two].map((id) => ({ id, data: { first: true } }));
    const answer = await test.client.addUsers(untyped(users), false);
    assert.deepEqual(ids(answer.created_users), [one, two]);
    await test.client.addUsers(untyped([one, two].map((id) => ({ id, data: {} }))), false);
    assert.deepEqual(at((await test.client.getUsers([one])).users[0], 'data'), { first: true });
    await test.client.addUsers(untyped([{ id: one, data: { second: true } }]), true);
    assert.deepEqual(at((await test.client.getUsers([one, 'missing'])).users, 0, 'data'), { second: true });
    assert.deepEqual(at(await test.client.deleteUsers([one, two]), 'deleted_user_ids'), [one, two]);
    assert.deepEqual((await test.client.getUsers([one, two])).users, []);
  });

  it('creates, gets, updates and deletes collection entries', async () => {
    const { collections } = test.user();
    const id = unique('burger');
    const entry = await collections.add('food', id, { name: 'burger' });
    const { duration: _, created_at, updated_at, ...rest } = asRecord(entry.full);
    assert.deepEqual(rest, { id, collection: 'food', foreign_id: `food:${id}`, data: { name: 'burger' } });
    assert.equal(created_at, updated_at);
    await refused(collections.add('food', id, { name: 'again' }), CONFLICT);
    assert.deepEqual((await collections.update('food', id, { name: 'new' })).data, { name: 'new' });
    await collections.delete('food', id);
    await refused(collections.get('food', id), MISSING);
    assert.match((await collections.add('food', null, { name: 'x' })).id, /^[0-9a-f-]{36}$/);
    await refused(collections.add('food', '!no!', { name: 'x' }), INPUT);
    await refused(collections.add('food', null, {}), INPUT);
    await refused(collections.add('food', null, untyped('text')), INPUT);
  });

  it('upserts, selects and deletes many entries', async () => {
    const { collections } = test.client;
    const [one, two] = [randomUUID(), randomUUID()];
    const objects = [one, two].map((id) => ({ id, name: `object ${id}` }));
    assert.deepEqual((await collections.upsert('things', objects)).data, { things: objects });
    const selected = await collections.select('things', [one, two, 'missing']);
    assert.deepEqual(
      selected.response.data.map(({ data }) => data),
      objects,
    );
    await collections.upsert('things', { id: one, name: 'changed' });
    assert.equal(at((await collections.get('things', one)).data, 'name'), 'changed');
    await collections.deleteMany('things', [one, two]);
    assert.deepEqual((await collections.select('things', [one, two])).response.data, []);
  });

  it('resolves references of every kind, and names those to nothing', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const user = test.client.user(unique('user'));
    await user.create({ name: 'Ann' });
    const burger = await test.client.collections.add('food', null, { name: 'burger' });
    await feed.addActivity({
      ...post({ extra: 'SO:food:none', nobody: 'SU:nobody' }),
      actor: user.ref(),
      object: burger.ref(),
    });
    const [activity] = (await feed.get({ enrich: true })).results;
    assert.deepEqual(at(activity, 'actor'), user.full);
    const { duration: _, ...entry } = asRecord(burger.full);
    assert.deepEqual(at(activity, 'object'), entry);
    assert.deepEqual(at(activity, 'extra'), {
      collection: 'food',
      id: 'none',
      error: 'ReferenceNotFound',
      reference: 'SO:food:none',
      reference_type: 'object',
    });
    assert.equal(at(activity, 'nobody', 'reference_type'), 'user');
    const [raw] = (await feed.get()).results;
    assert.equal(at(raw, 'actor'), user.ref());
  });

  it('logs writes, newest first and paged', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const actor = unique('actor');
    const { id } = await feed.addActivity({ ...post(), actor });
    await feed.removeActivity(id);
    const page = await test.client.auditLogs.filter({ entity_type: 'activity', entity_id: id, limit: 1 });
    assert.deepEqual(
      page.audit_logs.map(({ action, user_id }) => [action, user_id]),
      [['delete', actor]],
    );
    const next = await test.client.auditLogs.filter({
      user_id: actor,
      limit: 1,
      ...(page.next ? { next: page.next } : {}),
    });
    assert.deepEqual([next.audit_logs[0]?.action, next.next], ['create', '']);
  });

  it('exports and deletes what a user did', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const userId = unique('user');
    const activity = await feed.addActivity({ ...post(), actor: userId });
    const other = await feed.addActivity(post());
    const reaction = await test.client.reactions.add('like', activity.id, {}, { userId });
    const { export: exported } = await test.client.exportUserActivitiesAndReactionIDs(userId);
    assert.deepEqual(exported, {
      user_id: userId,
      activity_count: 1,
      activity_ids: [activity.id],
      reaction_count: 1,
      reaction_ids: [reaction.id],
    });
    await test.client.deleteReactions([reaction.id]);
    await refused(test.client.reactions.get(reaction.id), MISSING);
    await test.client.deleteActivities([{ id: activity.id, remove_from_feeds: [] }]);
    assert.deepEqual(ids((await feed.get()).results), [other.id]);
  });

  it('says clearly what it does not offer', async () => {
    await refused(test.client.flagUser('someone', { reason: 'spam' }), MISSING);
    await refused(test.client.images.upload(Buffer.from('x'), 'x.png'), MISSING);
    await refused(test.client.files.upload(Buffer.from('x'), 'x.txt'), MISSING);
    await refused(test.client.personalizedFeed(), MISSING);
    const body = await refused(test.client.og('https://example.com'), INPUT);
    assert.equal(body.detail, "couldn't find og data for the provided url");
  });
});
