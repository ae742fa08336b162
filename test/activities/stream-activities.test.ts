import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { StreamClient } from 'getstream';
import { connectToGetStream } from '../../activities/getstream-client.ts';
import { createStreamActivities, type EventDirectory } from '../../activities/stream-activities.ts';
import type { AddActivityInput, StreamActivities } from '../../activities/types.ts';
import { startStreamServer, type StreamServer } from '../../local/stream/server.ts';

describe('the activities that write to GetStream', () => {
  let server: StreamServer;
  let client: StreamClient;
  let activities: StreamActivities;
  const events: EventDirectory = {
    stateOf: (id) => Promise.resolve(id.endsWith('known-1') ? 'applied' : id.endsWith('open-1') ? 'open' : 'absent'),
  };

  before(async () => {
    server = await startStreamServer({ port: 0, apiKey: 'key', apiSecret: 'secret', rateLimits: false });
    // Long, as a pause of the machine must not make a request that was served look unanswered.
    client = clientWith(15_000);
    activities = createStreamActivities({ quick: client, patient: client }, events);
  });
  after(() => server.close());
  afterEach(() => fetch(`${server.url}/_control/faults`, { method: 'DELETE' }));

  const clientWith = (timeoutMs: number, apiSecret = 'secret'): StreamClient =>
    connectToGetStream({ apiKey: 'key', apiSecret, url: server.url, timeoutMs });

  const run = <Input, Result>(activity: (input: Input) => Promise<Result>, input: Input): Promise<Result> =>
    new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') }).run(activity, input);

  const fault = async (body: object): Promise<void> => {
    const response = await fetch(`${server.url}/_control/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([body]),
    });
    assert.ok(response.ok, await response.text());
  };

  const activityOf = (user: string): AddActivityInput => ({
    feed: `user:${user}`,
    actor: user,
    verb: 'Post',
    object: '1',
    foreignId: `Post:${user}-1, 2`,
    time: '2026-01-31T12:00:00.000000',
    to: [`notification:${user}-friend`],
    custom: { hash_tags: ['jazz'] },
  });
  const readFeed = async (slug: string, user: string): Promise<readonly unknown[]> =>
    (await client.feed(slug, user).get({ limit: 100 })).results;
  const newUser = (): string => `u-${randomUUID()}`;
  const newReaction = async () => {
    const user = newUser();
    await run(activities.addActivity, activityOf(user));
    const [activity] = await readFeed('user', user);
    const activityId = String(Reflect.get(Object(activity), 'id'));
    return { user, reaction: { reactionId: randomUUID(), kind: 'Like', activityId, userId: user, targetFeeds: [] } };
  };

  it('write an activity once however often they are called', async () => {
    const user = newUser();
    await run(activities.addActivity, activityOf(user));
    await run(activities.addActivity, activityOf(user));
    const results = await readFeed('user', user);
    assert.equal(results.length, 1);
    assert.equal(Reflect.get(Object(results[0]), 'foreign_id'), `Post:${user}-1, 2`);
    assert.equal(await run(activities.hasActivity, activityOf(user)), true);
  });

  it('remove just the activity of that time, and bear that it is gone', async () => {
    const user = newUser();
    const other = { ...activityOf(user), time: '2026-02-01T12:00:00.000000' };
    await run(activities.addActivity, activityOf(user));
    await run(activities.addActivity, other);
    await run(activities.removeActivity, activityOf(user));
    await run(activities.removeActivity, activityOf(user));
    assert.equal(await run(activities.hasActivity, activityOf(user)), false);
    assert.equal(await run(activities.hasActivity, other), true);
  });

  it('add and remove a reaction idempotently', async () => {
    const { user, reaction: bare } = await newReaction();
    const reaction = { ...bare, targetFeeds: [`notification:${user}`] };
    assert.equal(await run(activities.hasReaction, reaction), false);
    await run(activities.addReaction, reaction);
    await run(activities.addReaction, reaction);
    assert.equal(await run(activities.hasReaction, reaction), true);
    await run(activities.removeReaction, reaction);
    await run(activities.removeReaction, reaction);
    assert.equal(await run(activities.hasReaction, reaction), false);
  });

  it('make a reaction the one that stands under its id, whatever stood there', async () => {
    const { user, reaction } = await newReaction();
    await run(activities.addReaction, reaction);
    const other = { ...reaction, kind: 'Star', targetFeeds: [`notification:${user}`] };
    assert.equal(await run(activities.hasReaction, { ...reaction, only: { ...reaction, kind: 'Star' } }), false);
    assert.deepEqual(await run(activities.addReaction, other), { replaced: true });
    assert.equal(await run(activities.hasReaction, { ...reaction, only: other }), true);
    await assert.rejects(run(activities.addReaction, { ...reaction, userId: newUser() }), {
      type: 'Conflict',
      nonRetryable: true,
    });
    await run(activities.removeReaction, { ...reaction, userId: newUser() });
    assert.equal(
      await run(activities.hasReaction, { ...reaction, only: other }),
      true,
      "another user's removes nothing",
    );
  });

  it('tell of a reaction that was removed, and whose replacement was refused', async () => {
    const { reaction } = await newReaction();
    await run(activities.addReaction, reaction);
    const match = { method: 'POST', body: reaction.reactionId };
    for (const [status, type] of [
      [403, 'NotAllowed'],
      [503, 'Unavailable'],
    ] as const) {
      await run(activities.addReaction, reaction);
      // The first request finds the id taken.
      await fault({ match, fault: 'delay', delayMs: 0, times: 1 });
      await fault({ match, fault: 'error', status, times: 1 });
      await assert.rejects(run(activities.addReaction, { ...reaction, kind: 'Star' }), {
        type,
        details: [{ removed: true }],
      });
      assert.equal(await run(activities.hasReaction, reaction), false);
    }
  });

  it('take a reaction back that was made since, and leave one that was there before', async () => {
    const { reaction } = await newReaction();
    const before = Date.now();
    await run(activities.removeReaction, { ...reaction, sinceMs: before });
    await run(activities.addReaction, reaction);
    await run(activities.removeReaction, { ...reaction, sinceMs: before + 60_000 });
    assert.equal(await run(activities.hasReaction, reaction), true);
    await run(activities.removeReaction, { ...reaction, sinceMs: before });
    assert.equal(await run(activities.hasReaction, reaction), false);
  });

  it('find the parent of a reaction on GetStream and that of a comment by its workflow', async () => {
    const user = newUser();
    await run(activities.addActivity, activityOf(user));
    const [activity] = await readFeed('user', user);
    const id = String(Reflect.get(Object(activity), 'id'));
    await run(activities.requireParent, { parent: { by: 'activityId', id } });
    await run(activities.requireParent, { parent: { by: 'workflow', workflowId: 'activity/Post:known-1' } });
    const missing = [
      { by: 'activityId', id: randomUUID() },
      { by: 'workflow', workflowId: 'activity/Post:no-1' },
    ] as const;
    for (const parent of missing) {
      await assert.rejects(run(activities.requireParent, { parent }), { type: 'ParentMissing', nonRetryable: true });
    }
    const parent = { by: 'workflow', workflowId: 'activity/Post:open-1' } as const;
    await assert.rejects(run(activities.requireParent, { parent }), { type: 'ParentMissing', nonRetryable: false });
  });

  it('confirm a full copy and name a partial one', async () => {
    const [target, full, partial] = [newUser(), newUser(), newUser()];
    const posts = Array.from({ length: 130 }, (_, index) => ({
      actor: target,
      verb: 'Post',
      object: String(index),
      foreign_id: `Post:${target}-${index}`,
      time: new Date(1_700_000_000_000 + index * 1000).toISOString().slice(0, -1),
    }));
    await client.feed('user', target).addActivities(posts.slice(0, 100));
    await client.feed('user', target).addActivities(posts.slice(100));
    const follow = (user: string) => ({ source: `timeline:${user}`, target: `user:${target}`, copyLimit: 120 });
    await run(activities.follow, follow(full));
    await run(activities.confirmCopy, follow(full));
    await fault({ match: { method: 'POST', path: 'following' }, fault: 'partialCopy', copied: 20, times: 1 });
    await run(activities.follow, follow(partial));
    await assert.rejects(run(activities.confirmCopy, follow(partial)), { type: 'CopyIncomplete', nonRetryable: true });
  });

  it('undo a follow they made and keep one that was there before', async () => {
    const [user, target] = [newUser(), newUser()];
    const relation = { source: `timeline:${user}`, target: `user:${target}` };
    const before = Date.now();
    assert.equal(await run(activities.undoFollow, { ...relation, sinceMs: before }), 'absent');
    await run(activities.follow, { ...relation, copyLimit: 0 });
    assert.equal(await run(activities.undoFollow, { ...relation, sinceMs: before + 60_000 }), 'kept');
    assert.equal((await client.feed('timeline', user).following()).results.length, 1);
    assert.equal(await run(activities.undoFollow, { ...relation, sinceMs: before }), 'undone');
    await run(activities.unfollow, relation);
    assert.equal((await client.feed('timeline', user).following()).results.length, 0);
  });

  it('tell apart what failed: unavailable, rate limited, refused and unanswered', async () => {
    const input = activityOf(newUser());
    const match = { method: 'POST', path: 'feed/user' };
    await fault({ match, fault: 'error', status: 503, times: 1 });
    await assert.rejects(run(activities.addActivity, input), { type: 'Unavailable', nonRetryable: false });
    await fault({ match, fault: 'rateLimited', retryAfterMs: 5_000, times: 1 });
    await assert.rejects(run(activities.addActivity, input), (error: { type: string; nextRetryDelay: number }) => {
      assert.equal(error.type, 'RateLimited');
      assert.ok(error.nextRetryDelay >= 4_000 && error.nextRetryDelay <= 8_000, String(error.nextRetryDelay));
      return true;
    });
    const hasty = clientWith(2_000);
    const hastyActivities = createStreamActivities({ quick: hasty, patient: hasty }, events);
    await fault({ match, fault: 'commitThenHang', times: 1 });
    await assert.rejects(run(hastyActivities.addActivity, input), { type: 'Ambiguous', nonRetryable: false });
    assert.equal(await run(activities.hasActivity, input), true, 'it was written all the same');
    await assert.rejects(run(activities.addActivity, { ...input, object: '' }), {
      type: 'InvalidRequest',
      nonRetryable: true,
    });
    const wrongKey = clientWith(15_000, 'other');
    const refused = createStreamActivities({ quick: wrongKey, patient: wrongKey }, events);
    await assert.rejects(run(refused.addActivity, input), { type: 'NotAllowed' });
  });
});
