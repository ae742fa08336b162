import type { StreamClient } from 'getstream';
import type { ExpectedGraph, StandingReaction } from './traffic.ts';

/** Compares GetStream with the expected graph, through the client's own reads; one line for each difference. */
export async function differences(client: StreamClient, expected: ExpectedGraph): Promise<string[]> {
  const found: string[] = [];
  for (const [feed, foreignIds] of expected.activities) {
    const written = await ownActivities(client, feed);
    for (const id of foreignIds) {
      const times = written.filter((other) => other === id).length;
      if (times !== 1) found.push(`${feed} holds ${id} ${times} times`);
    }
    for (const id of written) if (!foreignIds.has(id)) found.push(`${feed} holds ${id}, which nobody published there`);
  }
  for (const [id, wanted] of expected.reactions) {
    const [should, is] = [wanted, await standingReaction(client, id)].map(describeReaction);
    if (is !== should) found.push(`reaction ${id} should be ${should}, is ${is}`);
  }
  for (const [source, targets] of expected.follows) {
    const followed = await followedBy(client, source);
    for (const target of targets) if (!followed.includes(target)) found.push(`${source} does not follow ${target}`);
    for (const target of followed) if (!targets.has(target)) found.push(`${source} follows ${target}`);
  }
  return found;
}

/** Foreign ids written into the feed itself, what it copied from feeds it follows left out. */
export async function ownActivities(client: StreamClient, feed: string): Promise<string[]> {
  const ids: string[] = [];
  for (let offset = 0; ; offset += 100) {
    const { results } = await feedOf(client, feed).get({ limit: 100, offset });
    for (const activity of results.flatMap(activitiesIn)) {
      if (Reflect.get(activity, 'origin') === null) ids.push(String(Reflect.get(activity, 'foreign_id')));
    }
    if (results.length < 100) return ids;
  }
}

/** Notification feeds answer groups of activities, flat feeds activities. */
export function activitiesIn(result: object): object[] {
  const group: unknown = Reflect.get(result, 'activities');
  return Array.isArray(group) ? group.map(Object) : [result];
}

export async function standingReaction(client: StreamClient, id: string): Promise<StandingReaction | undefined> {
  try {
    const { kind, activity_id: activityId, user_id: userId } = await client.reactions.get(id);
    return { kind, activityId, userId };
  } catch (error) {
    if (Reflect.get(Object(Reflect.get(Object(error), 'response')), 'status') === 404) return undefined;
    throw error;
  }
}

export function describeReaction(reaction: StandingReaction | undefined): string {
  return reaction ? `${reaction.kind} ${reaction.activityId} of ${reaction.userId}` : 'nothing';
}

export async function followedBy(client: StreamClient, source: string): Promise<string[]> {
  const { results } = await feedOf(client, source).following({ limit: 500 });
  return results.map(({ target_id }) => target_id);
}

function feedOf(client: StreamClient, feed: string) {
  const [slug = '', user = ''] = feed.split(':');
  return client.feed(slug, user);
}
