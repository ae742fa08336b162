import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import { activityId } from '../../contracts/events/stream-activity-id.ts';
import { reactionIdOf } from '../../contracts/events/reaction-id.ts';
import { eventually } from '../support/eventually.ts';
import { activitiesIn } from '../support/graph-check.ts';
import { startRunningStack, type RunningStack } from '../support/running-stack.ts';

describe('every kind of message, published to SNS and read back with getstream', function () {
  this.timeout(120_000);
  let running: RunningStack;
  const run = randomUUID().slice(0, 8);
  const alice = `alice-${run}`;
  const bob = `bob-${run}`;
  const createdAt = '2026-01-31T12:00:00.123Z';

  before(async function () {
    this.timeout(900_000);
    running = await startRunningStack({ disorder: { seed: 7, duplicateRate: 0.2, reorderRate: 0.2 } });
  });
  after(() => running.stop());

  const post = (verb: string, feedType: string, object: string, to: readonly string[] = []) => ({
    topic: 'activities' as const,
    body: {
      Actor: alice,
      Verb: verb,
      ObjectID: object,
      FeedType: feedType,
      CreatedAt: createdAt,
      To: to,
      ForeignID: `${verb}:${alice}-${object}`,
      HashTags: ['#Jazz'],
      Unknown: 'kept out of the write',
    },
  });
  const inFeed = async (slug: string, user: string, foreignId: string): Promise<object> => {
    let found: object | undefined;
    await eventually(
      async () => {
        const { results } = await running.stream.feed(slug, user).get({ limit: 100 });
        const matching = results
          .flatMap(activitiesIn)
          .filter((entry) => Reflect.get(entry, 'foreign_id') === foreignId);
        assert.equal(matching.length, 1, `${foreignId} in ${slug}:${user}`);
        [found] = matching;
      },
      { timeoutMs: 30_000 },
    );
    assert.ok(found);
    return found;
  };

  for (const [verb, feedType] of [
    ['Post', 'User'],
    ['RePost', 'Timeline'],
    ['Question', 'Notification'],
    ['Achievement', 'User'],
  ] as const) {
    it(`${verb} in the ${feedType} feed, with one workflow that says applied`, async () => {
      const message = post(verb, feedType, randomUUID());
      await running.publish([message]);
      const activity = await inFeed(feedType.toLowerCase(), alice, message.body.ForeignID);
      assert.equal(Reflect.get(activity, 'actor'), alice);
      assert.equal(Reflect.get(activity, 'verb'), verb);
      assert.equal(Reflect.get(activity, 'object'), message.body.ObjectID);
      assert.equal(Reflect.get(activity, 'time'), '2026-01-31T12:00:00.123000');
      assert.deepEqual(Reflect.get(activity, 'hash_tags'), ['jazz']);
      assert.equal(Reflect.has(activity, 'Unknown'), false);
      const handle = running.temporal.workflow.getHandle(`activity/${message.body.ForeignID}`);
      await handle.result();
      assert.equal((await handle.describe()).typedSearchAttributes.get(eventStatusKey), 'applied');
    });
  }

  it('a post notifies those it is addressed to', async () => {
    const message = post('Post', 'User', randomUUID(), [bob]);
    await running.publish([message]);
    await inFeed('notification', bob, message.body.ForeignID);
  });

  it('a comment', async () => {
    const parent = post('Post', 'User', randomUUID());
    const object = randomUUID();
    const foreignId = `Comment:${bob}-${object}`;
    await running.publish([
      {
        topic: 'mentions',
        body: {
          Actor: bob,
          Verb: 'Comment',
          ObjectID: object,
          ParentID: parent.body.ForeignID,
          FeedType: 'User',
          Time: createdAt,
          To: [alice],
          ForeignID: foreignId,
          HashTags: [],
        },
      },
      parent,
    ]);
    assert.equal(Reflect.get(await inFeed('user', bob, foreignId), 'parent_id'), parent.body.ForeignID);
    await inFeed('notification', alice, foreignId);
  });

  for (const kind of ['Like', 'Star', 'Share']) {
    it(`${kind}, and the Unlike that takes it back`, async () => {
      const message = post('Post', 'User', randomUUID());
      await running.publish([message]);
      await inFeed('user', alice, message.body.ForeignID);
      const reaction = {
        ActivityID: activityId(message.body.ForeignID, Date.parse(createdAt) * 1000),
        Kind: kind,
        TargetFeed: [`notification:${alice}`],
        Data3: `${kind} of ${bob} on ${message.body.ObjectID}`,
        UserID: bob,
        EventTime: '2026-01-31T12:01:00Z',
      };
      await running.publish([{ topic: 'reactions', body: reaction }]);
      const id = reactionIdOf(reaction.Data3);
      await eventually(async () => {
        const stored = await running.stream.reactions.get(id);
        assert.equal(stored.kind, kind);
        assert.equal(stored.activity_id, reaction.ActivityID);
      });
      await inFeed('notification', alice, `reaction:${id}`);
      const unlike = { ...reaction, Kind: 'Unlike', EventTime: '2026-01-31T12:02:00Z' };
      await running.publish([{ topic: 'reactions', body: unlike }]);
      await eventually(() =>
        assert
          .rejects(running.stream.reactions.get(id), { name: 'Error', response: { status: 404 } })
          .catch(() => assert.rejects(running.stream.reactions.get(id))),
      );
      // A delayed duplicate of the like must not bring it back.
      await running.publish([{ topic: 'reactions', body: reaction }]);
      await eventually(async () => {
        assert.equal(await running.queued('queueUrl'), 0);
      });
      await assert.rejects(running.stream.reactions.get(id));
    });
  }

  it('messages with nulls, a time without seconds, and the id of the activity in another spelling', async () => {
    const message = post('Post', 'User', randomUUID());
    const { ForeignID } = message.body;
    const nulls = { To: null, HashTags: null, EventID: null, EventTime: null };
    await running.publish([{ ...message, body: { ...message.body, ...nulls, CreatedAt: '2026-01-31T13:00+01:00' } }]);
    const written = await inFeed('user', alice, ForeignID);
    assert.equal(Reflect.get(written, 'time'), '2026-01-31T12:00:00.000000');
    const id = activityId(ForeignID, Date.parse('2026-01-31T12:00:00Z') * 1000);
    const reaction = {
      ActivityID: `{${id.toUpperCase()}}`,
      Kind: 'Like',
      TargetFeed: null,
      Data3: randomUUID(),
      UserID: bob,
    };
    await running.publish([{ topic: 'reactions', body: reaction }]);
    await eventually(async () => {
      const stored = await running.stream.reactions.get(reaction.Data3);
      assert.equal(stored.activity_id, id);
    });
  });

  it('Follow with its copy, and Unfollow', async () => {
    const message = post('Post', 'User', randomUUID());
    await running.publish([message]);
    await inFeed('user', alice, message.body.ForeignID);
    const follow = {
      SourceFeedID: `timeline:${bob}`,
      TargetFeedID: `user:${alice}`,
      ActivityCopyLimit: 100,
      EventTime: '2026-01-31T12:03:00Z',
    };
    await running.publish([{ topic: 'follow-relationships', body: follow }]);
    await inFeed('timeline', bob, message.body.ForeignID);
    const unfollow = { ...follow, Kind: 'Unfollow', EventTime: '2026-01-31T12:04:00Z' };
    await running.publish([{ topic: 'follow-relationships', body: unfollow }]);
    await eventually(async () => {
      assert.deepEqual((await running.stream.feed('timeline', bob).following()).results, []);
      assert.deepEqual((await running.stream.feed('timeline', bob).get()).results, []);
    });
  });
});
