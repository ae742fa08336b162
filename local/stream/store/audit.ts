import type { Clock, Micros } from '../time.ts';
import { type Database, type Row, integer, text } from './database.ts';

/** Who did what to which entity. */
export interface AuditEntry {
  readonly entityType: 'activity' | 'reaction';
  readonly entityId: string;
  readonly action: 'create' | 'update' | 'delete';
  readonly userId: string;
}

export interface AuditRecord {
  readonly key: number;
  readonly entityType: string;
  readonly entityId: string;
  readonly action: string;
  readonly userId: string;
  readonly created: Micros;
}

interface AuditFilter {
  readonly entityType?: string | undefined;
  readonly entityId?: string | undefined;
  readonly userId?: string | undefined;
  /** Only entries older than the one with this key. */
  readonly before?: number | undefined;
  readonly limit: number;
}

/** Entries kept; older ones go, so that the log does not outgrow the data. Own choice. */
const KEPT_ENTRIES = 100_000;

export class AuditStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  write({ entityType, entityId, action, userId }: AuditEntry): void {
    this.#database.run(
      'INSERT INTO audit_log (entity_type, entity_id, action, user_id, created) VALUES (?, ?, ?, ?, ?)',
      entityType,
      entityId,
      action,
      userId,
      this.#clock(),
    );
    this.#database.run('DELETE FROM audit_log WHERE key <= (SELECT MAX(key) FROM audit_log) - ?', KEPT_ENTRIES);
  }

  /** Newest first, one more than asked for when there is more. */
  filter(filter: AuditFilter): { readonly items: readonly AuditRecord[]; readonly more: boolean } {
    const conditions: [string, string | number | undefined][] = [
      ['entity_type = ?', filter.entityType],
      ['entity_id = ?', filter.entityId],
      ['user_id = ?', filter.userId],
      ['key < ?', filter.before],
    ];
    const given = conditions.flatMap(([sql, value]) => (value === undefined ? [] : [{ sql, value }]));
    const where = given.length > 0 ? `WHERE ${given.map(({ sql }) => sql).join(' AND ')}` : '';
    const rows = this.#database.all(
      `SELECT * FROM audit_log ${where} ORDER BY key DESC LIMIT ?`,
      ...given.map(({ value }) => value),
      filter.limit + 1,
    );
    return { items: rows.slice(0, filter.limit).map(readRecord), more: rows.length > filter.limit };
  }
}

function readRecord(row: Row): AuditRecord {
  return {
    key: integer(row, 'key'),
    entityType: text(row, 'entity_type'),
    entityId: text(row, 'entity_id'),
    action: text(row, 'action'),
    userId: text(row, 'user_id'),
    created: integer(row, 'created'),
  };
}
