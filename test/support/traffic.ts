import { randomUUID } from 'node:crypto';
import type { MessageRoute } from '../../contracts/names.ts';
import { activityId } from '../../contracts/stream-activity-id.ts';
import { Random } from '../../local/random.ts';

export interface TrafficMessage {
  readonly topic: MessageRoute['topic'];
  readonly body: object;
}

/** What GetStream must hold once all messages are applied: the graph as a reader sees it. */
export interface ExpectedGraph {
  /** Feed -> foreign ids, each there exactly once. */
  readonly activities: ReadonlyMap<string, ReadonlySet<string>>;
  /** Reaction id -> whether it exists. */
  readonly reactions: ReadonlyMap<string, boolean>;
  /** Source feed -> target feeds it follows. */
  readonly follows: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface Traffic {
  /** In the order of publication: shuffled, with duplicates. */
  readonly messages: readonly TrafficMessage[];
  readonly expected: ExpectedGraph;
}

export interface TrafficOptions {
  readonly seed: number;
  /** Messages in all, duplicates included. */
  readonly count: number;
  /** Share of messages that repeat an earlier one, 0 to 1. */
  readonly duplicates: number;
  readonly users?: number;
}

const START = Date.parse('2026-01-01T00:00:00Z');
const FEED_TYPES = ['User', 'Timeline', 'Notification'] as const;
const VERBS = ['Post', 'RePost', 'Question', 'Achievement'] as const;

/**
 * A seeded mix of every kind of message, with the graph it must end in. Edges toggle; every message bears `EventTime`, so
 * that order of arrival does not matter.
 */
export function generateTraffic({ seed, count, duplicates, users = 12 }: TrafficOptions): Traffic {
  const random = new Random(seed);
  const run = randomUUID().slice(0, 8);
  const names = Array.from({ length: users }, (_, index) => `u${index}-${run}`);
  const unique = count - Math.round(count * duplicates);
  const graph = new GraphModel();
  const messages: TrafficMessage[] = [];
  const posts: { foreignId: string; timeMs: number }[] = [];
  for (let index = 0; index < unique; index++) {
    const at = START + index * 1000;
    const actor = random.pick(names);
    const draw = random.next();
    if (draw < 0.4 || posts.length === 0) {
      const post = makePost(random, actor, index, at);
      posts.push({ foreignId: post.ForeignID, timeMs: at });
      graph.add(`${post.FeedType.toLowerCase()}:${actor}`, post.ForeignID);
      messages.push({ topic: 'activities', body: post });
    } else if (draw < 0.55) {
      const comment = makeComment(actor, index, at, random.pick(posts).foreignId);
      graph.add(`user:${actor}`, comment.ForeignID);
      messages.push({ topic: 'mentions', body: comment });
    } else if (draw < 0.75) {
      messages.push({ topic: 'reactions', body: makeReaction(random, graph, actor, index, at, random.pick(posts)) });
    } else {
      messages.push({ topic: 'follow-relationships', body: makeFollow(random, graph, actor, names, at) });
    }
  }
  const repeated = Array.from({ length: count - unique }, () => random.pick(messages));
  return { messages: shuffled([...messages, ...repeated], random), expected: graph };
}

class GraphModel implements ExpectedGraph {
  readonly activities = new Map<string, Set<string>>();
  readonly reactions = new Map<string, boolean>();
  readonly follows = new Map<string, Set<string>>();

  add(feed: string, foreignId: string): void {
    this.activities.set(feed, (this.activities.get(feed) ?? new Set()).add(foreignId));
  }

  setFollow(source: string, target: string, present: boolean): void {
    const targets = this.follows.get(source) ?? new Set();
    if (present) targets.add(target);
    else targets.delete(target);
    this.follows.set(source, targets);
  }
}

function makePost(random: Random, actor: string, index: number, at: number) {
  const verb = random.pick(VERBS);
  return {
    Actor: actor,
    Verb: verb,
    ObjectID: String(index),
    FeedType: random.pick(FEED_TYPES),
    CreatedAt: new Date(at).toISOString(),
    To: [],
    ForeignID: `${verb}:${actor}-${index}`,
    HashTags: ['#Jazz'],
  };
}

function makeComment(actor: string, index: number, at: number, parent: string) {
  return {
    Actor: actor,
    Verb: 'Comment',
    ObjectID: String(index),
    ParentID: parent,
    FeedType: 'User',
    Time: new Date(at).toISOString(),
    ForeignID: `Comment:${actor}-${index}`,
  };
}

function makeReaction(
  random: Random,
  graph: GraphModel,
  actor: string,
  index: number,
  at: number,
  post: { foreignId: string; timeMs: number },
) {
  const liked = [...graph.reactions].filter(([, present]) => present).map(([id]) => id);
  const unlike = liked.length > 0 && random.chance(0.3);
  const id = unlike ? random.pick(liked) : randomUUID();
  graph.reactions.set(id, !unlike);
  return {
    ActivityID: activityId(post.foreignId, post.timeMs * 1000),
    Kind: unlike ? 'Unlike' : random.pick(['Like', 'Star', 'Share']),
    TargetFeed: [],
    Data3: id,
    UserID: actor,
    EventID: `reaction-${index}`,
    EventTime: new Date(at).toISOString(),
  };
}

function makeFollow(random: Random, graph: GraphModel, actor: string, names: readonly string[], at: number) {
  const other = random.pick(names.filter((name) => name !== actor));
  const [source, target] = [`timeline:${actor}`, `user:${other}`];
  const unfollow = random.chance(0.35);
  graph.setFollow(source, target, !unfollow);
  return {
    SourceFeedID: source,
    TargetFeedID: target,
    ActivityCopyLimit: random.pick([0, 0, 10]),
    Kind: unfollow ? 'Unfollow' : 'Follow',
    EventTime: new Date(at).toISOString(),
  };
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return items
    .map((item) => ({ item, rank: random.next() }))
    .toSorted((left, right) => left.rank - right.rank)
    .map(({ item }) => item);
}
