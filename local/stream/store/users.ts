import { conflictError, doesNotExistError } from '../errors.ts';
import type { Clock, Micros } from '../time.ts';
import { type Database, type Row, integer, json, text } from './database.ts';

export interface UserRecord {
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly created: Micros;
  readonly updated: Micros;
}

export class UserStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  find(id: string): UserRecord | undefined {
    const row = this.#database.get('SELECT * FROM user WHERE id = ?', id);
    return row && readUser(row);
  }

  get(id: string): UserRecord {
    const user = this.find(id);
    if (!user) throw doesNotExistError('User does not exist');
    return user;
  }

  /** 409 when the id is taken. */
  add(id: string, data: UserRecord['data']): UserRecord {
    if (this.find(id)) throw conflictError(`a user with id ${id} already exists`);
    const now = this.#clock();
    this.#database.run(
      'INSERT INTO user (id, data, created, updated) VALUES (?, ?, ?, ?)',
      id,
      JSON.stringify(data),
      now,
      now,
    );
    return { id, data, created: now, updated: now };
  }

  /** Replaces the data. */
  update(id: string, data: UserRecord['data']): UserRecord {
    const user = this.get(id);
    const updated = this.#clock();
    this.#database.run('UPDATE user SET data = ?, updated = ? WHERE id = ?', JSON.stringify(data), updated, id);
    return { ...user, data, updated };
  }

  /** @returns false when there was none. */
  delete(id: string): boolean {
    return this.#database.run('DELETE FROM user WHERE id = ?', id) > 0;
  }
}

function readUser(row: Row): UserRecord {
  return {
    id: text(row, 'id'),
    data: json(row, 'data'),
    created: integer(row, 'created'),
    updated: integer(row, 'updated'),
  };
}
