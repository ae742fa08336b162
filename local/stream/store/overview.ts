import { type Database, integer, text } from './database.ts';

export interface FeedSummary {
  readonly name: string;
  readonly kind: string;
  /** Entries and followers, counted up to `COUNTED`. */
  readonly activities: number;
  readonly followers: number;
  readonly following: number;
}

/** Counting stops here, so that the overview stays quick whatever the data. */
export const COUNTED = 1000;

const UP_TO = `SELECT COUNT(*) FROM (SELECT 1 FROM`;

/** What the page at `/` shows: the newest feeds, and how much is in them. */
export function newestFeeds(database: Database, limit: number): FeedSummary[] {
  const rows = database.all(
    `SELECT slug || ':' || user_id AS name, kind,
       (${UP_TO} entry WHERE entry.feed = feed.key LIMIT ${COUNTED})) AS activities,
       (${UP_TO} follow WHERE follow.target = feed.key LIMIT ${COUNTED})) AS followers,
       (${UP_TO} follow WHERE follow.source = feed.key LIMIT ${COUNTED})) AS following
     FROM feed ORDER BY key DESC LIMIT ?`,
    limit,
  );
  return rows.map((row) => ({
    name: text(row, 'name'),
    kind: text(row, 'kind'),
    activities: integer(row, 'activities'),
    followers: integer(row, 'followers'),
    following: integer(row, 'following'),
  }));
}
