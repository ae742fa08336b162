import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { StreamClient } from 'getstream';
import {
  CONFLICT,
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
  untyped,
} from './helpers.ts';

const ACTIVITY = '54a60c1e-4ee3-494b-a1e3-50c06acb5ed4';

describe('Stream server: reactions', () => {
  let test: TestServer;
  let bob: StreamClient;
  before(async () => {
    test = await startTestServer();
    bob = test.user();
    await bob.setUser({ id: String(bob.userId), name: 'Bob' });
  });
  after(() => test.server.close());

  it('answers with exactly the documented fields, the user included', async () => {
    const reaction = asRecord(await bob.reactions.add('like', ACTIVITY));
    const { created_at, updated_at, id, duration: _, user, ...rest } = reaction;
    assert.deepEqual(rest, {
      user_id: bob.userId,
      kind: 'like',
      activity_id: ACTIVITY,
      data: {},
      parent: '',
      latest_children: {},
      children_counts: {},
    });
    assert.equal(at(user, 'data', 'name'), 'Bob');
    assert.equal(String(id).length, 36);
    assert.deepEqual([created_at, /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z$/.test(String(created_at))], [updated_at, true]);
    const again = asRecord(await bob.reactions.get(String(id)));
    assert.deepEqual({ ...again, duration: 0 }, { ...reaction, duration: 0 });
  });

  it('shows a user who was never created as a reference to nothing', async () => {
    const { user } = await test.client.reactions.add('like', ACTIVITY, {}, { userId: 'ghost' }).then(asRecord);
    assert.deepEqual(user, { id: 'ghost', error: 'ReferenceNotFound', reference: 'SU:ghost', reference_type: 'user' });
  });

  it('takes an id once, but the same user, kind and activity again and again', async () => {
    const id = randomUUID();
    await bob.reactions.add('like', ACTIVITY, {}, { id });
    await refused(bob.reactions.add('like', ACTIVITY, {}, { id }), CONFLICT);
    await bob.reactions.add('like', ACTIVITY);
    await bob.reactions.delete(id);
    assert.equal((await bob.reactions.add('like', ACTIVITY, {}, { id })).id, id);
  });

  it('refuses data that is no object, nothing or two things to react to, and no user', async () => {
    await refused(bob.reactions.add('like', ACTIVITY, untyped('text')), INPUT);
    const none = await refused(bob.reactions.add('like', ''), INPUT);
    assert.equal(none.detail, "Errors for fields 'activity_id', 'parent'");
    assert.deepEqual(at(none, 'exception_fields', 'parent'), ['one of activity_id or parent must not be empty']);
    await refused(bob.reactions.addChild('like', unique('none')), INPUT);
    await refused(bob.reactions.add('like', ACTIVITY, {}, { id: 'a/b' }), INPUT);
    const missing = { status: 400, code: 10, exception: 'MissingUserException' };
    await refused(test.client.reactions.add('like', ACTIVITY), missing);
    const targets = sequence(21).map((n) => `notification:${n}`);
    await refused(bob.reactions.add('like', ACTIVITY, {}, { targetFeeds: targets }), INPUT);
  });

  it('nests three levels deep and counts and lists children', async () => {
    const comment = await bob.reactions.add('comment', ACTIVITY);
    const child = await bob.reactions.addChild('like', comment);
    const grandchild = await bob.reactions.addChild('like', child);
    await refused(bob.reactions.addChild('like', grandchild), INPUT);
    const seen = await bob.reactions.get(comment.id);
    assert.deepEqual(seen.children_counts, { like: 1 });
    const [shown] = seen.latest_children.like ?? [];
    assert.equal(at(shown, 'parent'), comment.id);
    assert.deepEqual(at(shown, 'children_counts'), { like: 1 });
    assert.deepEqual(ids((await bob.reactions.filter({ reaction_id: comment.id })).results), [child.id]);
    await bob.reactions.delete(comment.id);
    await refused(bob.reactions.get(grandchild.id), MISSING);
  });

  it('posts to target feeds, and follows the reaction through its changes there', async () => {
    const [one, two] = ['notification', 'user'].map((slug) => test.client.feed(slug, unique(slug)));
    assert.ok(one && two);
    const options = { targetFeeds: [one, two], targetFeedsExtraData: { mood: 'happy' }, userId: 'carl' };
    const reaction = await test.client.reactions.add('comment', ACTIVITY, { text: 'a' }, options);
    assert.deepEqual(reaction.target_feeds_extra_data, { mood: 'happy' });
    const [activity] = (await two.get()).results.map(asRecord);
    assert.deepEqual(
      { ...activity, id: '' },
      {
        actor: 'SU:carl',
        verb: 'comment',
        object: `SA:${ACTIVITY}`,
        foreign_id: `reaction:${reaction.id}`,
        time: reaction.created_at.slice(0, -1),
        target: '',
        origin: null,
        reaction: `SR:${reaction.id}`,
        mood: 'happy',
        id: '',
      },
    );
    assert.equal((await one.get()).results.length, 1);
    const updated = await test.client.reactions.update(reaction.id, { text: 'b' }, { targetFeeds: [one] });
    assert.equal(updated.created_at, reaction.created_at);
    assert.notEqual(updated.updated_at, reaction.updated_at);
    assert.deepEqual([(await one.get()).results.length, await read(two)], [1, []]);
    await test.client.reactions.update(reaction.id, { text: 'c' });
    assert.deepEqual((await one.get()).results, []);
  });

  it('hides what is soft-deleted until it is restored', async () => {
    const activity = randomUUID();
    const feed = uniqueFeed(test.client, 'user');
    const { id } = await test.client.reactions.add('like', activity, {}, { userId: 'carl', targetFeeds: [feed] });
    await refused(test.client.reactions.restore(id), MISSING);
    await test.client.reactions.delete(id, true);
    assert.equal(typeof at(await test.client.reactions.get(id), 'deleted_at'), 'string');
    assert.deepEqual((await test.client.reactions.filter({ activity_id: activity })).results, []);
    assert.deepEqual(await read(feed), []);
    await test.client.reactions.restore(id);
    assert.equal(at(await test.client.reactions.get(id), 'deleted_at'), undefined);
    assert.deepEqual(ids((await test.client.reactions.filter({ activity_id: activity })).results), [id]);
    assert.equal((await read(feed)).length, 1);
  });

  it('filters by activity, user and kind, and pages both ways', async () => {
    const activity = randomUUID();
    const added: string[] = [];
    for (const n of sequence(7)) {
      const kind = n % 2 === 0 ? 'like' : 'clap';
      added.unshift((await test.client.reactions.add(kind, activity, { n }, { userId: `${activity}-${n % 3}` })).id);
    }
    const filter = async (conditions: object): Promise<string[]> =>
      ids((await test.client.reactions.filter({ activity_id: activity, ...conditions })).results);
    assert.deepEqual(await filter({ limit: 300 }), added);
    assert.deepEqual(await filter({ kind: 'clap' }), [added[1], added[3], added[5]]);
    assert.deepEqual(await filter({ filter_user_id: `${activity}-0` }), [added[0], added[3], added[6]]);
    assert.deepEqual(await filter({ id_lt: added[2], limit: 2 }), [added[3], added[4]]);
    assert.deepEqual(await filter({ id_gt: added[4], limit: 2 }), [added[3], added[2]]);
    assert.deepEqual(await filter({ id_gte: added[1] }), [added[1], added[0]]);
    const own = await test.client.reactions.filter({ user_id: `${activity}-1`, limit: 1 });
    assert.equal(own.next, `/api/v1.0/reaction/user_id/${activity}-1/?id_lt=${ids(own.results)[0]}&limit=1`);
    await refused(test.client.reactions.filter({ activity_id: activity, id_lt: 'nothing' }), INPUT);
  });

  it('shows own, latest and counted reactions of activities', async () => {
    const feed = test.client.feed('user', unique('alice'));
    const { id } = await feed.addActivity(post());
    for (const n of sequence(7)) await bob.reactions.add('like', id, { n });
    await test.client.reactions.add('clap', id, {}, { userId: 'carl' });
    const reactions = { own: true, recent: true, counts: true };
    const [activity] = (await bob.feed('user', feed.userId).get({ reactions } as object)).results;
    assert.deepEqual(at(activity, 'reaction_counts'), { like: 7, clap: 1 });
    assert.equal(ids(at(activity, 'own_reactions', 'like')).length, 5);
    assert.equal(at(activity, 'own_reactions', 'clap'), undefined);
    const last = ids(at(activity, 'latest_reactions', 'like'))[4];
    assert.deepEqual(at(activity, 'latest_reactions_extra'), {
      like: {
        next: `${test.server.url}/api/v1.0/reaction/activity_id/${id}/like/?id_lt=${last}&limit=5&withOwnChildren=false`,
      },
      clap: { next: '' },
    });
    const [filtered] = (
      await bob.feed('user', feed.userId).get({ withReactionCounts: true, reactionKindsFilter: ['clap'] })
    ).results;
    assert.deepEqual(at(filtered, 'reaction_counts'), { clap: 1 });
    assert.equal(at(filtered, 'own_reactions'), undefined);
  });

  it('stops at references that go round in circles', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const key = { foreign_id: unique('a'), time: new Date().toISOString() };
    const { id } = await feed.addActivity(post(key));
    await test.client.updateActivity({ ...post(), ...key, object: `SA:${id}` });
    const [activity] = (await feed.get({ enrich: true })).results;
    assert.equal(at(activity, 'object', 'object', 'object', 'object'), `SA:${id}`);
  });
});
