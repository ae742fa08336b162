import type { FeedGroups, FeedId, FeedKind } from '../feed-id.ts';
import { type Database, type Row, integer, text } from './database.ts';

/** A feed as the other tables refer to it. */
export interface Feed extends FeedId {
  readonly key: number;
  readonly kind: FeedKind;
}

/** Feeds come into being when something is first written to them, as on Stream. */
export class FeedStore {
  readonly #database: Database;
  readonly #groups: FeedGroups;

  constructor(database: Database, groups: FeedGroups) {
    this.#database = database;
    this.#groups = groups;
  }

  find(id: FeedId): Feed | undefined {
    const row = this.#database.get('SELECT key FROM feed WHERE slug = ? AND user_id = ?', id.slug, id.userId);
    return row && { ...id, key: integer(row, 'key'), kind: this.kindOf(id) };
  }

  findOrCreate(id: FeedId): Feed {
    const found = this.find(id);
    if (found) return found;
    const kind = this.kindOf(id);
    this.#database.run('INSERT INTO feed (slug, user_id, kind) VALUES (?, ?, ?)', id.slug, id.userId, kind);
    return this.find(id) ?? unreachable();
  }

  kindOf(id: FeedId): FeedKind {
    return this.#groups[id.slug] ?? 'flat';
  }
}

/** `slug:userId` of a joined feed; null where the join found none. */
export function joinedFeedName(row: Row, slug: string, userId: string): string | null {
  return row[slug] === null ? null : `${text(row, slug)}:${text(row, userId)}`;
}

function unreachable(): never {
  throw new Error('a feed just written cannot be read');
}
