import { DEFAULT_FEED_GROUPS } from '../../local/stream/feed-id.ts';
import { ModelFeeds, type ModelActivity } from './model-feeds.ts';
import { ModelReactions, type ModelReaction } from './model-reactions.ts';
import { ModelError, notFound, refusedInput } from './model-errors.ts';

/** A call of GetStream's REST API, after its base path. */
export interface ModelRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Without a leading slash, such as `feed/user/alice/`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface ModelAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ModelRequestOptions {
  /** How many activities a follow copies at most: a copy that stays incomplete. Default: no bound. */
  readonly copyCap?: number;
}

/** `slug:user`, and what follows in the path of a feed. */
const FEED_PATH = /^feed\/([^/]+)\/([^/]+)\/(?:(following)\/)?(?:(.+)\/)?$/;
const REACTION_PATH = /^reaction\/(?:([^/]+)\/)?$/;

/**
 * What GetStream remembers, in memory: just the calls that `activities/stream-activities.ts` makes, answered as
 * `stream-api.md` says. `stream-model.test.ts` compares it with the project's full Stream server.
 */
export class StreamModel {
  readonly feeds = new ModelFeeds();
  readonly reactions = new ModelReactions(this.feeds);

  /** Carries the request out, whole or not at all. */
  answer(request: ModelRequest, { copyCap = Infinity }: ModelRequestOptions = {}): ModelAnswer {
    try {
      const body = this.#perform(request, copyCap);
      return { status: request.method === 'POST' ? 201 : 200, body: { ...body, duration: '0.10ms' } };
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      return { status: error.status, body: error.body };
    }
  }

  #perform(request: ModelRequest, copyCap: number): Readonly<Record<string, unknown>> {
    const { method, path, query, body } = request;
    if (path === 'activities/') return { results: this.feeds.byIds((query['ids'] ?? '').split(',')).map(activityView) };
    const [isReaction, reactionId] = REACTION_PATH.exec(path) ?? [];
    if (isReaction !== undefined) return this.#reaction(method, reactionId, body);
    const [isFeed, slug = '', user = '', following, rest] = FEED_PATH.exec(path) ?? [];
    if (isFeed === undefined) throw new Error(`the model has no ${method} ${path}`);
    const feed = feedNamed(`${slug}:${user}`);
    if (following !== undefined) return this.#following(request, feed, rest, copyCap);
    switch (method) {
      case 'POST':
        return activityView({ ...this.feeds.add(feed, fieldsOf(body)), origin: null });
      case 'DELETE':
        this.feeds.remove(feed, decodeURIComponent(rest ?? ''));
        return { removed: decodeURIComponent(rest ?? '') };
      case 'GET': {
        const { items, more } = this.feeds.read(flat(feed), query);
        const last = items.at(-1);
        const next = more && last ? `/api/v1.0/${path}?id_lt=${last.id}&limit=${query['limit'] ?? '25'}` : '';
        return { results: items.map(activityView), next };
      }
    }
  }

  #following(
    { method, query, body }: ModelRequest,
    source: string,
    rest: string | undefined,
    copyCap: number,
  ): Readonly<Record<string, unknown>> {
    switch (method) {
      case 'POST': {
        const { target, activity_copy_limit: limit = 100 } = fieldsOf(body);
        if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 0 || limit > 1000)
          throw refusedInput('activity_copy_limit must be a non-negative number not greater than 1000');
        const followed = feedNamed(target);
        if (followed === source) throw refusedInput('a feed cannot follow itself');
        flat(followed, (slug) => `only flat feeds can be followed, ${slug} is not one`);
        this.feeds.follow(source, followed, Math.min(limit, copyCap));
        return {};
      }
      case 'DELETE':
        this.feeds.unfollow(source, feedNamed(rest));
        return {};
      case 'GET': {
        const others = query['filter']?.split(',').map(feedNamed);
        const limit = Number(query['limit'] ?? '25');
        const relations = this.feeds.following(source).filter(({ target_id: id }) => others?.includes(id) ?? true);
        return { results: relations.slice(0, limit) };
      }
    }
  }

  #reaction(method: ModelRequest['method'], id: string | undefined, body: unknown): Readonly<Record<string, unknown>> {
    if (method === 'POST') return reactionView(this.reactions.add(fieldsOf(body)));
    const reaction = id === undefined ? undefined : this.reactions.find(decodeURIComponent(id));
    if (!reaction) throw notFound('Reaction does not exist');
    if (method === 'GET') return reactionView(reaction);
    this.reactions.delete(reaction);
    return {};
  }
}

function activityView({ foreignId, body, ...rest }: ModelActivity): Readonly<Record<string, unknown>> {
  const { timeMicros: _time, ...shown } = rest;
  return { origin: null, target: '', foreign_id: foreignId, ...body, ...shown };
}

function reactionView({ targetFeeds, ...reaction }: ModelReaction): Readonly<Record<string, unknown>> {
  const { user_id: id } = reaction;
  return {
    ...reaction,
    updated_at: reaction.created_at,
    user: { id, error: 'ReferenceNotFound', reference: `SU:${id}`, reference_type: 'user' },
    parent: '',
    latest_children: {},
    children_counts: {},
    ...(targetFeeds.length > 0 ? { target_feeds: targetFeeds } : {}),
  };
}

function feedNamed(name: unknown): string {
  if (typeof name !== 'string' || !/^\w+:[\w-]+$/.test(name)) {
    throw refusedInput(`invalid feed id, expected something like user:1 got ${JSON.stringify(name)}`);
  }
  const slug = name.slice(0, name.indexOf(':'));
  if (DEFAULT_FEED_GROUPS[slug] === undefined) {
    throw new ModelError(400, 6, 'FeedConfigException', `The following feeds are not configured: ${slug}`);
  }
  return name;
}

/** Groups of activities are not modelled: nothing the worker does reads them. */
function flat(feed: string, refusal?: (slug: string) => string): string {
  const slug = feed.slice(0, feed.indexOf(':'));
  if (DEFAULT_FEED_GROUPS[slug] === 'flat') return feed;
  if (refusal) throw refusedInput(refusal(slug));
  throw new Error(`the model reads flat feeds only, not ${feed}`);
}

function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw refusedInput('the body must be a JSON object');
  return Object.fromEntries(Object.entries(body));
}
