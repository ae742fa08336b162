/**
 * The tables. Every read has an index that ends where the page ends:
 * - `entry` is a feed: one row per way an activity came in (`origin` 0: added here; else the key of the followed feed).
 *   The same activity's ways lie side by side, so a page shows it once, and an unfollow removes exactly one way.
 * - `feed_group` is a group of an aggregated or notification feed, kept at its newest activity.
 * - Rows that are mostly body keep the order they came in; small ones are their own index (WITHOUT ROWID).
 * - `reaction_count` keeps kinds at 0 after the last delete, as Stream shows them.
 */
export const SCHEMA_VERSION = 1;
export const SCHEMA = `
CREATE TABLE IF NOT EXISTS feed (
  key INTEGER PRIMARY KEY, slug TEXT NOT NULL, user_id TEXT NOT NULL, kind TEXT NOT NULL, UNIQUE (slug, user_id)
) STRICT;

CREATE TABLE IF NOT EXISTS activity (
  id TEXT PRIMARY KEY, foreign_id TEXT NOT NULL, time INTEGER NOT NULL, actor TEXT NOT NULL, verb TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS activity_by_foreign_id ON activity (foreign_id, time) WHERE foreign_id <> '';
CREATE INDEX IF NOT EXISTS activity_by_actor ON activity (actor, time);

CREATE TABLE IF NOT EXISTS entry (
  feed INTEGER NOT NULL, time INTEGER NOT NULL, activity TEXT NOT NULL, origin INTEGER NOT NULL, grp TEXT,
  PRIMARY KEY (feed, time, activity, origin)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_by_activity ON entry (activity);
CREATE INDEX IF NOT EXISTS entry_added_here ON entry (feed, time, activity) WHERE origin = 0;
CREATE INDEX IF NOT EXISTS entry_by_origin ON entry (feed, origin) WHERE origin <> 0;
CREATE INDEX IF NOT EXISTS entry_by_group ON entry (feed, grp, time, activity) WHERE grp IS NOT NULL;

CREATE TABLE IF NOT EXISTS feed_group (
  feed INTEGER NOT NULL, name TEXT NOT NULL, time INTEGER NOT NULL, activity TEXT NOT NULL, created INTEGER NOT NULL,
  seen INTEGER NOT NULL DEFAULT 0, read INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (feed, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS feed_group_by_time ON feed_group (feed, time, activity);

CREATE TABLE IF NOT EXISTS follow (
  source INTEGER NOT NULL, target INTEGER NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (source, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS follow_by_source ON follow (source, created);
CREATE INDEX IF NOT EXISTS follow_by_target ON follow (target, created);

CREATE TABLE IF NOT EXISTS reaction (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, activity_id TEXT NOT NULL, user_id TEXT NOT NULL, parent TEXT NOT NULL,
  level INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL, deleted INTEGER, data TEXT NOT NULL,
  target_feeds TEXT NOT NULL, target_feeds_extra_data TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS reaction_by_activity ON reaction (activity_id, created) WHERE parent = '' AND deleted IS NULL;
CREATE INDEX IF NOT EXISTS reaction_by_activity_kind ON reaction (activity_id, kind, created)
  WHERE parent = '' AND deleted IS NULL;
CREATE INDEX IF NOT EXISTS reaction_by_activity_user ON reaction (activity_id, user_id, kind, created)
  WHERE parent = '' AND deleted IS NULL;
CREATE INDEX IF NOT EXISTS reaction_by_parent ON reaction (parent, created) WHERE parent <> '' AND deleted IS NULL;
CREATE INDEX IF NOT EXISTS reaction_by_parent_kind ON reaction (parent, kind, created)
  WHERE parent <> '' AND deleted IS NULL;
CREATE INDEX IF NOT EXISTS reaction_by_parent_user ON reaction (parent, user_id, kind, created)
  WHERE parent <> '' AND deleted IS NULL;
CREATE INDEX IF NOT EXISTS reaction_by_user ON reaction (user_id, created) WHERE deleted IS NULL;
CREATE INDEX IF NOT EXISTS reaction_by_user_kind ON reaction (user_id, kind, created) WHERE deleted IS NULL;
CREATE INDEX IF NOT EXISTS reaction_children ON reaction (parent) WHERE parent <> '';

CREATE TABLE IF NOT EXISTS reaction_count (
  owner TEXT NOT NULL, kind TEXT NOT NULL, total INTEGER NOT NULL, PRIMARY KEY (owner, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS user (
  id TEXT PRIMARY KEY, data TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS collection_entry (
  collection TEXT NOT NULL, id TEXT NOT NULL, data TEXT NOT NULL, owner TEXT NOT NULL, created INTEGER NOT NULL,
  updated INTEGER NOT NULL, PRIMARY KEY (collection, id)
) STRICT;

CREATE TABLE IF NOT EXISTS audit_log (
  key INTEGER PRIMARY KEY, entity_type TEXT NOT NULL, entity_id TEXT NOT NULL, action TEXT NOT NULL,
  user_id TEXT NOT NULL, created INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS audit_log_by_entity ON audit_log (entity_type, entity_id, key);
CREATE INDEX IF NOT EXISTS audit_log_by_user ON audit_log (user_id, key);
`;

/** Every table, children first, for emptying the store. */
export const TABLES = [
  'audit_log',
  'collection_entry',
  'user',
  'reaction_count',
  'reaction',
  'follow',
  'feed_group',
  'entry',
  'activity',
  'feed',
] as const;
