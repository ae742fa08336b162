import { type Call, type Endpoint, feedOfPath } from '../endpoint.ts';
import { inputError, missingRankingError } from '../errors.ts';
import { type Enrichment, enrichActivity, enrichmentOf } from '../enrichment.ts';
import { isObject, parameter } from '../input.ts';
import { feedPageOf, nextPage } from '../paging.ts';
import { mayReadFeed, ownsFeed, requirePolicy } from '../policies.ts';
import type { Feed } from '../store/feeds.ts';
import type { FeedGroup, FeedItem, Page } from '../store/pages.ts';
import { type View, activityView, groupId, groupView } from '../views.ts';

/** Reading feeds: raw as stored, or enriched. */
export const feedEndpoints: readonly Endpoint[] = [
  { method: 'GET', path: '/feed/:slug/:id/', resource: 'feed', quota: 'readFeed', handle: (call) => read(call) },
  {
    method: 'GET',
    path: '/enrich/feed/:slug/:id/',
    resource: 'feed',
    quota: 'readFeed',
    handle: (call) => read(call, enrichmentOf(call)),
  },
];

function read(call: Call, enrichment?: Enrichment): Record<string, unknown> {
  const id = feedOfPath(call);
  requirePolicy(call.caller, mayReadFeed(id));
  checkRanking(call);
  const request = feedPageOf(call.query);
  const render = (item: FeedItem): View =>
    enrichment ? enrichActivity(call.store, item, enrichment) : activityView(item);
  const next = (page: Page<unknown>, lastId: string): string =>
    page.more ? nextPage(call.path, call.query, 'id_lt', lastId, request.limit) : '';
  const kind = call.store.feeds.kindOf(id);
  const feed = call.store.feeds.find(id);
  const { pages } = call.store;
  if (kind === 'flat') {
    const page = feed ? pages.activities(feed, request) : EMPTY;
    return { results: page.items.map(render), next: next(page, page.items.at(-1)?.id ?? '') };
  }
  const page = feed ? pages.groups(feed, request) : EMPTY;
  const results = page.items.map((group) => groupView(group, kind, group.activities.map(render)));
  const last = page.items.at(-1);
  const answer = { results, next: next(page, last ? groupId(last, kind) : '') };
  if (kind === 'aggregated') return answer;
  const unmarked = feed ? pages.unmarked(feed) : { unseen: 0, unread: 0 };
  // Marks show from the next read on (stream-net `NotificationActivityTests`).
  if (feed) applyMarks(call, feed, page.items);
  return { ...answer, ...unmarked };
}

const EMPTY = { items: [], more: false } as const;

/** `true`: all groups; `current`: those of this page; else the listed ones. */
function applyMarks(call: Call, feed: Feed, shown: readonly FeedGroup[]): void {
  const { pages } = call.store;
  for (const mark of ['seen', 'read'] as const) {
    const value = parameter(call.query, `mark_${mark}`);
    if (value === undefined || value === 'false') continue;
    requirePolicy(call.caller, ownsFeed(feed));
    if (value === 'true') pages.markAll(feed, mark);
    else if (value === 'current')
      pages.mark(
        feed,
        mark,
        shown.map(({ name }) => name),
      );
    else pages.mark(feed, mark, named(call, feed, value));
  }
}

/** Names of the groups in a comma list of ids: `<activity id>.<group>` or an activity's id alone. */
function named(call: Call, feed: Feed, ids: string): string[] {
  return ids.split(',').flatMap((id) => {
    const dot = id.indexOf('.');
    return dot < 0 ? (call.store.pages.groupOf(feed, id) ?? []) : id.slice(dot + 1);
  });
}

/** No ranking is configured here, so none can be asked for; its variables are checked as Stream checks them. */
function checkRanking({ query }: Call): void {
  const ranking = parameter(query, 'ranking');
  if (ranking !== undefined) throw missingRankingError(`ranking '${ranking}' is not configured`);
  if (query['rankingVars[]'] !== undefined) throw inputError('rankingVars must be a JSON object');
  const variables = parameter(query, 'rankingVars');
  if (variables !== undefined && !isJsonObject(variables)) throw inputError('rankingVars must be a JSON object');
}

function isJsonObject(text: string): boolean {
  try {
    return isObject(JSON.parse(text));
  } catch {
    return false;
  }
}
