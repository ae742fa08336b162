import assert from 'node:assert/strict';
import { edgePosition } from '../../contracts/events/edge-order.ts';
import { DEFAULT_EVENT_POLICY } from '../../contracts/events/event-policy.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { parentStepOf, undoOf, writeStepsOf } from '../../workflows/events/event-plan.ts';
import { commentEvent, followEvent, postEvent, reactionEvent } from '../support/events.ts';

const ACTIVITY = 'f01c0000-acf5-11e5-8080-80006a8b5bc2';
const edge = 'one';
const like = reactionEvent({ edge, at: 10 });
const star = reactionEvent({ edge, at: 20, kind: 'Star' });
const unlike = reactionEvent({ edge, at: 30, kind: 'Unlike' });
const follow = followEvent({ edge, at: 10, copyLimit: 0 });
const copying = followEvent({ edge, at: 20, copyLimit: 5 });
const unfollow = followEvent({ edge, at: 30, kind: 'Unfollow' });
const { reactionId, userId } = like;
const { source, target } = follow;

describe('the plan of an event', () => {
  it('writes in one step, and confirms a copy in a second one', () => {
    const steps: readonly (readonly [SocialEvent, readonly string[]])[] = [
      [postEvent(), ['addActivity']],
      [commentEvent(), ['addActivity']],
      [like, ['addReaction']],
      [star, ['addReaction']],
      [unlike, ['removeReaction']],
      [follow, ['follow']],
      [copying, ['follow', 'confirmCopy']],
      [unfollow, ['unfollow']],
    ];
    for (const [event, activities] of steps) {
      assert.deepEqual(
        writeStepsOf(event).map(({ call }) => call.activity),
        activities,
      );
    }
  });

  it('waits for a parent where one can be looked up, and something is added', () => {
    const parentOf = (event: SocialEvent) => parentStepOf(event, DEFAULT_EVENT_POLICY)?.call.input;
    assert.deepEqual(parentOf(like), { parent: { by: 'activityId', id: ACTIVITY } });
    assert.deepEqual(parentOf(commentEvent({ parent: 'Post:bob-1' })), {
      parent: { by: 'workflow', workflowId: 'activity/Post:bob-1' },
    });
    for (const event of [commentEvent(), postEvent(), unlike, follow]) assert.equal(parentOf(event), undefined);
    assert.equal(parentStepOf(like, { ...DEFAULT_EVENT_POLICY, parentWaitMs: 0 }), undefined);
  });

  it('takes a post or comment back by its own id', () => {
    const { feed, foreignId, time, ...post } = postEvent();
    const call = undoOf({ feed, foreignId, time, ...post }, { sinceMs: 5 });
    assert.deepEqual(call, { activity: 'removeActivity', input: { feed, foreignId, time } });
  });

  it('takes an edge back to what stood before, whichever of its events is taken back', () => {
    for (const event of [like, star, unlike]) {
      const undo = (stands?: SocialEvent) =>
        undoOf(event, { sinceMs: 5, stands: stands?.kind === 'reaction' ? edgePosition(stands) : undefined });
      assert.deepEqual(undo(star), writeStepsOf(star)[0].call);
      assert.deepEqual(undo(unlike), { activity: 'removeReaction', input: { reactionId, userId } });
      assert.deepEqual(undo(), { activity: 'removeReaction', input: { reactionId, userId, sinceMs: 5 } });
    }
    for (const event of [follow, copying, unfollow]) {
      const undo = (stands?: SocialEvent) =>
        undoOf(event, { sinceMs: 5, stands: stands?.kind === 'follow' ? edgePosition(stands) : undefined });
      assert.deepEqual(undo(copying), writeStepsOf(copying)[0].call);
      assert.deepEqual(undo(unfollow), { activity: 'unfollow', input: { source, target } });
      assert.deepEqual(undo(), { activity: 'undoFollow', input: { source, target, sinceMs: 5 } });
    }
  });

  it('takes back only what was made since, where a register of another version tells nothing of what stood', () => {
    const stands = { eventTimeMicros: 1, present: true, tieBreak: 'of another version' };
    assert.equal(undoOf(follow, { sinceMs: 5, stands }).activity, 'undoFollow');
    assert.deepEqual(undoOf(like, { sinceMs: 5, stands }).input, { reactionId, userId, sinceMs: 5 });
  });
});
