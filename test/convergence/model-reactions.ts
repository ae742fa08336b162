import { formatTimestamp, type Micros } from '../../local/stream/time.ts';
import { activityId } from '../../contracts/events/stream-activity-id.ts';
import { conflict, ModelError, refusedInput } from './model-errors.ts';
import type { ModelFeeds } from './model-feeds.ts';

export interface ModelReaction {
  readonly id: string;
  readonly kind: string;
  readonly activity_id: string;
  readonly user_id: string;
  readonly data: unknown;
  readonly targetFeeds: readonly string[];
  readonly created_at: string;
}

/** Reactions by their ids, and the activities about them in their target feeds. */
export class ModelReactions {
  readonly #feeds: ModelFeeds;
  readonly #reactions = new Map<string, { readonly reaction: ModelReaction; readonly createdMicros: Micros }>();

  constructor(feeds: ModelFeeds) {
    this.#feeds = feeds;
  }

  find(id: string): ModelReaction | undefined {
    return this.#reactions.get(id)?.reaction;
  }

  add(fields: Readonly<Record<string, unknown>>): ModelReaction {
    const { id, kind, activity_id: activity, user_id: user, data = {}, target_feeds: feeds = [] } = fields;
    if (typeof activity !== 'string' || activity === '') throw noOwner();
    if (typeof kind !== 'string' || kind === '') throw refusedInput('kind must be a non-empty string');
    if (typeof user !== 'string' || user === '') {
      throw new ModelError(400, 10, 'MissingUserException', 'user_id is required with a server token');
    }
    if (typeof id !== 'string') throw new Error('the model takes reactions with an id');
    if (this.#reactions.has(id)) throw conflict(`a reaction with id ${id} already exists`);
    const targetFeeds = Array.isArray(feeds) ? [...new Set(feeds.map(String))] : [];
    const createdMicros = this.#feeds.clock();
    const reaction: ModelReaction = {
      id,
      kind,
      activity_id: activity,
      user_id: user,
      data,
      targetFeeds,
      created_at: formatTimestamp(createdMicros),
    };
    this.#reactions.set(id, { reaction, createdMicros });
    const about = { actor: `SU:${user}`, verb: kind, object: `SA:${activity}`, target: '', reaction: `SR:${id}` };
    if (targetFeeds.length > 0) this.#feeds.place(`reaction:${id}`, createdMicros, about, targetFeeds);
    return reaction;
  }

  delete({ id, targetFeeds }: ModelReaction): void {
    const createdMicros = this.#reactions.get(id)?.createdMicros;
    if (createdMicros === undefined) return;
    for (const feed of targetFeeds) this.#feeds.remove(feed, activityId(`reaction:${id}`, createdMicros));
    this.#reactions.delete(id);
  }
}

function noOwner(): ModelError {
  const messages = ['one of activity_id or parent must not be empty'];
  return new ModelError(400, 4, 'InputException', "Errors for fields 'activity_id', 'parent'", {
    activity_id: messages,
    parent: messages,
  });
}
