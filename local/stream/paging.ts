import { type Query, integerParameter, parameter } from './input.ts';
import { SIZES } from './sizes.ts';
import type { Bound, Comparison, PageRequest } from './store/pages.ts';

/** Bounds as query parameters name them. */
const BOUNDS: readonly (readonly [string, Comparison])[] = [
  ['id_lt', '<'],
  ['id_lte', '<='],
  ['id_gt', '>'],
  ['id_gte', '>='],
];
/** What a link to the next page does not repeat: credentials, and where this page began. */
const NOT_REPEATED = ['api_key', 'location', 'limit', 'offset', 'mark_seen', 'mark_read'];

/** Reads `id_lt`, `id_lte`, `id_gt` and `id_gte`. */
export function boundsOf(query: Query): Bound[] {
  return BOUNDS.flatMap(([name, comparison]) => {
    const id = parameter(query, name);
    return id === undefined ? [] : [{ comparison, id }];
  });
}

/** Reads which page of a feed is wanted. */
export function feedPageOf(query: Query): PageRequest {
  return {
    limit: integerParameter(query, 'limit', { least: 1, most: SIZES.feedPageMaximum }) ?? SIZES.feedPageDefault,
    offset: integerParameter(query, 'offset', { least: 0, most: Number.MAX_SAFE_INTEGER }) ?? 0,
    bounds: boundsOf(query),
  };
}

/**
 * The relative link to the page after this one: same parameters, bound by the last id shown
 * (stream-go2 `flat_feed_test.go`).
 */
export function nextPage(path: string, query: Query, bound: 'id_lt' | 'id_gt', lastId: string, limit: number): string {
  const next = new URLSearchParams({ [bound]: lastId, limit: String(limit) });
  const replaced = bound === 'id_lt' ? ['id_lt', 'id_lte'] : ['id_gt', 'id_gte'];
  for (const [name, value] of Object.entries(query)) {
    if (NOT_REPEATED.includes(name) || replaced.includes(name)) continue;
    for (const item of typeof value === 'string' ? [value] : (value ?? [])) next.append(name, item);
  }
  return `${path}?${next.toString()}`;
}
