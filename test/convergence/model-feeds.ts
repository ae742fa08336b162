import { activityId, timeOfUuid } from '../../contracts/events/stream-activity-id.ts';
import { createClock, formatActivityTime, formatTimestamp, parseTime, type Micros } from '../../local/stream/time.ts';
import { missingFields, refusedInput } from './model-errors.ts';

export interface ModelActivity {
  readonly id: string;
  readonly foreignId: string;
  readonly timeMicros: Micros;
  readonly time: string;
  /** Everything else that was sent. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Where it stands in a feed: the followed feed it came from, null when it was added there. */
  readonly origin?: string | null;
}

interface Relation {
  readonly feed_id: string;
  readonly target_id: string;
  readonly created_at: string;
  readonly updated_at: string;
}

type Comparison = (order: number) => boolean;
const BOUNDS: Readonly<Record<string, Comparison>> = {
  id_lt: (order) => order < 0,
  id_lte: (order) => order <= 0,
  id_gt: (order) => order > 0,
  id_gte: (order) => order >= 0,
};
/** Origin of what was added to a feed itself. */
const HERE = '';

/** Activities, the feeds they stand in and why, and who follows whom. */
export class ModelFeeds {
  readonly clock = createClock();
  readonly #activities = new Map<string, ModelActivity>();
  /** By feed and activity: the feeds it came from. */
  readonly #entries = new Map<string, Map<string, Set<string>>>();
  /** By source and target: when it began. */
  readonly #follows = new Map<string, Map<string, Micros>>();

  add(feed: string, fields: Readonly<Record<string, unknown>>): ModelActivity {
    const missing = ['actor', 'verb', 'object'].filter((name) => (fields[name] ?? '') === '');
    if (missing.length > 0) throw missingFields(missing);
    const to = listOf(fields['to']);
    const timeMicros = typeof fields['time'] === 'string' ? parseTime(fields['time']) : undefined;
    const foreignId = fields['foreign_id'];
    // The worker names every activity by both, so that a second write is the same one.
    if (timeMicros === undefined || typeof foreignId !== 'string' || foreignId === '')
      throw new Error('the model takes activities with a foreign id and a time');
    const { time: _time, foreign_id: _foreignId, to: _to, ...content } = fields;
    return this.place(foreignId, timeMicros, content, [feed, ...to], to);
  }

  /** One that is there already is overwritten, and stays where it was. */
  place(
    foreignId: string,
    timeMicros: Micros,
    content: Readonly<Record<string, unknown>>,
    feeds: readonly string[],
    to: readonly string[] = [],
  ): ModelActivity {
    const id = activityId(foreignId, timeMicros);
    const targets = [...new Set([...listOf(this.#activities.get(id)?.body['to']), ...to])];
    const body = { ...content, ...(targets.length > 0 ? { to: targets } : {}) };
    const activity = { id, foreignId, timeMicros, time: formatActivityTime(timeMicros), body };
    this.#activities.set(id, activity);
    for (const feed of feeds) {
      this.#enter(feed, id, HERE);
      for (const follower of this.#followersOf(feed)) this.#enter(follower, id, feed);
    }
    return activity;
  }

  /** Out of the feed and its followers; where it was added, out of its `to` feeds and theirs as well. */
  remove(feed: string, id: string): void {
    const activity = this.#activities.get(id);
    if (!activity) return;
    const to = listOf(activity.body['to']);
    const homes = this.homesOf(id);
    const isTarget = to.includes(feed) && !homes.every((home) => to.includes(home));
    const isHome = homes.includes(feed) && !isTarget;
    this.#entries.get(feed)?.delete(id);
    this.#leaveFollowers(feed, id);
    for (const target of isHome ? to : []) {
      this.#leave(target, id, HERE);
      this.#leaveFollowers(target, id);
    }
    if (this.homesOf(id).length > 0) return;
    this.#activities.delete(id);
    for (const entries of this.#entries.values()) entries.delete(id);
  }

  byIds(ids: readonly string[]): ModelActivity[] {
    return ids.flatMap((id) => this.#activities.get(id) ?? []);
  }

  read(
    feed: string,
    query: Readonly<Record<string, string>>,
  ): { readonly items: readonly ModelActivity[]; readonly more: boolean } {
    const limit = Number(query['limit'] ?? '25');
    if (!Number.isInteger(limit) || limit < 1 || limit > 100)
      throw refusedInput('limit must be an integer from 1 to 100');
    const bounds = Object.entries(BOUNDS).flatMap(([name, holds]) => {
      const id = query[name];
      return id === undefined ? [] : [{ holds, place: this.#placeOf(id) }];
    });
    const all = [...(this.#entries.get(feed) ?? [])]
      .flatMap(([id, origins]) => {
        const activity = this.#activities.get(id);
        const origin = origins.has(HERE) ? null : ([...origins][0] ?? null);
        return activity ? [{ ...activity, origin }] : [];
      })
      .filter((activity) => bounds.every(({ holds, place }) => holds(compare(activity, place))))
      .toSorted((one, other) => compare(other, one));
    return { items: all.slice(0, limit), more: all.length > limit };
  }

  /** An existing relation stays as it is, and nothing is copied. */
  follow(source: string, target: string, copyLimit: number, createdMicros: Micros = this.clock()): void {
    const relations = this.#follows.get(source) ?? new Map<string, Micros>();
    this.#follows.set(source, relations);
    if (relations.has(target)) return;
    relations.set(target, createdMicros);
    const own = this.#ownOf(target).slice(0, copyLimit);
    for (const { id } of own) this.#enter(source, id, target);
  }

  unfollow(source: string, target: string): void {
    this.#follows.get(source)?.delete(target);
    for (const id of this.#entries.get(source)?.keys() ?? []) this.#leave(source, id, target);
  }

  /** Newest first. */
  following(source: string): Relation[] {
    return [...(this.#follows.get(source) ?? [])]
      .toSorted(([, one], [, other]) => other - one)
      .map(([target, created]) => {
        const at = formatTimestamp(created);
        return { feed_id: source, target_id: target, created_at: at, updated_at: at };
      });
  }

  /** How many of the target's activities stand in the source because it follows it. */
  copiesOf(source: string, target: string): number {
    return [...(this.#entries.get(source)?.values() ?? [])].filter((origins) => origins.has(target)).length;
  }

  /** The feeds it was added to, as a target or otherwise. */
  homesOf(id: string): string[] {
    return this.#feedsWith(id, HERE);
  }

  #ownOf(feed: string): ModelActivity[] {
    return [...(this.#entries.get(feed) ?? [])]
      .flatMap(([id, origins]) => (origins.has(HERE) ? (this.#activities.get(id) ?? []) : []))
      .toSorted((one, other) => compare(other, one));
  }

  #followersOf(feed: string): string[] {
    return [...this.#follows].filter(([, relations]) => relations.has(feed)).map(([source]) => source);
  }

  #feedsWith(id: string, origin: string): string[] {
    return [...this.#entries].filter(([, entries]) => entries.get(id)?.has(origin)).map(([feed]) => feed);
  }

  #enter(feed: string, id: string, origin: string): void {
    const entries = this.#entries.get(feed) ?? new Map<string, Set<string>>();
    this.#entries.set(feed, entries.set(id, (entries.get(id) ?? new Set()).add(origin)));
  }

  #leave(feed: string, id: string, origin: string): void {
    const entries = this.#entries.get(feed);
    const origins = entries?.get(id);
    origins?.delete(origin);
    if (origins?.size === 0) entries?.delete(id);
  }

  #leaveFollowers(feed: string, id: string): void {
    for (const follower of this.#feedsWith(id, feed)) this.#leave(follower, id, feed);
  }

  #placeOf(id: string): Pick<ModelActivity, 'id' | 'timeMicros'> {
    const timeMicros = this.#activities.get(id)?.timeMicros ?? timeOfUuid(id);
    if (timeMicros === undefined) throw refusedInput('a feed can only be paged by ids of activities');
    return { id, timeMicros };
  }
}

function compare(
  one: Pick<ModelActivity, 'id' | 'timeMicros'>,
  other: Pick<ModelActivity, 'id' | 'timeMicros'>,
): number {
  if (one.timeMicros !== other.timeMicros) return one.timeMicros - other.timeMicros;
  return one.id === other.id ? 0 : one.id < other.id ? -1 : 1;
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
