import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { eventQuery, skipUpdate } from '../../contracts/events/event-workflow.ts';
import { eventFailureKey } from '../../contracts/shared/search-attributes.ts';
import type { ReactionEvent } from '../../contracts/events/social-event.ts';
import { commentEvent, followEvent, postEvent, reactionEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { someOf } from '../support/extent.ts';
import { describeReaction, followedBy, ownActivities, standingReaction } from '../support/graph-check.ts';
import { LATE_MS, startStreamStage, type StreamStage } from '../support/stream-stage.ts';
import { addPost } from './support/subjects.ts';

const REFUSED = { fault: 'error', status: 403, times: 1 } as const;
/** Whoever goes on from a closed run must do so within half of this. */
const RESUMING = { resumedLingerMs: 6_000 };

describe('an edge on the Stream server', function () {
  this.timeout(120_000);
  let stage: StreamStage;

  before(async function () {
    // The first run on a machine may have to build the Temporal server.
    this.timeout(900_000);
    stage = await startStreamStage();
  });
  after(() => stage.stop());
  afterEach(() => stage.clearFaults());

  const newEdge = async () => {
    const [edge, user] = [randomUUID(), `dave-${randomUUID()}`];
    const activity = await addPost(stage, user);
    const other = await addPost(stage, user);
    const of = (kind: ReactionEvent['action'], at: number, change: { activity?: string; user?: string } = {}) =>
      reactionEvent({ kind, at, edge, user, activity, ...change });
    const { reactionId } = of('Like', 1);
    const shown = async (): Promise<string> => describeReaction(await standingReaction(stage.client, reactionId));
    const named = (event: ReactionEvent): string =>
      event.action === 'Unlike' ? 'nothing' : `${event.action} ${event.activityId} of ${event.userId}`;
    return { edge, user, activity, other, of, reactionId, shown, named };
  };
  const newFollow = () => {
    const edge = randomUUID();
    const source = followEvent({ edge }).source;
    const of = (kind: 'Follow' | 'Unfollow', at: number) => followEvent({ kind, at, edge, copyLimit: 0 });
    return { of, source, user: source.slice('timeline:'.length), follows: () => followedBy(stage.client, source) };
  };
  const apply = async (event: Parameters<StreamStage['start']>[0]): Promise<string> => {
    await stage.start(event, RESUMING);
    return (await stage.fixture.handle(event).result()).status;
  };

  describe('with one Data3 for different reactions', () => {
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ];
    const threes = [
      ['Like', 'Star', 'Share'],
      ['Like', 'Unlike', 'Star'],
      ['Unlike', 'Like', 'Like'],
      ['Star', 'Like', 'Unlike'],
    ] as const;
    for (const kinds of someOf(threes, 2)) {
      it(`${kinds.join(', ')} end as the latest of them, in whatever order they come`, async () => {
        const ends = orders.map(async (order) => {
          const { of, other, shown, named } = await newEdge();
          // The last one is of another activity: what was liked is moved.
          const events = kinds.map((kind, index) => of(kind, index + 1, index === 2 ? { activity: other } : {}));
          for (const index of order) {
            const event = events[index];
            assert.ok(event);
            await stage.start(event, RESUMING);
            await stage.fixture.handle(event).result();
          }
          const latest = events.at(-1);
          assert.ok(latest);
          assert.equal(await shown(), named(latest), `in the order ${order.join()}`);
        });
        await Promise.all(ends);
      });
    }

    it("parks one that is in another user's way, and leaves that user's alone", async () => {
      const { of, shown, named } = await newEdge();
      const theirs = of('Like', 10);
      await apply(theirs);
      const ours = of('Like', 20, { user: `eve-${randomUUID()}` });
      await stage.start(ours, RESUMING);
      await stage.isParked(ours);
      const { typedSearchAttributes } = await stage.fixture.handle(ours).describe();
      assert.equal(typedSearchAttributes.get(eventFailureKey), 'Conflict');
      assert.equal(await shown(), named(theirs));
      await stage.fixture.handle(ours).executeUpdate(skipUpdate, { args: [{}] });
      assert.equal((await stage.fixture.handle(ours).result()).status, 'skipped');
      assert.equal(await shown(), named(theirs));
      await stage.start(of('Unlike', 30), RESUMING);
      await eventually(async () => assert.equal(await shown(), 'nothing'));
    });
  });

  describe('whose write is under way when a later event comes', () => {
    const pairs = [
      ['Unlike', 'Share'],
      ['Star', 'Like'],
      ['Like', 'Unlike'],
    ] as const;
    for (const kinds of someOf(pairs, 1)) {
      it(`${kinds.join(', then ')}: what comes late does not come last`, async () => {
        const { of, reactionId, shown, named } = await newEdge();
        const [first, last] = [of(kinds[0], 10), of(kinds[1], 20)];
        if (kinds[0] === 'Unlike') await apply(of('Like', 5));
        const read = { method: 'GET', path: reactionId };
        const write =
          kinds[0] === 'Unlike' ? { method: 'DELETE', path: reactionId } : { method: 'POST', body: reactionId };
        // A removal reads first: what it does not find it does not remove.
        if (kinds[0] === 'Unlike') await stage.fault({ match: read, fault: 'delay', delayMs: 0, times: 1 });
        await stage.fault({ match: write, fault: 'commitLate', delayMs: LATE_MS, times: 1 });
        await stage.fault({ match: kinds[0] === 'Unlike' ? read : write, fault: 'error', status: 503 });
        await stage.start(first, { ...RESUMING, retryBudgetMs: 60_000 });
        await eventually(
          async () => {
            const { typedSearchAttributes } = await stage.fixture.handle(first).describe();
            assert.equal(typedSearchAttributes.get(eventFailureKey), 'Ambiguous');
          },
          { timeoutMs: 20_000 },
        );
        await stage.clearFaults();
        assert.equal(await stage.start(last), 'joined');
        const late = Date.now() + LATE_MS;
        await stage.isClosed(first);
        await eventually(() => assert.ok(Date.now() > late), { timeoutMs: 2 * LATE_MS });
        assert.equal(await shown(), named(last));
        const { register } = await stage.fixture.handle(first).query(eventQuery);
        assert.equal(register?.eventTimeMicros, 20);
      });
    }

    it('Follow, then Unfollow: what comes late does not come last', async () => {
      const { of, user, follows } = newFollow();
      const match = { method: 'POST', path: user };
      await stage.fault({ match, fault: 'commitLate', delayMs: LATE_MS, times: 1 });
      await stage.fault({ match, fault: 'error', status: 503 });
      await stage.start(of('Follow', 10), { retryBudgetMs: 60_000 });
      await eventually(
        async () => {
          const { typedSearchAttributes } = await stage.fixture.handle(of('Follow', 10)).describe();
          assert.equal(typedSearchAttributes.get(eventFailureKey), 'Ambiguous');
        },
        { timeoutMs: 20_000 },
      );
      assert.equal(await stage.start(of('Unfollow', 20)), 'joined');
      const late = Date.now() + LATE_MS;
      await stage.isClosed(of('Follow', 10));
      await eventually(() => assert.ok(Date.now() > late), { timeoutMs: 2 * LATE_MS });
      assert.deepEqual(await follows(), []);
    });
  });

  describe('whose event was applied', () => {
    it('keeps a follow when a second one is refused, right after it or while its run lingers', async () => {
      const { of, user, follows } = newFollow();
      await apply(of('Follow', 10));
      for (const at of [20, 30]) {
        await stage.fault({ match: { method: 'POST', path: user }, ...REFUSED });
        await stage.start(of('Follow', at), RESUMING);
        await stage.isParked(of('Follow', at));
        await stage.fixture.handle(of('Follow', at)).executeUpdate(skipUpdate, { args: [{}] });
        await eventually(async () => assert.equal(await stage.statusOf(of('Follow', at)), 'skipped'));
        assert.deepEqual(await follows(), ['user:bob']);
      }
      assert.equal(await stage.start(of('Follow', 15), RESUMING), 'joined');
      const result = await stage.fixture.handle(of('Follow', 10)).result();
      assert.equal(result.register?.eventTimeMicros, 30, 'a late older event stays without effect');
      assert.equal(result.register?.stands?.eventTimeMicros, 10);
    });

    it('keeps a reaction when its replacement is refused half-way', async () => {
      const { of, reactionId, shown, named } = await newEdge();
      const like = of('Like', 10);
      await apply(like);
      const star = of('Star', 20);
      const match = { method: 'POST', body: reactionId };
      await stage.fault({ match, fault: 'delay', delayMs: 0, times: 1 }, { match, ...REFUSED });
      await stage.start(star, RESUMING);
      await stage.isParked(star);
      assert.equal(await shown(), named(like));
      await stage.fixture.handle(star).terminate();
    });
  });

  it('keeps what others made before its first event, when that is refused after attempts without an answer', async () => {
    const { of, reactionId, user, activity, shown, named } = await newEdge();
    const like = of('Like', 10);
    await stage.client.reactions.add('Like', activity, {}, { id: reactionId, userId: user });
    const { of: follow, user: follower, follows } = newFollow();
    await stage.client.feed('timeline', follower).follow('user', 'bob', { limit: 0 });
    const old = Date.now() + 2_500;
    await eventually(() => assert.ok(Date.now() > old));
    for (const match of [
      { method: 'POST', body: reactionId },
      { method: 'POST', path: follower },
    ]) {
      await stage.fault({ match, fault: 'error', status: 503, times: 1 }, { match, fault: 'commitThenHang', times: 1 });
      await stage.fault({ match, ...REFUSED });
    }
    for (const event of [like, follow('Follow', 10)]) {
      await stage.start(event);
      await stage.isParked(event);
      await stage.fixture.handle(event).executeUpdate(skipUpdate, { args: [{}] });
      assert.equal((await stage.fixture.handle(event).result()).status, 'skipped');
    }
    assert.equal(await shown(), named(like));
    assert.deepEqual(await follows(), ['user:bob']);
  });

  it('finds the activity of a reaction by the ForeignID of a post or comment of ours', async () => {
    const parents = [postEvent(), commentEvent()];
    for (const parent of parents) {
      await apply(parent);
      const { of, shown } = await newEdge();
      const like = of('Like', 10, { activity: parent.foreignId });
      assert.equal(await apply(like), 'applied');
      const [stored] = (await stage.client.feed('user', parent.actor).get({ limit: 1 })).results;
      assert.match(await shown(), new RegExp(`^Like ${stored?.id} of `));
      assert.equal(await apply(of('Unlike', 20, { activity: parent.foreignId })), 'applied');
      assert.equal(await shown(), 'nothing');
    }
  });

  it('takes a post back that an outage left half-written, when it is skipped', async () => {
    const event = postEvent();
    const match = { method: 'POST', path: event.actor };
    await stage.fault({ match, fault: 'commitThenHang', times: 1 }, { match: {}, fault: 'error', status: 503 });
    await stage.start(event, { retryBudgetMs: 2_000 });
    await stage.isParked(event);
    assert.equal((await stage.fixture.handle(event).query(eventQuery)).failure?.type, 'Unavailable');
    await stage.clearFaults();
    assert.deepEqual(await ownActivities(stage.client, event.feed), [event.foreignId]);
    await stage.fixture.handle(event).executeUpdate(skipUpdate, { args: [{}] });
    assert.equal((await stage.fixture.handle(event).result()).status, 'skipped');
    assert.deepEqual(await ownActivities(stage.client, event.feed), []);
  });
});
