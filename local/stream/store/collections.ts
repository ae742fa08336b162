import { conflictError, doesNotExistError } from '../errors.ts';
import type { Clock, Micros } from '../time.ts';
import { type Database, type Row, integer, json, text } from './database.ts';

/** An object that activities can refer to as `SO:<collection>:<id>`. */
export interface CollectionEntry {
  readonly collection: string;
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** The user who made it; empty when a server did. */
  readonly owner: string;
  readonly created: Micros;
  readonly updated: Micros;
}

export type EntryKey = Pick<CollectionEntry, 'collection' | 'id'>;

export class CollectionStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  find({ collection, id }: EntryKey): CollectionEntry | undefined {
    const row = this.#database.get('SELECT * FROM collection_entry WHERE collection = ? AND id = ?', collection, id);
    return row && readEntry(row);
  }

  get(key: EntryKey): CollectionEntry {
    const entry = this.find(key);
    if (!entry) throw doesNotExistError('Collection object does not exist');
    return entry;
  }

  /** 409 when the id is taken. */
  add(input: Pick<CollectionEntry, 'collection' | 'id' | 'data' | 'owner'>): CollectionEntry {
    if (this.find(input)) throw conflictError(`an object with id ${input.id} already exists in ${input.collection}`);
    const now = this.#clock();
    this.#database.run(
      'INSERT INTO collection_entry (collection, id, data, owner, created, updated) VALUES (?, ?, ?, ?, ?, ?)',
      input.collection,
      input.id,
      JSON.stringify(input.data),
      input.owner,
      now,
      now,
    );
    return { ...input, created: now, updated: now };
  }

  /** Replaces the data. */
  update(key: EntryKey, data: CollectionEntry['data']): CollectionEntry {
    const entry = this.get(key);
    const updated = this.#clock();
    this.#database.run(
      'UPDATE collection_entry SET data = ?, updated = ? WHERE collection = ? AND id = ?',
      JSON.stringify(data),
      updated,
      key.collection,
      key.id,
    );
    return { ...entry, data, updated };
  }

  /** @returns false when there was none. */
  delete({ collection, id }: EntryKey): boolean {
    return this.#database.run('DELETE FROM collection_entry WHERE collection = ? AND id = ?', collection, id) > 0;
  }
}

function readEntry(row: Row): CollectionEntry {
  return {
    collection: text(row, 'collection'),
    id: text(row, 'id'),
    data: json(row, 'data'),
    owner: text(row, 'owner'),
    created: integer(row, 'created'),
    updated: integer(row, 'updated'),
  };
}
