import assert from 'node:assert/strict';
import { DEFAULT_EVENT_POLICY } from '../../contracts/events/event-policy.ts';
import { parentStepOf, undoOf, writeStepsOf } from '../../workflows/events/event-plan.ts';
import { commentEvent, followEvent, postEvent, reactionEvent } from '../support/events.ts';

describe('a step of an event', () => {
  it('adds a post or comment, and looks it up by its own id', () => {
    for (const event of [postEvent(), commentEvent({ parent: 'Post:bob-1' })]) {
      const { feed, actor, verb, objectId, foreignId, time, to, hashTags } = event;
      const custom = { hash_tags: hashTags, ...(event.kind === 'comment' ? { parent_id: 'Post:bob-1' } : {}) };
      assert.deepEqual(writeStepsOf(event), [
        {
          name: `add ${foreignId} to ${feed}`,
          call: {
            activity: 'addActivity',
            input: { feed, actor, verb, object: objectId, foreignId, time, to, custom },
          },
          verify: { call: { activity: 'hasActivity', input: { feed, foreignId, time } }, expect: true },
        },
      ]);
      assert.deepEqual(undoOf(event, { sinceMs: 5 }).activity, 'removeActivity');
    }
  });

  it('adds or removes a reaction, and looks up whether just this one, or none, is there', () => {
    const like = reactionEvent();
    const { reactionId, activityId, userId, targetFeeds } = like;
    const [id, only] = [
      { reactionId, userId },
      { kind: 'Like', activityId },
    ];
    assert.deepEqual(writeStepsOf(like), [
      {
        name: `add Like ${reactionId} of alice`,
        call: { activity: 'addReaction', input: { reactionId, kind: 'Like', activityId, userId, targetFeeds } },
        verify: { call: { activity: 'hasReaction', input: { ...id, only } }, expect: true },
      },
    ]);
    assert.deepEqual(writeStepsOf({ ...like, action: 'Unlike' }), [
      {
        name: `remove reaction ${reactionId} of alice`,
        call: { activity: 'removeReaction', input: id },
        verify: { call: { activity: 'hasReaction', input: id }, expect: false },
      },
    ]);
  });

  it('makes or ends a follow, looks up whether it is there, and confirms its copy', () => {
    const event = followEvent({ copyLimit: 5 });
    const { source, target } = event;
    const follow = {
      name: `${source} follows user:bob, copying 5`,
      call: { activity: 'follow', input: { source, target, copyLimit: 5 } },
      verify: { call: { activity: 'hasFollow', input: { source, target } }, expect: true },
    };
    assert.deepEqual(writeStepsOf(event), [
      follow,
      {
        name: `confirm the copy of user:bob in ${source}`,
        call: { activity: 'confirmCopy', input: { source, target, copyLimit: 5 } },
      },
    ]);
    assert.deepEqual(writeStepsOf({ ...event, action: 'Unfollow' }), [
      {
        name: `${source} unfollows user:bob`,
        call: { activity: 'unfollow', input: { source, target } },
        verify: { call: { activity: 'hasFollow', input: { source, target } }, expect: false },
      },
    ]);
  });

  it('waits for a parent, by name, as soon as any wait is allowed', () => {
    const policy = { ...DEFAULT_EVENT_POLICY, parentWaitMs: 1 };
    const byWorkflow = { by: 'workflow', workflowId: 'activity/Post:bob-1' };
    assert.deepEqual(parentStepOf(commentEvent({ parent: 'Post:bob-1' }), policy), {
      name: 'wait for its parent, activity/Post:bob-1',
      call: { activity: 'requireParent', input: { parent: byWorkflow } },
    });
    const like = reactionEvent();
    assert.deepEqual(parentStepOf(like, policy), {
      name: `wait for its parent, activity ${like.activityId}`,
      call: { activity: 'requireParent', input: { parent: { by: 'activityId', id: like.activityId } } },
    });
  });
});
