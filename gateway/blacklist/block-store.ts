import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { callRedis, REDIS_PREFIX, type SharedRedis } from '../redis/connection.ts';
import { redisScript } from '../redis/script.ts';
import { blockKey, expiryOf, type Block } from './block.ts';
import { BLOCK, MERGE, UNBLOCK } from './redis-blacklist-scripts.ts';

const BLOCKS = `${REDIS_PREFIX}:blacklist`;
const EXPIRIES = `${REDIS_PREFIX}:blacklist-expiries`;
const STATE = `${REDIS_PREFIX}:blacklist-state`;
export const BLACKLIST_CHANNEL = `${REDIS_PREFIX}:blacklist-changes`;
const KEYS = [BLOCKS, EXPIRIES, STATE, BLACKLIST_CHANNEL];
/** A script holds up all other users of Redis. */
const MERGE_CHUNK = 500;
/** Long lists take their time, and nobody plays or beats while he waits for one; milliseconds. */
const LONG_MS = 1_000;

/** Which state of the shared list: of one generation, a higher version is a later one. */
export interface ListState {
  /** Undefined where Redis has no list: it is new, or has lost its data. */
  readonly generation: string | undefined;
  readonly version: number;
}

const stateReply = z.tuple([z.string().nullable(), z.coerce.number()]);
const loadReply = z.tuple([z.tuple([z.null(), stateReply]), z.tuple([z.null(), z.record(z.string(), z.string())])]);

/** The shared list in Redis. Every method may throw `StoreUnavailableError`. */
export class BlockStore {
  readonly #redis: SharedRedis;
  readonly #maxBlocks: number;
  readonly #scripts;

  constructor(redis: SharedRedis, maxBlocks: number) {
    this.#redis = redis;
    this.#maxBlocks = maxBlocks;
    this.#scripts = {
      block: redisScript(redis, BLOCK, LONG_MS),
      unblock: redisScript(redis, UNBLOCK, LONG_MS),
      merge: redisScript(redis, MERGE, LONG_MS),
    };
  }

  /** @returns false when there is no room */
  async block(block: Block): Promise<boolean> {
    const args = [randomUUID(), ...fieldsOf(block), this.#maxBlocks];
    return (await this.#scripts.block(KEYS, args)) !== null;
  }

  /** @returns whether there was such a block that still held */
  async unblock(key: string): Promise<boolean> {
    return (await this.#scripts.unblock(KEYS, [randomUUID(), key])) !== null;
  }

  /** Adds those that are missing, and begins a list where there is none. */
  async merge(blocks: readonly Block[]): Promise<void> {
    const generation = randomUUID();
    for (let from = 0; from === 0 || from < blocks.length; from += MERGE_CHUNK) {
      const fields = blocks.slice(from, from + MERGE_CHUNK).flatMap(fieldsOf);
      await this.#scripts.merge(KEYS, [generation, this.#maxBlocks, ...fields]);
    }
  }

  async state(): Promise<ListState> {
    return toState(await callRedis(this.#redis, () => this.#redis.hmget(STATE, 'generation', 'version')));
  }

  /** All blocks by key, as JSON, and the state they belong to. */
  async load(): Promise<{ readonly state: ListState; readonly blocks: Readonly<Record<string, string>> }> {
    const load = () => this.#redis.multi().hmget(STATE, 'generation', 'version').hgetall(BLOCKS).exec();
    const replies = await callRedis(this.#redis, load, LONG_MS);
    const [[, state], [, blocks]] = loadReply.parse(replies);
    return { state: toState(state), blocks };
  }
}

function fieldsOf(block: Block): [key: string, json: string, expiresAtMs: string] {
  const expiresAtMs = expiryOf(block);
  return [blockKey(block.kind, block.value), JSON.stringify(block), expiresAtMs === Infinity ? '' : `${expiresAtMs}`];
}

function toState(reply: unknown): ListState {
  const [generation, version] = stateReply.parse(reply);
  return { generation: generation ?? undefined, version };
}
