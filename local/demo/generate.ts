import { activityId } from '../../contracts/events/stream-activity-id.ts';
import type { MessageRoute } from '../../contracts/shared/names.ts';
import { Random } from '../random.ts';
import { poisonedMessages, type Poison } from './poison.ts';
import { TAGS, USERS, type User } from './social-circle.ts';

type Topic = MessageRoute['topic'];

export interface DemoOptions {
  /** Same seed, run and start: same messages. */
  readonly seed: number;
  /** Makes the ids of posts, comments and reactions differ from those of other runs. */
  readonly run: string;
  /** When the first user acts, milliseconds since the Unix epoch. */
  readonly startMs: number;
  /** How many things users do; default 120. */
  readonly actions?: number;
}

export interface DemoMessage {
  readonly topic: Topic;
  /** The message as it is published. */
  readonly body: string;
  /** `late`: published after events that happened later; `parked`: well formed, but GetStream refuses it. */
  readonly kind: 'plain' | 'duplicate' | 'late' | 'poisoned' | 'parked';
  /** Poisoned ones only: what is wrong with it. */
  readonly fault?: string;
}

interface Post {
  readonly author: User;
  readonly objectId: string;
  readonly activityId: string;
}

interface Relation {
  readonly source: string;
  readonly target: string;
}

const DEFAULT_ACTIONS = 120;
/** Users act so long after one another. */
const STEP_MS = 5;
const MICROS_PER_MS = 1000;
const DUPLICATE_RATE = 0.06;
const LATE_RATE = 0.08;
const FARTHEST_SWAP = 6;

/**
 * What a handful of users do, as the product's API would publish it: posts, comments, likes and their withdrawal, follows
 * and theirs; a few messages twice, a few late, a few poisoned. Pure.
 */
export function generateDemo(options: DemoOptions): DemoMessage[] {
  const random = new Random(options.seed);
  const messages = new Narrator(options, random).tell();
  return insertPoison(repeatSome(delaySome(messages, random), random), poisonedMessages(options.run), random);
}

/** Keeps in mind what happened, so that later actions refer to it. */
class Narrator {
  readonly #options: DemoOptions;
  readonly #random: Random;
  readonly #posts: Post[] = [];
  readonly #likes: { readonly post: Post; readonly user: User }[] = [];
  readonly #follows: Relation[] = [];
  #step = 0;

  constructor(options: DemoOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  tell(): DemoMessage[] {
    const messages = [this.#post(), this.#post(), this.#refusedFollow()];
    const actions = this.#options.actions ?? DEFAULT_ACTIONS;
    while (messages.length < actions) messages.push(this.#act());
    return messages;
  }

  #act(): DemoMessage {
    const chance = this.#random.next();
    if (chance < 0.25) return this.#post();
    if (chance < 0.45) return this.#comment();
    if (chance < 0.65) return this.#like();
    if (chance < 0.75) return this.#unlike();
    if (chance < 0.92) return this.#follow();
    return this.#unfollow();
  }

  #post(): DemoMessage {
    const author = this.#random.pick(USERS);
    const verb = this.#random.pick(['Post', 'Post', 'Post', 'Question', 'Achievement'] as const);
    const objectId = `${verb.toLowerCase()}-${this.#options.run}-${this.#step}`;
    const foreignId = `${verb}:${author}-${objectId}`;
    const { text, ms } = this.#now();
    this.#posts.push({ author, objectId, activityId: activityId(foreignId, ms * MICROS_PER_MS) });
    return plain('activities', {
      Actor: author,
      Verb: verb,
      ObjectID: objectId,
      FeedType: 'User',
      CreatedAt: text,
      To: this.#someoneBut(author),
      ForeignID: foreignId,
      HashTags: [`#${this.#random.pick(TAGS)}`],
    });
  }

  #comment(): DemoMessage {
    const post = this.#random.pick(this.#posts);
    const author = this.#random.pick(USERS);
    const objectId = `comment-${this.#options.run}-${this.#step}`;
    return plain('mentions', {
      Actor: author,
      Verb: 'Comment',
      ObjectID: objectId,
      ParentID: post.objectId,
      FeedType: 'User',
      Time: this.#now().text,
      To: post.author === author ? [] : [post.author],
      ForeignID: `Comment:${author}-${objectId}`,
      HashTags: [],
    });
  }

  #like(): DemoMessage {
    const like = { post: this.#random.pick(this.#posts), user: this.#random.pick(USERS) };
    this.#likes.push(like);
    return this.#reaction('Like', like.post, like.user);
  }

  #unlike(): DemoMessage {
    if (this.#likes.length === 0) return this.#like();
    const { post, user } = this.#random.pick(this.#likes);
    return this.#reaction('Unlike', post, user);
  }

  #reaction(kind: 'Like' | 'Unlike', post: Post, user: User): DemoMessage {
    return plain('reactions', {
      ActivityID: post.activityId,
      Kind: kind,
      TargetFeed: [`notification:${post.author}`],
      // One id for a user's like of a post, whether it is given, withdrawn or given again.
      Data3: `like-${user}-${post.objectId}`,
      UserID: user,
      EventTime: this.#now().text,
    });
  }

  #follow(): DemoMessage {
    const source = this.#random.pick(USERS);
    const [target = 'alice'] = this.#someoneBut(source, 1);
    const relation = { source: `timeline:${source}`, target: `user:${target}` };
    this.#follows.push(relation);
    return this.#relationship('Follow', relation);
  }

  #unfollow(): DemoMessage {
    return this.#follows.length === 0
      ? this.#follow()
      : this.#relationship('Unfollow', this.#random.pick(this.#follows));
  }

  /** GetStream lets only flat feeds be followed: this one is given up and parked for an operator. */
  #refusedFollow(): DemoMessage {
    const relation = { source: 'timeline:alice', target: `notification:nobody-${this.#options.run}` };
    return { ...this.#relationship('Follow', relation), kind: 'parked' };
  }

  #relationship(kind: 'Follow' | 'Unfollow', { source, target }: Relation): DemoMessage {
    const limit = kind === 'Follow' ? { ActivityCopyLimit: this.#random.pick([0, 10, 100]) } : {};
    return plain('follow-relationships', {
      SourceFeedID: source,
      TargetFeedID: target,
      ...limit,
      Kind: kind,
      EventTime: this.#now().text,
    });
  }

  #someoneBut(user: User, least = 0): string[] {
    const others = USERS.filter((other) => other !== user);
    const count = this.#random.between(least, 1);
    return count === 0 ? [] : [this.#random.pick(others)];
  }

  /** A moment of its own for each action, so that their order is never in doubt. */
  #now(): { readonly text: string; readonly ms: number } {
    const ms = this.#options.startMs + this.#step * STEP_MS;
    this.#step += 1;
    return { text: new Date(ms).toISOString(), ms };
  }
}

function plain(topic: Topic, message: object): DemoMessage {
  return { topic, body: JSON.stringify(message), kind: 'plain' };
}

function delaySome(messages: readonly DemoMessage[], random: Random): DemoMessage[] {
  const delayed = [...messages];
  for (let index = delayed.length - 2; index >= 0; index -= 1) {
    const message = delayed[index];
    if (message?.kind !== 'plain' || !random.chance(LATE_RATE)) continue;
    delayed.splice(index, 1);
    delayed.splice(index + random.between(1, FARTHEST_SWAP), 0, { ...message, kind: 'late' });
  }
  return delayed;
}

function repeatSome(messages: readonly DemoMessage[], random: Random): DemoMessage[] {
  const repeated = [...messages];
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const message = messages[index];
    if (message?.kind !== 'plain' || !random.chance(DUPLICATE_RATE)) continue;
    repeated.splice(random.between(index + 1, repeated.length), 0, { ...message, kind: 'duplicate' });
  }
  return repeated;
}

function insertPoison(messages: readonly DemoMessage[], poison: readonly Poison[], random: Random): DemoMessage[] {
  const poisoned = [...messages];
  for (const { topic, body, fault } of poison) {
    poisoned.splice(random.between(0, poisoned.length), 0, { topic, body, kind: 'poisoned', fault });
  }
  return poisoned;
}
