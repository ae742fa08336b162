import { createHash } from 'node:crypto';
import { activityId, timeUuid } from '../../../contracts/events/stream-activity-id.ts';
import type { ActivityInput, ActivityKey } from '../activity-input.ts';
import { type FeedId, feedName } from '../feed-id.ts';
import type { Clock, Micros } from '../time.ts';
import { type Database, type Row, integer, json, text } from './database.ts';
import type { EntryActivity, EntryStore } from './entries.ts';
import type { FeedStore } from './feeds.ts';

/** An activity as stored. `body` holds every field but `id`, `time` and `origin`. */
export interface ActivityRecord {
  readonly id: string;
  readonly time: Micros;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Added {
  readonly activity: ActivityRecord;
  /** False: the same activity was there already and has been overwritten. */
  readonly created: boolean;
}

/** Activities, each stored once however many feeds show it, so an update is seen everywhere. */
export class ActivityStore {
  readonly #database: Database;
  readonly #feeds: FeedStore;
  readonly #entries: EntryStore;
  readonly #clock: Clock;

  constructor(database: Database, feeds: FeedStore, entries: EntryStore, clock: Clock) {
    this.#database = database;
    this.#feeds = feeds;
    this.#entries = entries;
    this.#clock = clock;
  }

  /**
   * Adds to a feed, to the activity's `to` feeds, and to the followers of them all.
   * An activity that exists already is overwritten and stays in the feeds where it was.
   */
  add(feed: FeedId, input: ActivityInput): Added {
    const added = this.#write(input, input.to);
    this.#place(added.activity, input.verb, [feed, ...input.to], true);
    return added;
  }

  /** One activity into many feeds. */
  addToMany(feeds: readonly FeedId[], input: ActivityInput, { fanOut }: { fanOut: boolean }): Added {
    const added = this.#write(input, []);
    this.#place(added.activity, input.verb, feeds, fanOut);
    return added;
  }

  /** Replaces the activity of this foreign id and time, all but its `to`; one that does not exist comes into being. */
  update(input: ActivityInput & { readonly time: Micros }): Added {
    return this.#write(input, []);
  }

  find(key: ActivityKey): ActivityRecord | undefined {
    const row =
      'id' in key
        ? this.#database.get('SELECT * FROM activity WHERE id = ?', key.id)
        : this.#database.get(
            "SELECT * FROM activity WHERE foreign_id = ? AND time = ? AND foreign_id <> ''",
            key.foreignId,
            key.time,
          );
    return row && readActivity(row);
  }

  replaceBody(id: string, body: Readonly<Record<string, unknown>>): void {
    this.#database.run('UPDATE activity SET body = ? WHERE id = ?', JSON.stringify(body), id);
  }

  /**
   * Takes the activity out of the feed, its followers and, when this is where it was added, its `to` feeds.
   * Without a feed left to stand in it is gone altogether.
   */
  remove(feedId: FeedId, id: string): boolean {
    const feed = this.#feeds.find(feedId);
    const activity = feed && this.find({ id });
    if (!activity) return false;
    const to = targetsOf(activity);
    const added = this.#entries.feedsAddedTo(id);
    // A feed among its own activity's targets is a target, unless there is no other place it was added to.
    const isTarget = to.includes(feedName(feed)) && !added.every((name) => to.includes(name));
    const isHome = added.includes(feedName(feed)) && !isTarget;
    let removed = this.#entries.removeActivity(feed, id);
    for (const target of isHome ? to : []) removed += this.#removeTarget(target, id);
    if (!this.#entries.wasAddedAnywhere(id)) this.delete(id);
    return removed > 0;
  }

  /** The activities in this feed that have the foreign id. */
  idsByForeignId(feedId: FeedId, foreignId: string): string[] {
    const feed = this.#feeds.find(feedId);
    if (!feed) return [];
    const rows = this.#database.all(
      `SELECT id FROM activity WHERE foreign_id = ? AND foreign_id <> ''
       AND EXISTS (SELECT 1 FROM entry WHERE feed = ? AND entry.time = activity.time AND entry.activity = activity.id)`,
      foreignId,
      feed.key,
    );
    return rows.map((row) => text(row, 'id'));
  }

  /** Ids of the activities by any of these actors, oldest first. */
  idsByActor(actors: readonly string[]): string[] {
    const sql = 'SELECT id FROM activity WHERE actor IN (SELECT value FROM json_each(?)) ORDER BY time, id';
    return this.#database.all(sql, JSON.stringify(actors)).map((row) => text(row, 'id'));
  }

  /** Whether the activity was added to this feed itself. */
  isAddedTo(feedId: FeedId, id: string): boolean {
    const feed = this.#feeds.find(feedId);
    return feed !== undefined && this.#entries.wasAddedTo(feed, id);
  }

  /** Out of every feed and out of the store. */
  delete(id: string): boolean {
    this.#entries.removeEverywhere(id);
    return this.#database.run('DELETE FROM activity WHERE id = ?', id) > 0;
  }

  /** Changes where an activity is targeted. */
  retarget(activity: ActivityRecord, change: { added: readonly FeedId[]; removed: readonly FeedId[] }): ActivityRecord {
    const removed = change.removed.map(feedName);
    for (const target of removed) this.#removeTarget(target, activity.id);
    this.#place(activity, String(activity.body.verb), change.added, true);
    const kept = targetsOf(activity).filter((target) => !removed.includes(target));
    const body = withTargets(activity.body, [...new Set([...kept, ...change.added.map(feedName)])]);
    this.replaceBody(activity.id, body);
    return { ...activity, body };
  }

  #write(input: ActivityInput, to: readonly FeedId[]): Added {
    const time = input.time ?? this.#clock();
    const id = this.#idOf(input, time);
    const content = { actor: input.actor, foreign_id: input.foreignId, object: input.object, target: input.target };
    const existing = this.find({ id });
    // An activity stays in every feed it was targeted at, so the list only ever grows here.
    const targets = new Set([...(existing ? targetsOf(existing) : []), ...to.map(feedName)]);
    const body = withTargets({ ...content, verb: input.verb, ...input.custom }, [...targets]);
    if (existing && existing.time !== time) this.#entries.move(id, time);
    this.#database.run(
      `INSERT INTO activity (id, foreign_id, time, actor, verb, body) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET time = excluded.time, actor = excluded.actor, verb = excluded.verb, body = excluded.body`,
      id,
      input.foreignId,
      time,
      input.actor,
      input.verb,
      JSON.stringify(body),
    );
    return { activity: { id, time, body }, created: existing === undefined };
  }

  /** Same foreign id and time, or without foreign id same content and time: the same activity. */
  #idOf(input: ActivityInput, time: Micros): string {
    if (input.foreignId !== '' && input.time !== undefined) {
      const same = this.find({ foreignId: input.foreignId, time });
      return same ? same.id : activityId(input.foreignId, time);
    }
    return timeUuid(time, contentHash(input));
  }

  #place(activity: ActivityRecord, verb: string, feeds: readonly FeedId[], fanOut: boolean): void {
    const entry: EntryActivity = { id: activity.id, time: activity.time, verb };
    for (const feed of feeds) this.#entries.add(this.#feeds.findOrCreate(feed), entry, fanOut);
  }

  #removeTarget(target: string, id: string): number {
    const [slug = '', userId = ''] = target.split(':');
    const feed = this.#feeds.find({ slug, userId });
    return feed ? this.#entries.removeAdded(feed, id) : 0;
  }
}

export function readActivity(row: Row): ActivityRecord {
  return { id: text(row, 'id'), time: integer(row, 'time'), body: json(row, 'body') };
}

export function targetsOf(activity: ActivityRecord): string[] {
  const { to } = activity.body;
  return Array.isArray(to) ? to.map(String) : [];
}

/** An activity without targets has no `to` at all (stream-js `remove targets`). */
function withTargets(body: Readonly<Record<string, unknown>>, to: readonly string[]): Record<string, unknown> {
  const { to: _, ...rest } = body;
  return to.length > 0 ? { ...rest, to } : rest;
}

/** 48 bits of what an activity without foreign id says. */
function contentHash(input: ActivityInput): bigint {
  const { actor, verb, object, target, foreignId, custom } = input;
  const digest = createHash('sha1')
    .update(canonical([actor, verb, object, target, foreignId, custom]))
    .digest();
  return BigInt(digest.readUIntBE(0, 6));
}

/** JSON with sorted keys, so that the same content is the same text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
