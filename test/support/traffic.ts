import { randomUUID } from 'node:crypto';
import type { MessageRoute } from '../../contracts/shared/names.ts';
import { reactionIdOf } from '../../contracts/events/reaction-id.ts';
import { activityId } from '../../contracts/events/stream-activity-id.ts';
import { encodeIdComponent } from '../../contracts/shared/id-component.ts';
import { Random } from '../../local/random.ts';

export interface TrafficMessage {
  readonly topic: MessageRoute['topic'];
  readonly body: object;
}

/** What GetStream must hold once all messages are applied: the graph as a reader sees it. */
export interface ExpectedGraph {
  /** Feed -> foreign ids, each there exactly once. */
  readonly activities: ReadonlyMap<string, ReadonlySet<string>>;
  /** Reaction id -> what stands under it, undefined for nothing. */
  readonly reactions: ReadonlyMap<string, StandingReaction | undefined>;
  /** Source feed -> target feeds it follows. */
  readonly follows: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface StandingReaction {
  readonly kind: string;
  /** On GetStream. */
  readonly activityId: string;
  readonly userId: string;
}

/** A post or comment that was published. */
export interface PlannedPost {
  readonly workflowId: string;
  readonly feed: string;
  readonly foreignId: string;
  /** On GetStream. */
  readonly activityId: string;
  /** Of a comment, the workflow of what it answers. */
  readonly parent?: string;
}

/** An edge with all that was published of it, in the order of its times. */
export type PlannedEdge = PlannedReactions | PlannedFollows;

export interface PlannedReactions {
  readonly kind: 'reaction';
  readonly workflowId: string;
  readonly data3: string;
  readonly reactionId: string;
  /** Two users' events bear the one `Data3`: whose comes second is refused. */
  readonly isShared: boolean;
  readonly moments: readonly { readonly atMs: number; readonly stands: StandingReaction | undefined }[];
}

export interface PlannedFollows {
  readonly kind: 'follow';
  readonly workflowId: string;
  readonly source: string;
  readonly target: string;
  readonly moments: readonly { readonly atMs: number; readonly stands: boolean }[];
}

export interface Traffic {
  /** In the order of publication: shuffled, with duplicates. */
  readonly messages: readonly TrafficMessage[];
  /** Those of them that are no poison. */
  readonly repeatable: readonly TrafficMessage[];
  /** When nobody gives an event up, and no user's reaction is in another's way. */
  readonly expected: ExpectedGraph;
  readonly posts: readonly PlannedPost[];
  readonly edges: readonly PlannedEdge[];
  /** How many messages are poison, each to be rejected. */
  readonly poison: number;
}

export interface TrafficOptions {
  readonly seed: number;
  /** Messages in all, duplicates included. */
  readonly count: number;
  /** Share of messages that repeat an earlier one, 0 to 1. */
  readonly duplicates: number;
  readonly users?: number;
  /** Adds what cannot go well: poison, and reactions of two users under one `Data3`. Default false. */
  readonly troubles?: boolean;
}

const START = Date.parse('2026-01-01T00:00:00Z');
const FEED_TYPES = ['User', 'Timeline', 'Notification'] as const;
const VERBS = ['Post', 'RePost', 'Question', 'Achievement'] as const;
const ADDITIONS = ['Like', 'Star', 'Share'] as const;

/**
 * A seeded mix of every kind of message, with the graph it must end in. Edges toggle; every message bears `EventTime`, so
 * that order of arrival does not matter.
 */
export function generateTraffic({ seed, count, duplicates, users = 12, troubles = false }: TrafficOptions): Traffic {
  const random = new Random(seed);
  const run = randomUUID().slice(0, 8);
  const names = Array.from({ length: users }, (_, index) => `u${index}-${run}`);
  const poison = troubles ? Math.ceil(count / 40) : 0;
  const unique = count - Math.round(count * duplicates) - poison;
  const maker = new TrafficMaker(random, names, troubles);
  for (let index = 0; index < unique; index++) maker.add(index, START + index * 1000);
  const { messages, posts, edges } = maker;
  const repeated = Array.from({ length: count - unique - poison }, () => random.pick(messages));
  const unreadable = Array.from({ length: poison }, (_, index) => poisonOf(random, `${run}-${index}`));
  const repeatable = shuffled([...messages, ...repeated], random);
  return {
    messages: shuffled([...repeatable, ...unreadable], random),
    repeatable,
    expected: graphOf(posts, edges),
    posts,
    edges,
    poison,
  };
}

class TrafficMaker {
  readonly messages: TrafficMessage[] = [];
  readonly posts: PlannedPost[] = [];
  readonly #reactions: Writable<PlannedReactions>[] = [];
  readonly #follows = new Map<string, Writable<PlannedFollows>>();
  readonly #random: Random;
  readonly #names: readonly string[];
  readonly #troubles: boolean;

  constructor(random: Random, names: readonly string[], troubles: boolean) {
    this.#random = random;
    this.#names = names;
    this.#troubles = troubles;
  }

  get edges(): PlannedEdge[] {
    return [...this.#reactions, ...this.#follows.values()];
  }

  add(index: number, atMs: number): void {
    const actor = this.#random.pick(this.#names);
    const draw = this.#random.next();
    if (draw < 0.4 || this.posts.length === 0) this.#post(actor, index, atMs);
    else if (draw < 0.5) this.#comment(actor, index, atMs);
    else if (draw < 0.75) this.#reaction(actor, index, atMs);
    else this.#follow(actor, atMs);
  }

  #post(actor: string, index: number, atMs: number): void {
    const verb = this.#random.pick(VERBS);
    const foreignId = `${verb}:${actor}-${index}`;
    const feedType = this.#random.pick(FEED_TYPES);
    const body = {
      Actor: actor,
      Verb: verb,
      ObjectID: String(index),
      FeedType: feedType,
      CreatedAt: rfc3339(atMs),
      To: [],
      ForeignID: foreignId,
      HashTags: ['#Jazz'],
    };
    this.posts.push(plannedPost(`${feedType.toLowerCase()}:${actor}`, foreignId, atMs));
    this.messages.push({ topic: 'activities', body });
  }

  #comment(actor: string, index: number, atMs: number): void {
    const parent = this.#random.pick(this.posts);
    const foreignId = `Comment:${actor}-${index}`;
    const body = {
      Actor: actor,
      Verb: 'Comment',
      ObjectID: String(index),
      ParentID: parent.foreignId,
      FeedType: 'User',
      Time: rfc3339(atMs),
      ForeignID: foreignId,
    };
    this.posts.push(plannedPost(`user:${actor}`, foreignId, atMs, parent.workflowId));
    this.messages.push({ topic: 'mentions', body });
  }

  /** Of one `Data3`, which its user's reactions of other kinds and to other posts share; sometimes another user's too. */
  #reaction(actor: string, index: number, atMs: number): void {
    const random = this.#random;
    const edge = this.#reactions.length > 0 && random.chance(0.6) ? random.pick(this.#reactions) : undefined;
    const { data3, reactionId, isShared, moments } = edge ?? this.#newReaction(actor, index);
    const owner = moments.at(0)?.stands?.userId ?? actor;
    const userId = isShared && moments.length > 0 ? random.pick(this.#names) : owner;
    const post = random.pick(this.posts);
    const isRemoval = edge !== undefined && !isShared && random.chance(0.4);
    const kind = isRemoval ? 'Unlike' : random.pick(ADDITIONS);
    const isNamedByForeignId = random.chance(0.2);
    moments.push({ atMs, stands: isRemoval ? undefined : { kind, activityId: post.activityId, userId } });
    const body = {
      ActivityID: isNamedByForeignId ? post.foreignId : post.activityId,
      Kind: kind,
      TargetFeed: [],
      Data3: data3 === reactionId && random.chance(0.2) ? data3.toUpperCase() : data3,
      UserID: userId,
      EventID: `reaction-${index}`,
      EventTime: rfc3339(atMs),
    };
    this.messages.push({ topic: 'reactions', body });
  }

  #newReaction(actor: string, index: number): Writable<PlannedReactions> {
    const data3 = this.#random.chance(0.7) ? randomUUID() : `${actor} gefällt / ${index} 👍 % ${randomUUID()}`;
    const edge = {
      kind: 'reaction' as const,
      workflowId: `reaction/${encodeIdComponent(data3)}`,
      data3,
      reactionId: reactionIdOf(data3),
      isShared: this.#troubles && this.#random.chance(0.1),
      moments: [],
    };
    this.#reactions.push(edge);
    return edge;
  }

  #follow(actor: string, atMs: number): void {
    const random = this.#random;
    const other = random.pick(this.#names.filter((name) => name !== actor));
    const [source, target] = [`timeline:${actor}`, `user:${other}`];
    const workflowId = `follow/${source}/${target}`;
    const edge = this.#follows.get(workflowId) ?? { kind: 'follow', workflowId, source, target, moments: [] };
    this.#follows.set(workflowId, edge);
    const unfollow = random.chance(0.35);
    edge.moments.push({ atMs, stands: !unfollow });
    const body = {
      SourceFeedID: source,
      TargetFeedID: target,
      ActivityCopyLimit: random.pick([0, 0, 10]),
      Kind: unfollow ? 'Unfollow' : 'Follow',
      EventTime: rfc3339(atMs),
    };
    this.messages.push({ topic: 'follow-relationships', body });
  }
}

type Writable<Edge extends PlannedEdge> = Edge & { readonly moments: Edge['moments'][number][] };

function plannedPost(feed: string, foreignId: string, atMs: number, parent?: string): PlannedPost {
  return {
    workflowId: `${parent === undefined ? 'activity' : 'comment'}/${encodeIdComponent(foreignId)}`,
    feed,
    foreignId,
    activityId: activityId(foreignId, atMs * 1000),
    ...(parent === undefined ? {} : { parent }),
  };
}

function graphOf(posts: readonly PlannedPost[], edges: readonly PlannedEdge[]): ExpectedGraph {
  const activities = new Map<string, Set<string>>();
  for (const { feed, foreignId } of posts) {
    activities.set(feed, (activities.get(feed) ?? new Set()).add(foreignId));
  }
  const reactions = new Map<string, StandingReaction | undefined>();
  const follows = new Map<string, Set<string>>();
  for (const edge of edges) {
    if (edge.kind === 'reaction') {
      reactions.set(edge.reactionId, edge.moments.at(-1)?.stands);
      continue;
    }
    const targets = follows.get(edge.source) ?? new Set();
    if (edge.moments.at(-1)?.stands) targets.add(edge.target);
    follows.set(edge.source, targets);
  }
  return { activities, reactions, follows };
}

/** No two alike, so that each is a message of its own. */
function poisonOf(random: Random, id: string): TrafficMessage {
  return random.pick<TrafficMessage>([
    { topic: 'activities', body: { Actor: id, Verb: 'Shout', ObjectID: '1' } },
    { topic: 'mentions', body: { ForeignID: `Comment:${id}-2`, Actor: id, Verb: 'Comment', ObjectID: '1' } },
    { topic: 'reactions', body: { ActivityID: 'no id', Kind: 'Like', Data3: id, UserID: id } },
    {
      topic: 'follow-relationships',
      body: { SourceFeedID: `timeline:${id}`, TargetFeedID: 'not a feed', ActivityCopyLimit: 5 },
    },
  ]);
}

function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return items
    .map((item) => ({ item, rank: random.next() }))
    .toSorted((left, right) => left.rank - right.rank)
    .map(({ item }) => item);
}
