import { SIZES } from '../sizes.ts';
import type { Micros } from '../time.ts';
import { timeOfUuid } from '../../../contracts/events/stream-activity-id.ts';
import { inputError } from '../errors.ts';
import { type ActivityRecord, readActivity } from './activities.ts';
import { type Database, type Row, integer, text } from './database.ts';
import type { Feed } from './feeds.ts';
import { joinedFeedName } from './feeds.ts';

/** Which part of a feed; bounds are ids of activities, or of groups, which begin with their newest activity's. */
export interface PageRequest {
  readonly limit: number;
  readonly offset: number;
  readonly bounds: readonly Bound[];
}
export interface Bound {
  readonly comparison: Comparison;
  readonly id: string;
}
export type Comparison = '<' | '<=' | '>' | '>=';

/** One page, newest first; `more` tells whether older ones follow. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly more: boolean;
}

/** An activity in a feed; `origin` names the followed feed it came from, null when it was added here. */
export interface FeedItem extends ActivityRecord {
  readonly origin: string | null;
}

/** A group of an aggregated or notification feed with its newest activities. */
export interface FeedGroup {
  readonly name: string;
  readonly created: Micros;
  readonly updated: Micros;
  readonly seen: boolean;
  readonly read: boolean;
  readonly activities: readonly FeedItem[];
  readonly activityCount: number;
  readonly actorCount: number;
}

/** Reads feeds by index: a page costs what it shows, whatever the size of the feed. */
export class PageStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  activities(feed: Feed, request: PageRequest): Page<FeedItem> {
    const rows = this.#database.all(
      itemsQuery(`feed = ?${boundsSql(request.bounds)}`),
      feed.key,
      ...this.#boundValues(request.bounds),
      request.limit + 1,
      request.offset,
    );
    return { items: rows.slice(0, request.limit).map(readItem), more: rows.length > request.limit };
  }

  groups(feed: Feed, request: PageRequest): Page<FeedGroup> {
    const rows = this.#database.all(
      `SELECT name, time, created, seen, read FROM feed_group WHERE feed = ?${boundsSql(request.bounds)}
       ORDER BY time DESC, activity DESC LIMIT ? OFFSET ?`,
      feed.key,
      ...this.#boundValues(request.bounds),
      request.limit + 1,
      request.offset,
    );
    const items = rows.slice(0, request.limit).map((row) => this.#readGroup(feed, row));
    return { items, more: rows.length > request.limit };
  }

  /** Groups not yet seen and not yet read. */
  unmarked(feed: Feed): { readonly unseen: number; readonly unread: number } {
    const row = this.#database.get(
      'SELECT COUNT(*) - COALESCE(SUM(seen), 0) AS unseen, COUNT(*) - COALESCE(SUM(read), 0) AS unread FROM feed_group WHERE feed = ?',
      feed.key,
    );
    return row ? { unseen: integer(row, 'unseen'), unread: integer(row, 'unread') } : { unseen: 0, unread: 0 };
  }

  markAll(feed: Feed, mark: 'seen' | 'read'): void {
    this.#database.run(`UPDATE feed_group SET ${mark} = 1 WHERE feed = ?`, feed.key);
  }

  mark(feed: Feed, mark: 'seen' | 'read', groupNames: readonly string[]): void {
    for (const name of groupNames) {
      this.#database.run(`UPDATE feed_group SET ${mark} = 1 WHERE feed = ? AND name = ?`, feed.key, name);
    }
  }

  /** The group that holds this activity in the feed. */
  groupOf(feed: Feed, activityId: string): string | undefined {
    const row = this.#database.get(
      'SELECT grp FROM entry WHERE activity = ? AND feed = ? AND grp IS NOT NULL',
      activityId,
      feed.key,
    );
    return row && text(row, 'grp');
  }

  #readGroup(feed: Feed, row: Row): FeedGroup {
    const name = text(row, 'name');
    const activities = this.#database.all(
      itemsQuery('feed = ? AND grp = ?'),
      feed.key,
      name,
      SIZES.activitiesPerGroup,
      0,
    );
    const counts = this.#database.get(
      `SELECT COUNT(DISTINCT entry.activity) AS activities, COUNT(DISTINCT activity.actor) AS actors
       FROM entry JOIN activity ON activity.id = entry.activity WHERE entry.feed = ? AND entry.grp = ?`,
      feed.key,
      name,
    );
    return {
      name,
      created: integer(row, 'created'),
      updated: integer(row, 'time'),
      seen: row.seen === 1,
      read: row.read === 1,
      activities: activities.map(readItem),
      activityCount: counts ? integer(counts, 'activities') : 0,
      actorCount: counts ? integer(counts, 'actors') : 0,
    };
  }

  /** Ids compare by their activity's time, then as text: version 1 UUIDs do not sort by time as text. */
  #boundValues(bounds: readonly Bound[]): (string | number)[] {
    return bounds.flatMap((bound) => {
      const [id = ''] = bound.id.split('.');
      const row = this.#database.get('SELECT time FROM activity WHERE id = ?', id);
      // The id of an activity that was removed still tells its place in time.
      const time = row ? integer(row, 'time') : timeOfUuid(id);
      if (time === undefined) throw inputError('a feed can only be paged by ids of activities');
      return [time, id];
    });
  }
}

function boundsSql(bounds: readonly Bound[]): string {
  return bounds.map(({ comparison }) => ` AND (time, activity) ${comparison} (?, ?)`).join('');
}

/** The ways an activity came in lie side by side in the index, so grouping them costs nothing extra. */
function itemsQuery(where: string): string {
  return `SELECT activity.*, origin.slug AS origin_slug, origin.user_id AS origin_user_id
    FROM (SELECT time, activity, MIN(origin) AS origin FROM entry WHERE ${where}
          GROUP BY time, activity ORDER BY time DESC, activity DESC LIMIT ? OFFSET ?) AS page
    JOIN activity ON activity.id = page.activity LEFT JOIN feed AS origin ON origin.key = page.origin
    ORDER BY page.time DESC, page.activity DESC`;
}

function readItem(row: Row): FeedItem {
  return { ...readActivity(row), origin: joinedFeedName(row, 'origin_slug', 'origin_user_id') };
}
