import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { eventQuery, type SocialEventWorkflow } from '../../contracts/events/event-workflow.ts';
import { reactionIdOf } from '../../contracts/events/reaction-id.ts';
import { eventFailureKey, eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import { activityId } from '../../contracts/events/stream-activity-id.ts';
import { eventually } from '../support/eventually.ts';
import { startRunningStack, type RunningStack } from '../support/running-stack.ts';
import { effectsOf, type Effects } from '../support/stream-effects.ts';

const CREATED_AT = '2026-01-31T12:00:00Z';
const POSTS = 5;

describe('ownership and ambiguity, on the real Stream server', function () {
  this.timeout(60_000);
  let running: RunningStack;

  before(async function () {
    this.timeout(900_000);
    running = await startRunningStack({
      workerEnv: {
        EVENT_FAST_ATTEMPT_TIMEOUT_MS: '1000',
        STREAM_TIMEOUT_MS: '1500',
        EVENT_ATTEMPT_TIMEOUT_MS: '2000',
        EVENT_RETRY_INITIAL_MS: '100',
        EVENT_RETRY_BUDGET_MS: '5000',
        EVENT_COMPENSATION_BUDGET_MS: '3000',
        EVENT_COPY_CONFIRM_ATTEMPTS: '2',
        EVENT_COPY_ROUNDS: '2',
      },
    });
  });
  after(() => running.stop());
  afterEach(() => running.setFaults([]));

  const edge = () => {
    const [follower, target] = [`follower-${randomUUID()}`, `target-${randomUUID()}`];
    const body = {
      SourceFeedID: `timeline:${follower}`,
      TargetFeedID: `user:${target}`,
      ActivityCopyLimit: 100,
      EventTime: CREATED_AT,
    };
    const workflowId = `follow/${body.SourceFeedID}/${body.TargetFeedID}`;
    return {
      target,
      message: { topic: 'follow-relationships' as const, body },
      timeline: running.stream.feed('timeline', follower),
      workflow: running.temporal.workflow.getHandle<SocialEventWorkflow>(workflowId),
    };
  };
  const fill = async (user: string): Promise<void> => {
    const posts = Array.from({ length: POSTS }, (_, index) => ({ actor: user, verb: 'Post', object: String(index) }));
    await running.stream.feed('user', user).addActivities(posts);
  };
  const post = () => {
    const actor = `actor-${randomUUID()}`;
    const foreignId = `Post:${actor}-1`;
    const body = {
      Actor: actor,
      Verb: 'Post',
      ObjectID: '1',
      FeedType: 'User',
      CreatedAt: CREATED_AT,
      ForeignID: foreignId,
    };
    return { actor, foreignId, message: { topic: 'activities' as const, body } };
  };
  const resultOf = async (workflowId: string): Promise<string> => {
    const handle = running.temporal.workflow.getHandle<SocialEventWorkflow>(workflowId);
    await eventually(() => handle.describe());
    return (await handle.result()).status;
  };
  const isParked = (handle: ReturnType<typeof edge>['workflow']): Promise<void> =>
    eventually(
      async () => assert.equal((await handle.describe()).typedSearchAttributes.get(eventStatusKey), 'parked'),
      { timeoutMs: 30_000 },
    );

  it('a duplicate follow whose copy fails leaves the older follow and its history as they were', async () => {
    const { target, message, timeline, workflow } = edge();
    await fill(target);
    await timeline.follow('user', target, { limit: 2 });
    const [before] = (await timeline.following()).results;
    const longAgo = Date.now() + 2_500;
    await eventually(() => assert.ok(Date.now() > longAgo));
    await running.setFaults([{ match: { method: 'POST', path: 'following' }, fault: 'partialCopy', copied: 0 }]);
    const effects = await effectsOf(running);
    await running.publish([message]);
    assert.equal(await resultOf(workflow.workflowId), 'applied');
    const [after] = (await timeline.following()).results;
    assert.ok(before);
    assert.deepEqual(after, before);
    assert.equal((await timeline.get()).results.length, 2);
    assertMade(await effectsOf(running, effects), {}, 'followsRepeated');
  });

  it('a follow of its own whose copy fails is taken back with what it copied', async () => {
    const { target, message, timeline, workflow } = edge();
    await fill(target);
    await running.setFaults([{ match: { method: 'POST', path: 'following' }, fault: 'partialCopy', copied: 2 }]);
    await running.publish([message]);
    await isParked(workflow);
    assert.deepEqual((await timeline.following()).results, []);
    assert.deepEqual((await timeline.get()).results, []);
    await workflow.terminate();
  });

  it('a post written without an answer is one post, not taken back', async () => {
    const { actor, foreignId, message } = post();
    const effects = await effectsOf(running);
    await running.setFaults([{ match: { method: 'POST', path: '^/feed/' }, fault: 'commitThenHang', times: 1 }]);
    await running.publish([message]);
    assert.equal(await resultOf(`activity/${foreignId}`), 'applied');
    assert.equal((await running.stream.feed('user', actor).get()).results.length, 1);
    assertMade(await effectsOf(running, effects), { activitiesCreated: 1 }, 'activitiesOverwritten');
  });

  it('a post that never gets an answer is looked up at the end of its budget and counts as applied', async () => {
    const { foreignId, message } = post();
    const effects = await effectsOf(running);
    await running.setFaults([{ match: { method: 'POST', path: '^/feed/' }, fault: 'commitThenHang' }]);
    await running.publish([message]);
    assert.equal(await resultOf(`activity/${foreignId}`), 'applied');
    assertMade(await effectsOf(running, effects), { activitiesCreated: 1 }, 'activitiesOverwritten');
  });

  it('a follow made without an answer is one follow, not taken back', async () => {
    const { target, message, timeline, workflow } = edge();
    await fill(target);
    const effects = await effectsOf(running);
    await running.setFaults([{ match: { method: 'POST', path: 'following' }, fault: 'commitThenHang', times: 1 }]);
    await running.publish([message]);
    assert.equal(await resultOf(workflow.workflowId), 'applied');
    assert.equal((await timeline.get()).results.length, POSTS);
    assertMade(await effectsOf(running, effects), { followsCreated: 1 }, 'followsRepeated');
  });

  it('a like made without an answer is one like, not taken back', async () => {
    const { foreignId, message } = post();
    await running.publish([message]);
    assert.equal(await resultOf(`activity/${foreignId}`), 'applied');
    const effects = await effectsOf(running);
    await running.setFaults([{ match: { method: 'POST', path: 'reaction' }, fault: 'commitThenHang', times: 1 }]);
    const id = randomUUID();
    const body = {
      ActivityID: activityId(foreignId, Date.parse(CREATED_AT) * 1000),
      Kind: 'Like',
      Data3: id,
      UserID: 'bob',
    };
    await running.publish([{ topic: 'reactions', body }]);
    assert.equal(await resultOf(`reaction/${id}`), 'applied');
    assert.equal((await running.stream.reactions.get(reactionIdOf(id))).kind, 'Like');
    assertMade(await effectsOf(running, effects), { reactionsCreated: 1 }, 'reactionConflicts');
  });

  it('an undo that fails parks the event with both failures, and a retry finishes it', async () => {
    const { target, message, timeline, workflow } = edge();
    await fill(target);
    await running.setFaults([
      { match: { method: 'POST', path: 'following' }, fault: 'partialCopy', copied: 2 },
      { match: { method: 'DELETE', path: 'following' }, fault: 'error', status: 500 },
    ]);
    await running.publish([message]);
    await isParked(workflow);
    const { failure } = await workflow.query(eventQuery);
    assert.equal(failure?.type, 'CopyIncomplete');
    assert.match(failure?.compensationFailure ?? '', /^Unavailable: HTTP 500/);
    const { typedSearchAttributes } = await workflow.describe();
    assert.equal(typedSearchAttributes.get(eventFailureKey), 'CompensationFailed');
    assert.equal((await timeline.following()).results.length, 1);
    await running.setFaults([]);
    await workflow.signal('retry');
    assert.equal((await workflow.result()).status, 'applied');
    assert.equal((await timeline.following()).results.length, 1);
    assert.equal((await timeline.get()).results.length, POSTS);
  });
});

/**
 * That this was written, and beside it only repeats without effect. How many is up to the machine: an attempt that took too
 * long is made again.
 */
function assertMade(effects: Effects, expected: Effects, repeats: string): void {
  const { [repeats]: repeated = 0, ...made } = effects;
  assert.deepEqual(made, expected);
  assert.ok(repeated >= 1, `${repeats}: ${repeated}`);
}
