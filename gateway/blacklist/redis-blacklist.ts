import { setImmediate as breathe } from 'node:timers/promises';
import { Redis, type Cluster } from 'ioredis';
import type { Logger } from 'pino';
import { z } from 'zod';
import { openSubscriber, StoreUnavailableError, type SharedRedis } from '../redis/connection.ts';
import { BlacklistFullError, DEFAULT_MAX_BLOCKS, type Blacklist, type BlacklistSubjects } from './blacklist.ts';
import { BlockIndex } from './block-index.ts';
import { BLACKLIST_CHANNEL, BlockStore, type ListState } from './block-store.ts';
import { blockKey, InvalidBlockError, parseStoredBlock, type Block, type BlockKind } from './block.ts';

export interface RedisBlacklistOptions {
  /** From `connectRedis`; a second connection for the changes is made from it. */
  readonly redis: SharedRedis;
  readonly logger: Pick<Logger, 'warn'>;
  /** Default 100,000. */
  readonly maxBlocks?: number;
  /** How often it is asked whether a change was missed, milliseconds; default 2,000. */
  readonly checkEveryMs?: number;
  /** How long opening waits for the first load, milliseconds; default 2,000. */
  readonly openTimeoutMs?: number;
  /** Wall clock. */
  readonly nowMs?: () => number;
}

const PRUNE_EVERY_MS = 60_000;
/** So many blocks are read at once before requests have their turn. */
const BREATHE_EVERY = 1_000;

const changeSchema = z.object({
  generation: z.string(),
  version: z.number(),
  key: z.string().exactOptional(),
  block: z.unknown().optional(),
});
type Change = z.infer<typeof changeSchema>;

/**
 * The blacklist that gateways share: each answers from its own copy, which follows the changes as they are published, and
 * is loaded anew after a break and whenever a change was missed. While Redis is away the last known state holds. When Redis
 * has lost its data, the gateways give back what they know; a block that was lifted just then may return.
 */
export async function openRedisBlacklist(options: RedisBlacklistOptions): Promise<RedisBlacklist> {
  const blacklist = new RedisBlacklist(options);
  await blacklist.open(options.openTimeoutMs ?? 2_000);
  return blacklist;
}

export class RedisBlacklist implements Blacklist {
  readonly #redis: SharedRedis;
  readonly #subscriber: Redis | Cluster;
  readonly #store: BlockStore;
  readonly #maxBlocks: number;
  readonly #nowMs: () => number;
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #firstLoad = Promise.withResolvers<void>();
  readonly #refresh = () => void this.#load();
  #index: BlockIndex;
  #state: ListState | undefined;
  /** Changes that came during a load. */
  #inbox: Change[] = [];
  #loading = false;
  #pinging = false;
  #loadAgain = false;
  #closed = false;

  constructor({ redis, logger, maxBlocks = DEFAULT_MAX_BLOCKS, checkEveryMs = 2_000, nowMs }: RedisBlacklistOptions) {
    this.#redis = redis;
    this.#logger = logger;
    this.#maxBlocks = maxBlocks;
    this.#nowMs = nowMs ?? Date.now;
    this.#store = new BlockStore(redis, maxBlocks);
    this.#index = new BlockIndex(this.#nowMs);
    this.#subscriber = openSubscriber(redis);
    // The connection it was made from reports that Redis is away.
    this.#subscriber.on('error', () => undefined);
    this.#subscriber.on('message', (_channel, message) => this.#receive(message));
    this.#subscriber.on('ready', () => void this.#subscribe());
    redis.on('ready', this.#refresh);
    this.#timers = [
      setInterval(() => void this.#check(), checkEveryMs).unref(),
      setInterval(() => this.#index.removeExpired(), PRUNE_EVERY_MS).unref(),
    ];
  }

  get loaded(): boolean {
    return this.#state !== undefined;
  }

  get size(): number {
    return this.#index.size;
  }

  async open(timeoutMs: number): Promise<void> {
    if (this.#redis.status === 'ready') this.#refresh();
    const timer = setTimeout(() => this.#firstLoad.resolve(), timeoutMs);
    await this.#firstLoad.promise;
    clearTimeout(timer);
    if (!this.loaded) this.#logger.warn('the blacklist could not be read yet: nobody is blocked until it is');
  }

  find(subjects: BlacklistSubjects): Block | undefined {
    return this.#index.find(subjects);
  }

  async block(block: Block): Promise<Block> {
    if (!(await this.#store.block(block))) throw new BlacklistFullError(this.#maxBlocks);
    this.#index.put(block);
    return block;
  }

  async unblock(kind: BlockKind, value: string): Promise<boolean> {
    const key = blockKey(kind, value);
    const removed = await this.#store.unblock(key);
    this.#index.remove(key);
    return removed;
  }

  list(): readonly Block[] {
    return this.#index.list();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#redis.off('ready', this.#refresh);
    this.#subscriber.disconnect();
    this.#firstLoad.resolve();
  }

  async #subscribe(): Promise<void> {
    try {
      await this.#subscriber.subscribe(BLACKLIST_CHANNEL);
      // What changed before now was not heard.
      await this.#load();
    } catch {
      // The connection is gone again; the next one subscribes.
    }
  }

  async #check(): Promise<void> {
    void this.#checkSubscriber();
    try {
      const { generation, version } = await this.#store.state();
      if (generation !== this.#state?.generation || version !== this.#state?.version) await this.#load();
    } catch {
      // Away: the last known state holds.
    }
  }

  /** A server that hangs keeps the connection open; the next one leads to whoever is primary then. */
  async #checkSubscriber(): Promise<void> {
    // Of a Cluster, the subscription moves to another node by itself.
    if (this.#pinging || !(this.#subscriber instanceof Redis) || this.#subscriber.status !== 'ready') return;
    this.#pinging = true;
    try {
      await this.#subscriber.ping();
    } catch {
      if (!this.#closed) this.#subscriber.disconnect(true);
    } finally {
      this.#pinging = false;
    }
  }

  #receive(message: string): void {
    const change = parseChange(message);
    if (change === undefined) {
      this.#logger.warn('another gateway tells of a change of the blacklist that is not understood');
      return;
    }
    this.#inbox.push(change);
    if (!this.#loading) this.#applyInbox();
  }

  #applyInbox(): void {
    const changes = this.#inbox;
    this.#inbox = [];
    for (const { generation, version, key, block } of changes) {
      const known = this.#state;
      if (known && generation === known.generation && version <= known.version) continue;
      const missedSome = !known || generation !== known.generation || version !== known.version + 1;
      if (missedSome || key === undefined) return void this.#load();
      if (block === undefined) this.#index.remove(key);
      else this.#put(this.#index, block);
      this.#state = { generation, version };
    }
  }

  /** One load at a time; a request during a load leads to one more. */
  async #load(): Promise<void> {
    if (this.#loading) {
      this.#loadAgain = true;
      return;
    }
    this.#loading = true;
    try {
      do {
        this.#loadAgain = false;
        await this.#loadOnce();
      } while (this.#loadAgain && !this.#closed);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) this.#logger.warn({ error }, 'the blacklist could not be read');
    } finally {
      this.#loading = false;
    }
    this.#applyInbox();
  }

  async #loadOnce(): Promise<void> {
    let { state, blocks } = await this.#store.load();
    if (state.generation === undefined || (this.#state && state.generation !== this.#state.generation)) {
      await this.#store.merge(this.#index.list());
      ({ state, blocks } = await this.#store.load());
    }
    const index = new BlockIndex(this.#nowMs);
    let read = 0;
    for (const block of Object.values(blocks)) {
      this.#put(index, block);
      read += 1;
      if (read % BREATHE_EVERY === 0) await breathe();
    }
    this.#index = index;
    this.#state = state;
    this.#firstLoad.resolve();
  }

  /** What another version wrote and this one does not understand blocks nobody here. */
  #put(index: BlockIndex, stored: unknown): void {
    try {
      index.put(parseStoredBlock(typeof stored === 'string' ? JSON.parse(stored) : stored));
    } catch (error) {
      if (!(error instanceof InvalidBlockError || error instanceof SyntaxError)) throw error;
      this.#logger.warn({ error: error.message }, 'a block in Redis is not understood and left out');
    }
  }
}

function parseChange(message: string): Change | undefined {
  try {
    return changeSchema.parse(JSON.parse(message));
  } catch {
    return undefined;
  }
}
