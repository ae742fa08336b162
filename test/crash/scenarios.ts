import { noLateCommits, type Effects } from '../support/stream-effects.ts';
import type { Ending, Stage } from './stage.ts';

/** One kind of event, from before its first await to after its last. */
export interface Scenario {
  readonly name: string;
  /** What was there before; nothing of it is counted or killed. @returns the part under kills */
  readonly prepare: (stage: Stage) => Promise<() => Promise<void>>;
  readonly ends: Ending;
}

const COMPLETED = 'COMPLETED';
const POSTS = { method: 'POST' };
const REACTIONS = { method: 'POST', path: '^/reaction/' };

/** What stands in every case, and must go on standing. */
const POST_OF_EVE = 'user:eve holds written:eve-0';
const LIKE_OF_EVE = 'of-eve: Like on post of bob of eve';
const POST_OF_BOB = 'user:bob holds Post:bob-1';

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'post',
    prepare: async (stage) => {
      await stage.others();
      const { body } = stage.post('bob');
      return async () => stage.apply('activity', body);
    },
    ends: {
      events: { 'activity/Post:bob-1': `applied, ${COMPLETED}` },
      graph: [POST_OF_EVE, POST_OF_BOB],
      effects: { activitiesCreated: 1 },
    },
  },
  {
    name: 'comment with its parent',
    prepare: async (stage) => {
      await stage.others();
      const { body, foreignId } = stage.post('bob');
      await stage.apply('activity', body);
      const comment = stage.comment('carol', foreignId);
      return () => stage.apply('comment', comment);
    },
    ends: {
      events: { 'activity/Post:bob-1': `applied, ${COMPLETED}`, 'comment/Comment:carol-2': `applied, ${COMPLETED}` },
      graph: [POST_OF_EVE, POST_OF_BOB, 'user:carol holds Comment:carol-2'],
      effects: { activitiesCreated: 1 },
    },
  },
  reactionScenario({ name: 'Like', kind: 'Like', stands: 'Like', effects: { reactionsCreated: 1 } }),
  reactionScenario({
    name: 'Like of a ForeignID',
    kind: 'Like',
    byForeignId: true,
    stands: 'Like',
    effects: { reactionsCreated: 1 },
  }),
  reactionScenario({ name: 'Unlike', before: 'Like', kind: 'Unlike', effects: { reactionsDeleted: 1 } }),
  reactionScenario({
    name: 'Star that replaces a Like',
    before: 'Like',
    kind: 'Star',
    stands: 'Star',
    effects: { reactionsCreated: 1, reactionsDeleted: 1 },
  }),
  {
    name: 'Follow without a copy',
    prepare: async (stage) => {
      const body = await targetOf(stage);
      return () => stage.apply('follow', { ...body, ActivityCopyLimit: 0 });
    },
    ends: followEnding(`applied, ${COMPLETED}`, { follows: true }, { followsCreated: 1 }),
  },
  {
    name: 'Follow with a copy',
    prepare: async (stage) => {
      const body = await targetOf(stage);
      return () => stage.apply('follow', { ...body, ActivityCopyLimit: 10 });
    },
    ends: followEnding(`applied, ${COMPLETED}`, { follows: true, copied: 3 }, { followsCreated: 1 }),
  },
  {
    name: 'Follow with an incomplete copy, undone',
    prepare: async (stage) => {
      const body = await targetOf(stage);
      await stage.setFaults({ match: POSTS, fault: 'partialCopy', copied: 1 });
      return async () => {
        const { handle } = await stage.start('follow', { ...body, ActivityCopyLimit: 10 });
        await stage.isParked(handle);
      };
    },
    ends: followEnding('parked, RUNNING', { follows: false }, { followsCreated: 2, unfollows: 2 }),
  },
  {
    name: 'Unfollow',
    prepare: async (stage) => {
      const body = await targetOf(stage);
      await stage.apply('follow', { ...body, ActivityCopyLimit: 10 });
      return () => stage.apply('follow', { ...body, Kind: 'Unfollow' });
    },
    ends: followEnding(`applied, ${COMPLETED}`, { follows: false }, { unfollows: 1 }),
  },
  {
    name: 'Star that joins while a Like is retried',
    prepare: async (stage) => {
      const on = await likeable(stage);
      await stage.setFaults({ match: { ...REACTIONS, body: '"Like"' }, fault: 'error', status: 503 });
      return async () => {
        const { handle } = await stage.start('reaction', on.body('Like'));
        await stage.isRetried(handle);
        await stage.start('reaction', on.body('Star'));
        await stage.isClosed(handle, 'applied');
      };
    },
    ends: reactionEnding(`applied, ${COMPLETED}`, 'Star', { reactionsCreated: 1 }),
  },
  {
    name: 'Unlike after a Like that is carried out late',
    prepare: async (stage) => {
      const on = await likeable(stage);
      // Later than the time-out of a workflow task, 10 s, and sooner than the policy allows.
      await stage.setFaults({ match: REACTIONS, fault: 'commitLate', delayMs: 12_000, times: 1 });
      const policy = { lateCommitMs: 15_000 };
      return async () => {
        await stage.start('reaction', on.body('Like'), policy);
        await stage.isPending();
        const { handle } = await stage.start('reaction', on.body('Unlike'), policy);
        await stage.isClosed(handle, 'applied');
        await noLateCommits(stage.streamUrl);
      };
    },
    ends: reactionEnding(`applied, ${COMPLETED}`, undefined, { reactionsCreated: 1, reactionsDeleted: 1 }),
  },
  {
    name: 'retry of a parked Like',
    prepare: async (stage) => {
      const on = await likeable(stage);
      await stage.setFaults({ match: REACTIONS, fault: 'error', status: 403 });
      return async () => {
        const { handle } = await stage.start('reaction', on.body('Like'));
        await stage.isParked(handle);
        await stage.setFaults();
        await stage.signal(handle, 'retry');
        await stage.isClosed(handle, 'applied');
      };
    },
    ends: reactionEnding(`applied, ${COMPLETED}`, 'Like', { reactionsCreated: 1 }),
  },
  {
    name: 'skip of an ambiguous post',
    prepare: async (stage) => {
      await stage.others();
      const { body } = stage.post('bob');
      await stage.setFaults(
        { match: POSTS, fault: 'commitThenHang' },
        { match: { method: 'GET' }, fault: 'error', status: 503 },
      );
      return async () => {
        const { handle } = await stage.start('activity', body, { retryBudgetMs: 1_000, compensationBudgetMs: 1_000 });
        await stage.isParked(handle);
        await stage.setFaults();
        await stage.signal(handle, 'skip');
        await stage.isClosed(handle, 'skipped');
      };
    },
    ends: {
      events: { 'activity/Post:bob-1': `skipped, ${COMPLETED}` },
      graph: [POST_OF_EVE],
      effects: { activitiesCreated: 1, activitiesRemoved: 1 },
    },
  },
  {
    name: 'cancel of a Like that may be written',
    prepare: async (stage) => {
      const on = await likeable(stage);
      // The first write is made without an answer, all others are refused.
      await stage.setFaults(
        { match: REACTIONS, fault: 'commitThenHang', times: 1 },
        { match: REACTIONS, fault: 'error', status: 503 },
      );
      return async () => {
        const { handle } = await stage.start('reaction', on.body('Like'));
        await stage.isRetried(handle);
        await handle.cancel();
        await stage.isClosed(handle, 'compensated');
      };
    },
    ends: reactionEnding('compensated, CANCELLED', undefined, { reactionsCreated: 1, reactionsDeleted: 1 }),
  },
  {
    name: 'Like that waits for the quota',
    prepare: async (stage) => {
      const on = await likeable(stage);
      await stage.setFaults({
        match: REACTIONS,
        fault: 'rateLimited',
        retryAfterMs: 1_000,
        times: 1,
      });
      return () => stage.apply('reaction', on.body('Like'));
    },
    ends: reactionEnding(`applied, ${COMPLETED}`, 'Like', { reactionsCreated: 1 }),
  },
];

interface ReactionCase {
  readonly name: string;
  /** Stands already. */
  readonly before?: 'Like';
  readonly kind: 'Like' | 'Unlike' | 'Star';
  /** The post is named by its `ForeignID` instead of its id. */
  readonly byForeignId?: true;
  readonly stands?: 'Like' | 'Star';
  readonly effects: Effects;
}

function reactionScenario({ name, before, kind, byForeignId, stands, effects }: ReactionCase): Scenario {
  return {
    name,
    prepare: async (stage) => {
      const on = await likeable(stage);
      if (before) await stage.apply('reaction', on.body(before));
      return () => stage.apply('reaction', on.body(kind, byForeignId));
    },
    ends: reactionEnding(`applied, ${COMPLETED}`, stands, effects),
  };
}

/** A post of bob's, liked by eve. @returns what makes messages of carol's reaction to it, all with one `Data3` */
async function likeable(stage: Stage) {
  const { id, foreignId, body } = stage.post('bob');
  await stage.apply('activity', body);
  await stage.others({ activityId: id });
  const [UserID, Data3] = [stage.user('carol'), stage.reaction('of-carol')];
  return {
    body: (Kind: ReactionCase['kind'], byForeignId = false) => ({
      ActivityID: byForeignId ? foreignId : id,
      Kind,
      Data3,
      UserID,
    }),
  };
}

function reactionEnding(status: string, stands: ReactionCase['stands'], effects: Effects): Ending {
  return {
    events: { 'activity/Post:bob-1': `applied, ${COMPLETED}`, 'reaction/of-carol': status },
    graph: [
      `of-carol: ${stands ? `${stands} on post of bob of carol` : 'nothing'}`,
      LIKE_OF_EVE,
      POST_OF_BOB,
      POST_OF_EVE,
    ],
    effects,
  };
}

/** Bob with three posts, followed by eve. @returns a message of carol's that has to do with him */
async function targetOf(stage: Stage) {
  await stage.write('bob', 3);
  const target = `user:${stage.user('bob')}`;
  await stage.others({ target });
  return { SourceFeedID: `timeline:${stage.user('carol')}`, TargetFeedID: target };
}

function followEnding(
  status: string,
  { follows, copied }: { readonly follows: boolean; readonly copied?: number },
  effects: Effects,
): Ending {
  return {
    events: { 'follow/timeline:carol/user:bob': status },
    graph: [
      ...(follows ? ['timeline:carol follows user:bob'] : []),
      ...(copied === undefined ? [] : [`timeline:carol shows ${copied}`]),
      'timeline:eve follows user:bob',
      'timeline:eve shows 3',
      ...[0, 1, 2].map((index) => `user:bob holds written:bob-${index}`),
      POST_OF_EVE,
    ],
    effects,
  };
}
