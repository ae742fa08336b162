/** GetStream's largest page of a feed [stream-js reads 100 at most]. */
const PAGE_SIZE = 100;
/** Bound on the reads of a source feed whose own traffic lies thick between the copied activities. */
const MAX_SOURCE_PAGES = 30;

interface FeedActivity {
  readonly id: string;
  readonly time: string;
}

/** The part of a `getstream` feed that the check reads. */
export interface ReadableFeed {
  get(options: { limit: number; id_lt?: string; id_lte?: string }): Promise<{ results: readonly unknown[] }>;
}

/**
 * Ids of the target's latest activities that the source feed lacks after a follow with a copy limit. Activities removed
 * from the target meanwhile are not missed. A source too busy to be read within 30 pages counts as complete.
 */
export async function missingCopies(source: ReadableFeed, target: ReadableFeed, copyLimit: number): Promise<string[]> {
  const expected = await latest(target, copyLimit);
  const lacking = await lackingIn(source, expected);
  if (lacking.size === 0) return [];
  const still = await latest(target, copyLimit);
  return still.map(({ id }) => id).filter((id) => lacking.has(id));
}

async function latest(feed: ReadableFeed, count: number): Promise<FeedActivity[]> {
  const found: FeedActivity[] = [];
  while (found.length < count) {
    const limit = Math.min(PAGE_SIZE, count - found.length);
    const last = found.at(-1);
    const page = activitiesOf(await feed.get(last ? { limit, id_lt: last.id } : { limit }));
    found.push(...page);
    if (page.length < limit) break;
  }
  return found;
}

async function lackingIn(source: ReadableFeed, expected: readonly FeedActivity[]): Promise<Set<string>> {
  const lacking = new Set(expected.map(({ id }) => id));
  const [newest, oldest] = [expected[0], expected.at(-1)];
  if (!newest || !oldest) return lacking;
  let position: { id_lte: string } | { id_lt: string } = { id_lte: newest.id };
  for (let pages = 0; pages < MAX_SOURCE_PAGES; pages++) {
    const page = activitiesOf(await source.get({ limit: PAGE_SIZE, ...position }));
    for (const { id } of page) lacking.delete(id);
    const last = page.at(-1);
    if (lacking.size === 0 || !last || page.length < PAGE_SIZE || last.time < oldest.time) return lacking;
    position = { id_lt: last.id };
  }
  return new Set();
}

function activitiesOf(page: { results: readonly unknown[] }): FeedActivity[] {
  return page.results.filter(isFeedActivity);
}

function isFeedActivity(value: unknown): value is FeedActivity {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    typeof value.id === 'string' &&
    'time' in value &&
    typeof value.time === 'string'
  );
}
