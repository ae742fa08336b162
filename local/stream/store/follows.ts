import type { FeedId } from '../feed-id.ts';
import type { Clock, Micros } from '../time.ts';
import { type Database, type Row, integer, text } from './database.ts';
import type { EntryStore } from './entries.ts';
import type { FeedStore } from './feeds.ts';

/** `source` follows `target`. */
export interface Follow {
  readonly source: string;
  readonly target: string;
  readonly created: Micros;
}

/** Which relations of one feed to list, newest first. `others` keeps only relations with these feeds. */
interface FollowListRequest {
  readonly limit: number;
  readonly offset: number;
  readonly others?: readonly FeedId[];
}

const RELATION = `SELECT follow.created, source.slug AS source_slug, source.user_id AS source_user,
  target.slug AS target_slug, target.user_id AS target_user
  FROM follow JOIN feed AS source ON source.key = follow.source JOIN feed AS target ON target.key = follow.target`;

/** The side of the relation that a list belongs to, and the other one. */
const SIDES = {
  following: { own: 'source', other: 'target' },
  followers: { own: 'target', other: 'source' },
} as const;
export type FollowSide = keyof typeof SIDES;

export class FollowStore {
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
   * Makes the relation and copies the target's newest activities.
   * @returns false when it was there already; then nothing changes, `created` and history included.
   */
  follow(source: FeedId, target: FeedId, copyLimit: number): boolean {
    const follower = this.#feeds.findOrCreate(source);
    const followed = this.#feeds.findOrCreate(target);
    const created = this.#database.run(
      'INSERT OR IGNORE INTO follow (source, target, created) VALUES (?, ?, ?)',
      follower.key,
      followed.key,
      this.#clock(),
    );
    if (created === 0) return false;
    if (copyLimit > 0) this.#entries.copy(follower, followed, copyLimit);
    return true;
  }

  /** @returns false when there was no such relation. */
  unfollow(source: FeedId, target: FeedId, keepHistory: boolean): boolean {
    const follower = this.#feeds.find(source);
    const followed = this.#feeds.find(target);
    if (!follower || !followed) return false;
    const removed = this.#database.run(
      'DELETE FROM follow WHERE source = ? AND target = ?',
      follower.key,
      followed.key,
    );
    // History kept by an earlier unfollow goes too: the caller says now that it wants none.
    if (!keepHistory) this.#entries.removeOrigin(follower, followed);
    return removed > 0;
  }

  list(side: FollowSide, id: FeedId, request: FollowListRequest): Follow[] {
    const feed = this.#feeds.find(id);
    if (!feed) return [];
    const { own, other } = SIDES[side];
    const page = 'ORDER BY follow.created DESC LIMIT ? OFFSET ?';
    if (!request.others) {
      const sql = `${RELATION} WHERE follow.${own} = ? ${page}`;
      return this.#database.all(sql, feed.key, request.limit, request.offset).map(readFollow);
    }
    const others = request.others.flatMap((name) => this.#feeds.find(name)?.key ?? []);
    const sql = `${RELATION} WHERE follow.${own} = ? AND follow.${other} IN (SELECT value FROM json_each(?)) ${page}`;
    return this.#database.all(sql, feed.key, JSON.stringify(others), request.limit, request.offset).map(readFollow);
  }

  /** How many relations the feed has; `slugs` counts only those with feeds of these groups. */
  count(side: FollowSide, id: FeedId, slugs?: readonly string[]): number {
    const feed = this.#feeds.find(id);
    if (!feed) return 0;
    const { own, other } = SIDES[side];
    const row = slugs
      ? this.#database.get(
          `SELECT COUNT(*) AS total FROM follow JOIN feed ON feed.key = follow.${other}
           WHERE follow.${own} = ? AND feed.slug IN (SELECT value FROM json_each(?))`,
          feed.key,
          JSON.stringify(slugs),
        )
      : this.#database.get(`SELECT COUNT(*) AS total FROM follow WHERE ${own} = ?`, feed.key);
    return row ? integer(row, 'total') : 0;
  }
}

function readFollow(row: Row): Follow {
  return {
    source: `${text(row, 'source_slug')}:${text(row, 'source_user')}`,
    target: `${text(row, 'target_slug')}:${text(row, 'target_user')}`,
    created: integer(row, 'created'),
  };
}
