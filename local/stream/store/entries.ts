import type { FeedKind } from '../feed-id.ts';
import { formatActivityTime } from '../time.ts';
import { type Database, integer, text } from './database.ts';
import type { Feed } from './feeds.ts';

/** What an entry needs to know of its activity. */
export interface EntryActivity {
  readonly id: string;
  readonly time: number;
  readonly verb: string;
}

/** `origin` of an entry that was added to the feed itself, not copied from a followed one. */
const ADDED_HERE = 0;

/**
 * What stands in which feed, and why. Fan-out happens here: an activity added to a feed goes to the feeds that follow
 * it, one hop only ("Following Feeds" page).
 */
export class EntryStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Adds the activity to the feed; with `fanOut` to the feed's followers too, under the feed as origin. */
  add(feed: Feed, activity: EntryActivity, fanOut: boolean): void {
    this.#insert(feed.key, feed.kind, activity, ADDED_HERE);
    if (!fanOut) return;
    this.#database.run(
      `INSERT OR IGNORE INTO entry (feed, time, activity, origin)
       SELECT follow.source, ?, ?, follow.target FROM follow JOIN feed ON feed.key = follow.source
       WHERE follow.target = ? AND feed.kind = 'flat'`,
      activity.time,
      activity.id,
      feed.key,
    );
    const grouping = this.#database.all(
      `SELECT feed.key FROM follow JOIN feed ON feed.key = follow.source
       WHERE follow.target = ? AND feed.kind <> 'flat'`,
      feed.key,
    );
    for (const follower of grouping) this.#insert(integer(follower, 'key'), 'aggregated', activity, feed.key);
  }

  /** Copies the newest activities that were added to `target` itself into `source`; returns how many. */
  copy(source: Feed, target: Feed, limit: number): number {
    const newest = `FROM entry JOIN activity ON activity.id = entry.activity
      WHERE entry.feed = ? AND entry.origin = 0 ORDER BY entry.time DESC, entry.activity DESC LIMIT ?`;
    if (source.kind === 'flat') {
      return this.#database.run(
        `INSERT OR IGNORE INTO entry (feed, time, activity, origin)
         SELECT ?, entry.time, entry.activity, entry.feed ${newest}`,
        source.key,
        target.key,
        limit,
      );
    }
    const rows = this.#database.all(`SELECT activity.id, activity.time, activity.verb ${newest}`, target.key, limit);
    for (const row of rows) {
      const activity = { id: text(row, 'id'), time: integer(row, 'time'), verb: text(row, 'verb') };
      this.#insert(source.key, source.kind, activity, target.key);
    }
    return rows.length;
  }

  /** Takes everything that came from `origin` out of the feed. */
  removeOrigin(feed: Feed, origin: Feed): number {
    const groups = this.#groupsWhere('feed = ? AND origin = ? AND origin <> 0', feed.key, origin.key);
    const removed = this.#database.run(
      'DELETE FROM entry WHERE feed = ? AND origin = ? AND origin <> 0',
      feed.key,
      origin.key,
    );
    this.#refresh(groups);
    return removed;
  }

  /** Takes the activity out of the feed, however it came there, and out of the feeds that got it from this one. */
  removeActivity(feed: Feed, activityId: string): number {
    return this.#removeWhere('activity = ? AND (feed = ? OR origin = ?)', activityId, feed.key, feed.key);
  }

  /** Takes out what adding the activity to this feed had put there and into the feed's followers. */
  removeAdded(feed: Feed, activityId: string): number {
    const where = 'activity = ? AND ((feed = ? AND origin = 0) OR origin = ?)';
    return this.#removeWhere(where, activityId, feed.key, feed.key);
  }

  removeEverywhere(activityId: string): number {
    return this.#removeWhere('activity = ?', activityId);
  }

  /** Follows a change of the activity's time within its millisecond, which keeps its id. */
  move(activityId: string, time: number): void {
    this.#database.run('UPDATE entry SET time = ? WHERE activity = ?', time, activityId);
    this.#database.run(
      `UPDATE feed_group SET time = ? WHERE activity = ?
       AND feed IN (SELECT feed FROM entry WHERE entry.activity = ? AND grp IS NOT NULL)`,
      time,
      activityId,
      activityId,
    );
  }

  wasAddedTo(feed: Feed, activityId: string): boolean {
    const row = this.#database.get(
      'SELECT 1 FROM entry WHERE activity = ? AND feed = ? AND origin = 0',
      activityId,
      feed.key,
    );
    return row !== undefined;
  }

  /** Names of the feeds the activity was added to, as target or otherwise. */
  feedsAddedTo(activityId: string): string[] {
    const rows = this.#database.all(
      `SELECT feed.slug, feed.user_id FROM entry JOIN feed ON feed.key = entry.feed
       WHERE entry.activity = ? AND entry.origin = 0`,
      activityId,
    );
    return rows.map((row) => `${text(row, 'slug')}:${text(row, 'user_id')}`);
  }

  wasAddedAnywhere(activityId: string): boolean {
    return this.#database.get('SELECT 1 FROM entry WHERE activity = ? AND origin = 0', activityId) !== undefined;
  }

  #insert(feed: number, kind: FeedKind, activity: EntryActivity, origin: number): void {
    const group = kind === 'flat' ? null : groupName(activity);
    const isNew =
      group !== null &&
      this.#database.get(
        'SELECT 1 FROM entry WHERE feed = ? AND time = ? AND activity = ?',
        feed,
        activity.time,
        activity.id,
      ) === undefined;
    this.#database.run(
      'INSERT OR IGNORE INTO entry (feed, time, activity, origin, grp) VALUES (?, ?, ?, ?, ?)',
      feed,
      activity.time,
      activity.id,
      origin,
      group,
    );
    if (group !== null && isNew) this.#addToGroup(feed, group, activity);
  }

  /** A new activity makes its group unseen and unread again (stream-python `test_mark_seen_on_get`). */
  #addToGroup(feed: number, name: string, activity: EntryActivity): void {
    this.#database.run(
      `INSERT INTO feed_group (feed, name, time, activity, created) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (feed, name) DO UPDATE SET seen = 0, read = 0`,
      feed,
      name,
      activity.time,
      activity.id,
      activity.time,
    );
    this.#refresh([{ feed, name }]);
  }

  #removeWhere(where: string, ...values: (string | number)[]): number {
    const groups = this.#groupsWhere(where, ...values);
    const removed = this.#database.run(`DELETE FROM entry WHERE ${where}`, ...values);
    this.#refresh(groups);
    return removed;
  }

  #groupsWhere(where: string, ...values: (string | number)[]): GroupKey[] {
    const sql = `SELECT DISTINCT feed, grp FROM entry WHERE ${where} AND grp IS NOT NULL`;
    return this.#database.all(sql, ...values).map((row) => ({ feed: integer(row, 'feed'), name: text(row, 'grp') }));
  }

  /** Brings groups back to their newest activity; a group without any is gone. */
  #refresh(groups: readonly GroupKey[]): void {
    for (const { feed, name } of groups) {
      const newest = this.#database.get(
        'SELECT time, activity FROM entry WHERE feed = ? AND grp = ? ORDER BY time DESC, activity DESC LIMIT 1',
        feed,
        name,
      );
      if (newest) {
        this.#database.run(
          'UPDATE feed_group SET time = ?, activity = ? WHERE feed = ? AND name = ?',
          integer(newest, 'time'),
          text(newest, 'activity'),
          feed,
          name,
        );
      } else {
        this.#database.run('DELETE FROM feed_group WHERE feed = ? AND name = ?', feed, name);
      }
    }
  }
}

interface GroupKey {
  readonly feed: number;
  readonly name: string;
}

/** Stream's default aggregation format: `{{ verb }}_{{ time.strftime("%Y-%m-%d") }}` ("Feed Group Types" page). */
function groupName(activity: EntryActivity): string {
  return `${activity.verb}_${formatActivityTime(activity.time).slice(0, 10)}`;
}
