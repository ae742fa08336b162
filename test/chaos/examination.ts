import type { Client } from '@temporalio/client';
import type { StreamClient } from 'getstream';
import { describeReaction, followedBy, ownActivities, standingReaction } from '../support/graph-check.ts';
import type { PlannedEdge, TrafficMessage } from '../support/traffic.ts';
import { judgeEdge, judgePost, type Fate, type Finding, type Judgement } from './findings.ts';
import { readRunRecords } from './run-records.ts';
import type { Published } from './settling.ts';

/** Its `EventTime` must not lie after its sending, whatever the clocks of the two do. */
const CLOCK_MARGIN_MS = 1_000;

/** How many posts and comments, or edges, ended in which way. */
export type FateCounts = Readonly<Record<Fate, number>>;

export interface Examination {
  readonly posts: FateCounts;
  readonly edges: FateCounts;
  readonly findings: readonly Finding[];
  /** Activities that stand. */
  readonly standing: number;
}

/** Compares what stands on GetStream with what was published and what the histories say became of it. */
export async function examine(client: Client, stream: StreamClient, published: Published): Promise<Examination> {
  const runs = await readRunRecords(client);
  const feeds = new Map<string, string[]>();
  for (const { feed } of published.posts) if (!feeds.has(feed)) feeds.set(feed, await ownActivities(stream, feed));
  const follows = await readFollows(stream, published.edges);
  const posts = published.posts.map((post) => {
    const times = feeds.get(post.feed)?.filter((id) => id === post.foreignId).length ?? 0;
    return judgePost(post, times, runs.get(post.workflowId) ?? []);
  });
  const edges: Judgement[] = [];
  for (const edge of published.edges) {
    edges.push(judgeEdge(edge, await effectOf(stream, edge, follows), runs.get(edge.workflowId) ?? []));
  }
  const strangers = [...strangersIn(feeds, published), ...strangeFollows(follows, published.edges)];
  return {
    posts: count(posts),
    edges: count(edges),
    findings: [...posts, ...edges].flatMap(({ findings }) => findings).concat(strangers),
    standing: [...feeds.values()].reduce((total, ids) => total + ids.length, 0),
  };
}

/** One more event for each edge, which changes what stands. */
export async function finalEvents(
  stream: StreamClient,
  edges: readonly PlannedEdge[],
): Promise<{ readonly messages: readonly TrafficMessage[]; readonly edges: readonly PlannedEdge[] }> {
  const anchor = await stream.feed('user', 'chaos-anchor').addActivity({ actor: 'anchor', verb: 'post', object: '1' });
  const atMs = Date.now() - CLOCK_MARGIN_MS;
  const follows = await readFollows(stream, edges);
  const messages: TrafficMessage[] = [];
  const extended: PlannedEdge[] = [];
  for (const edge of edges) {
    const EventTime = new Date(atMs).toISOString();
    if (edge.kind === 'follow') {
      const stands = !(follows.get(edge.source)?.includes(edge.target) ?? false);
      const body = { SourceFeedID: edge.source, TargetFeedID: edge.target, ActivityCopyLimit: 0, EventTime };
      messages.push({ topic: 'follow-relationships', body: { ...body, Kind: stands ? 'Follow' : 'Unfollow' } });
      extended.push({ ...edge, moments: [...edge.moments, { atMs, stands }] });
      continue;
    }
    const before = await standingReaction(stream, edge.reactionId);
    const userId = before?.userId ?? edge.moments.find(({ stands }) => stands)?.stands?.userId ?? 'nobody';
    const stands = before?.kind === 'Like' ? undefined : { kind: 'Like', activityId: anchor.id, userId };
    const body = {
      ActivityID: anchor.id,
      Kind: stands ? 'Like' : 'Unlike',
      Data3: edge.data3,
      UserID: userId,
      EventTime,
    };
    messages.push({ topic: 'reactions', body });
    extended.push({ ...edge, moments: [...edge.moments, { atMs, stands }] });
  }
  return { messages, edges: extended };
}

type Follows = ReadonlyMap<string, readonly string[]>;

async function readFollows(stream: StreamClient, edges: readonly PlannedEdge[]): Promise<Follows> {
  const follows = new Map<string, string[]>();
  for (const edge of edges) {
    if (edge.kind === 'follow' && !follows.has(edge.source)) {
      follows.set(edge.source, await followedBy(stream, edge.source));
    }
  }
  return follows;
}

async function effectOf(stream: StreamClient, edge: PlannedEdge, follows: Follows): Promise<string> {
  if (edge.kind === 'reaction') return describeReaction(await standingReaction(stream, edge.reactionId));
  return follows.get(edge.source)?.includes(edge.target) ? 'follows' : 'nothing';
}

function strangersIn(feeds: ReadonlyMap<string, readonly string[]>, { posts }: Published): Finding[] {
  const known = new Set(posts.map(({ feed, foreignId }) => `${feed} ${foreignId}`));
  return [...feeds].flatMap(([feed, ids]) =>
    ids
      .filter((id) => !known.has(`${feed} ${id}`))
      .map((id) => ({ kind: 'doubled' as const, text: `${feed} holds ${id}, which nobody published there` })),
  );
}

function strangeFollows(follows: Follows, edges: readonly PlannedEdge[]): Finding[] {
  const known = new Set(edges.flatMap((edge) => (edge.kind === 'follow' ? [`${edge.source} ${edge.target}`] : [])));
  return [...follows].flatMap(([source, targets]) =>
    targets
      .filter((target) => !known.has(`${source} ${target}`))
      .map((target) => ({ kind: 'wrongEdge' as const, text: `${source} follows ${target}, which nobody published` })),
  );
}

function count(judgements: readonly Judgement[]): FateCounts {
  const of = (fate: Fate): number => judgements.filter((judgement) => judgement.fate === fate).length;
  return { applied: of('applied'), givenUp: of('givenUp'), torn: of('torn'), lost: of('lost') };
}
