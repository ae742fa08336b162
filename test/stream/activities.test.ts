import assert from 'node:assert/strict';
import { activityId } from '../../contracts/events/stream-activity-id.ts';
import {
  INPUT,
  MISSING,
  type TestServer,
  asRecord,
  at,
  ids,
  post,
  read,
  refused,
  sequence,
  startTestServer,
  unique,
  uniqueFeed,
} from './helpers.ts';

describe('Stream server: activities', () => {
  let test: TestServer;
  before(async () => {
    test = await startTestServer();
  });
  after(() => test.server.close());

  it('reads an activity as it was added, with exactly the built-in and the custom fields', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const added = await feed.addActivity({ ...post(), object: 3, custom: { deep: [1, null] } });
    const { results } = await feed.get();
    const { duration, ...activity } = asRecord(added);
    assert.match(String(duration), /^[\d.]+ms$/);
    assert.deepEqual(results, [activity]);
    assert.deepEqual(Object.keys(activity).toSorted(), [
      'actor',
      'custom',
      'foreign_id',
      'id',
      'object',
      'origin',
      'target',
      'time',
      'verb',
    ]);
    assert.equal(activity.object, '3');
    assert.match(String(activity.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
  });

  it('derives the id from foreign id and time, so that a second add overwrites the first', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const time = '2026-03-01T10:20:30.123456';
    const first = await feed.addActivity(post({ foreign_id: 'post:1', time, text: 'first' }));
    const second = await feed.addActivity(post({ foreign_id: 'post:1', time, text: 'second' }));
    assert.equal(first.id, activityId('post:1', Date.parse('2026-03-01T10:20:30.123Z') * 1000));
    assert.equal(second.id, first.id);
    const { results } = await feed.get();
    assert.deepEqual(
      results.map((activity) => at(activity, 'text')),
      ['second'],
    );
  });

  it('takes the same content at the same time for the same activity', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const time = new Date().toISOString();
    await feed.addActivity(post({ time, a: 1, b: 2 }));
    await feed.addActivity(post({ time, b: 2, a: 1 }));
    assert.equal((await read(feed)).length, 1);
    await feed.addActivity(post({ time, a: 1, b: 3 }));
    assert.equal((await read(feed)).length, 2);
  });

  it('adds a batch in order, the last one newest, and answers in the order of the request', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const added = await feed.addActivities(sequence(5).map((n) => post({ n })));
    assert.deepEqual(await read(feed), ids(asRecord(added).activities).toReversed());
  });

  it('adds nothing of a batch with one bad activity', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const body = await refused(feed.addActivities([post(), { ...post(), verb: '' }]), INPUT);
    assert.deepEqual(at(body, 'exception_fields'), { verb: ['this field is required'] });
    assert.deepEqual(await read(feed), []);
  });

  const bad: readonly (readonly [string, Record<string, unknown>])[] = [
    ['without an actor', { actor: undefined }],
    ['with an empty object', { object: '' }],
    ['with an object that is no reference', { object: { a: 1 } }],
    ['with a time that is none', { time: 'yesterday' }],
    ['on the 30th of February', { time: '2026-02-30T00:00:00' }],
    ['with `to` that is no list', { to: 'user:1' }],
    ['with a malformed target', { to: ['user1'] }],
    ['with a verb over 255 bytes', { verb: 'v'.repeat(256) }],
    ['over 10 KB', { text: 'x'.repeat(10 * 1024) }],
    ['with more than 100 targets', { to: sequence(101).map((n) => `user:${n}`) }],
  ];
  for (const [what, fields] of bad) {
    it(`refuses an activity ${what}`, async () => {
      await refused(uniqueFeed(test.client, 'user').addActivity({ ...post(), ...fields }), INPUT);
    });
  }

  it('refuses reserved field names and feed groups that are not configured', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const reserved = { status: 400, code: 5, exception: 'CustomFieldException' };
    await refused(feed.addActivity(post({ is_seen: true })), reserved);
    const unknown = { status: 400, code: 6, exception: 'FeedConfigException' };
    const body = await refused(test.client.feed('nowhere', '1').addActivity(post()), unknown);
    assert.equal(body.detail, 'The following feeds are not configured: nowhere');
  });

  it('removes by id and by foreign id, and takes what is not there for removed', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const { id } = await feed.addActivity(post());
    assert.equal((await feed.removeActivity(id)).removed, id);
    assert.equal((await feed.removeActivity(id)).removed, id);
    const foreignId = 'weird:id/with spaces';
    await feed.addActivity(post({ foreign_id: foreignId }));
    await feed.addActivity(post({ foreign_id: foreignId }));
    assert.equal((await feed.removeActivity({ foreign_id: foreignId })).removed, foreignId);
    assert.deepEqual(await read(feed), []);
  });

  it('adds one activity to many feeds under one id, but not to their followers', async () => {
    const [one, two, follower] = ['user', 'flat', 'timeline'].map((slug) => uniqueFeed(test.client, slug));
    assert.ok(one && two && follower);
    await follower.follow(one.slug, one.userId);
    await test.client.addToMany(post(), [one.id, two.id]);
    assert.deepEqual(await read(one), await read(two));
    assert.deepEqual(await read(follower), []);
    await refused(test.client.addToMany(post({ to: ['user:1'] }), [one.id]), INPUT);
  });

  it('updates by foreign id and time, keeps `to`, and is seen wherever the activity stands', async () => {
    const [feed, target] = ['user', 'flat'].map((slug) => uniqueFeed(test.client, slug));
    assert.ok(feed && target);
    const base = { foreign_id: unique('post'), time: new Date().toISOString() };
    await feed.addActivity(post({ ...base, to: [target.id], text: 'old' }));
    await test.client.updateActivity({ ...post(), ...base, text: 'new', to: ['user:ignored'] });
    const [activity] = (await target.get()).results;
    assert.equal(at(activity, 'text'), 'new');
    assert.deepEqual(at(activity, 'to'), [target.id]);
  });

  it('sets and unsets single fields, and refuses built-in ones and missing activities', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const { id } = await feed.addActivity(post({ a: { b: 1, c: 2 }, gone: true }));
    const set = { 'a.b': 9, 'x.y': 1, ['__proto__.polluted']: 'no' };
    const updated = await test.client.activityPartialUpdate({ id, set, unset: ['gone', 'a.c'] });
    assert.deepEqual(at(updated, 'a'), { b: 9 });
    assert.deepEqual(at(updated, 'x'), { y: 1 });
    assert.equal(at(updated, 'gone'), undefined);
    assert.equal(at({}, 'polluted'), undefined);
    await refused(test.client.activityPartialUpdate({ id, set: { verb: 'x' } }), INPUT);
    await refused(test.client.activityPartialUpdate({ id, set: { text: 'x'.repeat(11_000) } }), INPUT);
    await refused(test.client.activityPartialUpdate({ id: unique('none'), set: { a: 1 } }), MISSING);
  });

  it('gets by ids and by foreign ids and times as a feed read shows them, leaving out what is missing', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const base = { foreign_id: unique('post'), time: '2026-01-02T03:04:05.678' };
    const { id } = await feed.addActivity(post(base));
    const { results } = await feed.get();
    assert.deepEqual((await test.client.getActivities({ ids: [unique('none'), id] })).results, results);
    assert.deepEqual((await test.client.getActivities({ foreignIDTimes: [base] })).results, results);
    // The client spells a Date in a way that is no ISO 8601.
    await refused(test.client.getActivities({ foreignIDTimes: [{ foreign_id: 'x', time: new Date() }] }), INPUT);
  });
});
