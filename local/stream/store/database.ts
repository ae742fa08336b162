import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { makeDirectory } from '../../../contracts/shared/make-directory.ts';
import { SCHEMA, SCHEMA_VERSION } from './schema.ts';

export type Row = Record<string, SQLOutputValue>;

const MEMORY = ':memory:';
/** Page cache: what the server holds in memory of a large file, at most. */
const CACHE_KIB = 64 * 1024;

/** SQLite behind three verbs. Statements are prepared once per text, so SQL can stand where it is used. */
export class Database {
  readonly #sqlite: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** @param file omitted: in memory, gone when closed. */
  constructor(file = MEMORY) {
    try {
      if (file !== MEMORY) makeDirectory(dirname(file));
      this.#sqlite = open(file);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`cannot open the database ${file}: ${reason}`, { cause: error });
    }
  }

  /** Rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values);
  }

  /** All or nothing. Synchronous, so nothing else runs in between. */
  transaction<Result>(work: () => Result): Result {
    this.#sqlite.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#sqlite.exec('COMMIT');
      return result;
    } catch (error) {
      this.#sqlite.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#sqlite.close();
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const prepared = this.#sqlite.prepare(sql);
    this.#statements.set(sql, prepared);
    return prepared;
  }
}

function open(file: string): DatabaseSync {
  const sqlite = new DatabaseSync(file);
  try {
    // One process at a time: a second server on the same file fails when it starts, not in the middle of a write.
    // WAL with NORMAL survives a crash of the process; a power cut may lose the last commits but never corrupts.
    sqlite.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      PRAGMA temp_store = MEMORY; PRAGMA cache_size = -${CACHE_KIB};`);
    const version = sqlite.prepare('PRAGMA user_version').get()?.user_version;
    if (version !== 0 && version !== SCHEMA_VERSION) {
      throw new Error(`it has schema version ${String(version)}, this server knows ${SCHEMA_VERSION}`);
    }
    sqlite.exec(`${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION};`);
    return sqlite;
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** The column's text. The schema is STRICT, so any other type means the query and the reader disagree. */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`column ${column} is not text`);
  return value;
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new TypeError(`column ${column} is not an integer`);
  return value;
}

/** The column's JSON object. */
export function json(row: Row, column: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text(row, column));
  if (typeof value !== 'object' || value === null) throw new TypeError(`column ${column} is not a JSON object`);
  return { ...value };
}
