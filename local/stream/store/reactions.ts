import { randomUUID } from 'node:crypto';
import { timeOfUuid } from '../../../contracts/events/stream-activity-id.ts';
import { conflictError, doesNotExistError, inputError } from '../errors.ts';
import type { FeedId } from '../feed-id.ts';
import { SIZES } from '../sizes.ts';
import type { Clock, Micros } from '../time.ts';
import type { ActivityStore } from './activities.ts';
import { type Database, type Row, integer, json, text } from './database.ts';
import type { Comparison, Page } from './pages.ts';

export interface ReactionRecord {
  readonly id: string;
  readonly kind: string;
  /** The activity reacted to; of a child reaction that of its parent. */
  readonly activityId: string;
  readonly userId: string;
  /** The reaction reacted to; empty at the first level. */
  readonly parent: string;
  readonly level: number;
  readonly created: Micros;
  readonly updated: Micros;
  /** When it was soft-deleted. */
  readonly deleted: Micros | undefined;
  readonly data: Readonly<Record<string, unknown>>;
  readonly targets: ReactionTargets;
}

/** Feeds that get an activity saying that the reaction happened, and what else it says. */
export interface ReactionTargets {
  readonly feeds: readonly string[];
  readonly extraData: Readonly<Record<string, unknown>> | undefined;
}

interface NewReaction {
  /** Default: a random UUID. */
  readonly id: string | undefined;
  readonly kind: string;
  readonly on: { readonly activityId: string } | { readonly parent: string };
  readonly userId: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly targets: ReactionTargets;
}

/** What reactions belong to, and so are counted and listed under. */
export type ReactionOwner = { readonly activityId: string } | { readonly parent: string };

export interface ReactionFilter {
  readonly of: ReactionOwner | { readonly userId: string };
  readonly kind?: string | undefined;
  /** Only reactions of this user. */
  readonly userId?: string | undefined;
  readonly bounds?: readonly { readonly comparison: Comparison; readonly id: string }[];
  readonly limit: number;
}

export class ReactionStore {
  readonly #database: Database;
  readonly #activities: ActivityStore;
  readonly #clock: Clock;

  constructor(database: Database, activities: ActivityStore, clock: Clock) {
    this.#database = database;
    this.#activities = activities;
    this.#clock = clock;
  }

  /** A user may react twice in the same way; only a caller-chosen id is unique (stream-js cloud suite). */
  add(input: NewReaction): ReactionRecord {
    const id = input.id ?? randomUUID();
    if (this.find(id)) throw conflictError(`a reaction with id ${id} already exists`);
    const { activityId, parent, level } = this.#placeOf(input.on);
    const created = this.#clock();
    this.#database.run(
      `INSERT INTO reaction (id, kind, activity_id, user_id, parent, level, created, updated, data, target_feeds)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, '{}', '[]')`,
      id,
      input.kind,
      activityId,
      input.userId,
      parent,
      level,
      created,
      created,
    );
    const reaction = this.#save(this.get(id), { updated: created, data: input.data, targets: input.targets });
    this.#count(reaction, 1);
    return reaction;
  }

  find(id: string): ReactionRecord | undefined {
    const row = this.#database.get('SELECT * FROM reaction WHERE id = ?', id);
    return row && readReaction(row);
  }

  /** 404 when there is none; a soft-deleted one is still there. */
  get(id: string): ReactionRecord {
    const reaction = this.find(id);
    if (!reaction) throw doesNotExistError('Reaction does not exist');
    return reaction;
  }

  update(id: string, change: { data: Readonly<Record<string, unknown>>; targets: ReactionTargets }): ReactionRecord {
    return this.#save(this.#getLive(id), { ...change, updated: this.#clock() });
  }

  /** Gone with its children and its activities in target feeds. Returns how many reactions went. */
  delete(id: string): number {
    const reaction = this.get(id);
    const children = this.#database.all("SELECT id FROM reaction WHERE parent = ? AND parent <> ''", id);
    const removed = children.reduce((total, row) => total + this.delete(text(row, 'id')), 1);
    this.#setTargets(reaction, { feeds: [], extraData: undefined });
    if (reaction.deleted === undefined) this.#count(reaction, -1);
    this.#database.run('DELETE FROM reaction WHERE id = ?', id);
    this.#database.run('DELETE FROM reaction_count WHERE owner = ?', id);
    return removed;
  }

  /** Hidden from lists, counts and target feeds; `restore` brings it back. */
  softDelete(id: string): void {
    const reaction = this.#getLive(id);
    this.#setTargets(reaction, { feeds: [], extraData: undefined });
    this.#count(reaction, -1);
    this.#database.run('UPDATE reaction SET deleted = ? WHERE id = ?', this.#clock(), id);
  }

  restore(id: string): void {
    const reaction = this.get(id);
    if (reaction.deleted === undefined) throw doesNotExistError('Reaction is not deleted');
    this.#setTargets({ ...reaction, targets: { feeds: [], extraData: undefined } }, reaction.targets);
    this.#count(reaction, 1);
    this.#database.run('UPDATE reaction SET deleted = NULL WHERE id = ?', id);
  }

  /** Newest first; with a lower bound oldest first, going up from it (stream-js `reaction.ts`). */
  filter(filter: ReactionFilter): Page<ReactionRecord> {
    const bounds = filter.bounds ?? [];
    const direction = bounds.some(({ comparison }) => comparison.startsWith('>')) ? 'ASC' : 'DESC';
    const owner = ownerOf(filter.of);
    const conditions = [
      owner.condition,
      ...(filter.kind === undefined ? [] : ['kind = ?']),
      ...(filter.userId === undefined ? [] : ['user_id = ?']),
      ...bounds.map(({ comparison }) => `created ${comparison} ?`),
    ];
    const rows = this.#database.all(
      `SELECT * FROM reaction WHERE deleted IS NULL AND ${conditions.join(' AND ')} ORDER BY created ${direction} LIMIT ?`,
      owner.value,
      ...[filter.kind, filter.userId].filter((value) => value !== undefined),
      ...bounds.map(({ id }) => this.#createdOf(id)),
      filter.limit + 1,
    );
    return { items: rows.slice(0, filter.limit).map(readReaction), more: rows.length > filter.limit };
  }

  /** Live reactions per kind; a kind whose last reaction went stays at 0 (stream-js cloud suite). */
  counts(owner: ReactionOwner): Record<string, number> {
    const id = 'parent' in owner ? owner.parent : owner.activityId;
    const rows = this.#database.all('SELECT kind, total FROM reaction_count WHERE owner = ?', id);
    return Object.fromEntries(rows.map((row) => [text(row, 'kind'), integer(row, 'total')]));
  }

  /** Ids of a user's reactions, oldest first. */
  idsOf(userId: string): string[] {
    const sql = 'SELECT id FROM reaction WHERE user_id = ? AND deleted IS NULL ORDER BY created';
    return this.#database.all(sql, userId).map((row) => text(row, 'id'));
  }

  #getLive(id: string): ReactionRecord {
    const reaction = this.get(id);
    if (reaction.deleted !== undefined) throw doesNotExistError('Reaction does not exist');
    return reaction;
  }

  #placeOf(on: NewReaction['on']): { activityId: string; parent: string; level: number } {
    if ('activityId' in on) return { activityId: on.activityId, parent: '', level: 1 };
    const parent = this.find(on.parent);
    if (!parent || parent.deleted !== undefined) throw inputError('the parent reaction does not exist');
    if (parent.level >= SIZES.reactionLevels) {
      throw inputError(`reactions cannot be nested deeper than ${SIZES.reactionLevels} levels`);
    }
    return { activityId: parent.activityId, parent: parent.id, level: parent.level + 1 };
  }

  #save(reaction: ReactionRecord, change: Pick<ReactionRecord, 'updated' | 'data' | 'targets'>): ReactionRecord {
    this.#setTargets(reaction, change.targets);
    const { feeds, extraData } = change.targets;
    this.#database.run(
      'UPDATE reaction SET updated = ?, data = ?, target_feeds = ?, target_feeds_extra_data = ? WHERE id = ?',
      change.updated,
      JSON.stringify(change.data),
      JSON.stringify(feeds),
      extraData ? JSON.stringify(extraData) : null,
      reaction.id,
    );
    return { ...reaction, ...change };
  }

  /** The activity about the reaction stands in exactly these feeds afterwards (stream-js cloud suite). */
  #setTargets(reaction: ReactionRecord, targets: ReactionTargets): void {
    const foreignId = `reaction:${reaction.id}`;
    const before = this.#activities.find({ foreignId, time: reaction.created });
    for (const feed of reaction.targets.feeds.filter((name) => !targets.feeds.includes(name))) {
      if (before) this.#activities.remove(feedFromName(feed), before.id);
    }
    if (targets.feeds.length === 0) return;
    const about = {
      actor: `SU:${reaction.userId}`,
      verb: reaction.kind,
      object: `SA:${reaction.activityId}`,
      target: '',
      foreignId,
      time: reaction.created,
      to: [],
      custom: { reaction: `SR:${reaction.id}`, ...targets.extraData },
    };
    this.#activities.addToMany(targets.feeds.map(feedFromName), about, { fanOut: true });
  }

  #count(reaction: ReactionRecord, change: 1 | -1): void {
    this.#database.run(
      `INSERT INTO reaction_count (owner, kind, total) VALUES (?, ?, ?)
       ON CONFLICT (owner, kind) DO UPDATE SET total = total + excluded.total`,
      reaction.parent === '' ? reaction.activityId : reaction.parent,
      reaction.kind,
      change,
    );
  }

  #createdOf(id: string): Micros {
    const row = this.#database.get('SELECT created FROM reaction WHERE id = ?', id);
    const created = row ? integer(row, 'created') : timeOfUuid(id);
    if (created === undefined) throw inputError('reactions can only be paged by ids of reactions');
    return created;
  }
}

/** Conditions are spelled as the partial indexes are, or SQLite would not use them. */
function ownerOf(of: ReactionFilter['of']): { condition: string; value: string } {
  if ('userId' in of) return { condition: 'user_id = ?', value: of.userId };
  if ('parent' in of) return { condition: "parent = ? AND parent <> ''", value: of.parent };
  return { condition: "activity_id = ? AND parent = ''", value: of.activityId };
}

function feedFromName(name: string): FeedId {
  const [slug = '', userId = ''] = name.split(':');
  return { slug, userId };
}

function readReaction(row: Row): ReactionRecord {
  const feeds: unknown = JSON.parse(text(row, 'target_feeds'));
  return {
    id: text(row, 'id'),
    kind: text(row, 'kind'),
    activityId: text(row, 'activity_id'),
    userId: text(row, 'user_id'),
    parent: text(row, 'parent'),
    level: integer(row, 'level'),
    created: integer(row, 'created'),
    updated: integer(row, 'updated'),
    deleted: row.deleted === null ? undefined : integer(row, 'deleted'),
    data: json(row, 'data'),
    targets: {
      feeds: Array.isArray(feeds) ? feeds.map(String) : [],
      extraData: row.target_feeds_extra_data === null ? undefined : json(row, 'target_feeds_extra_data'),
    },
  };
}
