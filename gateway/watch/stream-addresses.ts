import { z } from 'zod';
import { REDIS_PREFIX, StoreUnavailableError } from '../redis/connection.ts';
import { redisScript, type RedisScript } from '../redis/script.ts';
import type { StreamRef } from './beat-store.ts';

/** How long an address counts after its last beat, milliseconds. */
export const ADDRESS_WINDOW_MS = 300_000;
/**
 * From more addresses than this, a stream counts as shared: several players take one slot with one id. Two are a player between
 * two networks, or one with IPv4 and IPv6.
 */
export const USUAL_ADDRESSES = 2;
/** An address that is known is noted again only after this share of the window, so that most beats cost nothing. */
const NOTE_SHARE = 0.25;
/** Of one stream; which ones are beyond matters to nobody. */
const MOST_ADDRESSES = 20;
const MOST_STREAMS = 100_000;

export interface StreamAddressesOptions {
  /** What the gateways share; without it, the addresses that this gateway saw count. */
  readonly redis?: Parameters<typeof redisScript>[0] | undefined;
  /** Told once when a stream turns out to be shared. */
  readonly onShared: (stream: StreamRef) => void;
  /** Monotonic, milliseconds. */
  readonly nowMs?: () => number;
}

/**
 * From how many addresses the players of a stream beat. One stream id of one device is one slot, however many play with it: that is
 * not refused here, but shown and counted. What is lost with a store that is away is not made up for.
 */
export class StreamAddresses {
  readonly #options: StreamAddressesOptions;
  readonly #nowMs: () => number;
  readonly #shared: { readonly note: RedisScript; readonly count: RedisScript } | undefined;
  /** When each address of a stream was noted, by stream; the stream that was noted last is last. */
  readonly #noted = new Map<string, Map<string, number>>();

  constructor(options: StreamAddressesOptions) {
    const { redis, nowMs = () => performance.now() } = options;
    this.#options = options;
    this.#nowMs = nowMs;
    this.#shared = redis && { note: redisScript(redis, NOTE), count: redisScript(redis, COUNT) };
  }

  /** A player of the stream was heard from there. Waits for nothing. */
  note(stream: StreamRef, address: string): void {
    const nowMs = this.#nowMs();
    const key = keyOf(stream);
    const known = this.#noted.get(key) ?? new Map<string, number>();
    const notedMs = known.get(address);
    if (notedMs !== undefined && nowMs - notedMs < NOTE_SHARE * ADDRESS_WINDOW_MS) return;
    for (const [other, otherMs] of known) if (nowMs - otherMs > ADDRESS_WINDOW_MS) known.delete(other);
    const before = known.size;
    if (known.size < MOST_ADDRESSES) known.set(address, nowMs);
    this.#noted.delete(key);
    this.#noted.set(key, known);
    const [oldest] = this.#noted.keys();
    if (oldest !== undefined && this.#noted.size > MOST_STREAMS) this.#noted.delete(oldest);
    if (this.#shared) void this.#noteShared(this.#shared.note, stream, address);
    else this.#judge(stream, before, known.size);
  }

  /** Of those of the streams that have several; empty while the store is away. */
  async several(userId: string, streamIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const counts = await Promise.all(streamIds.map((streamId) => this.#count({ userId, streamId })));
    const entries = streamIds.map((streamId, index) => [streamId, counts[index] ?? 0] as const);
    return new Map(entries.filter(([, count]) => count > 1));
  }

  async #noteShared(note: RedisScript, stream: StreamRef, address: string): Promise<void> {
    try {
      const [before, after] = noteReply.parse(
        await note([keyOf(stream)], [address, ADDRESS_WINDOW_MS, MOST_ADDRESSES]),
      );
      this.#judge(stream, before, after);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }

  async #count(stream: StreamRef): Promise<number> {
    if (!this.#shared) {
      const sinceMs = this.#nowMs() - ADDRESS_WINDOW_MS;
      return [...(this.#noted.get(keyOf(stream))?.values() ?? [])].filter((atMs) => atMs >= sinceMs).length;
    }
    try {
      return z.number().parse(await this.#shared.count([keyOf(stream)], [ADDRESS_WINDOW_MS]));
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return 0;
    }
  }

  #judge(stream: StreamRef, before: number, after: number): void {
    if (before <= USUAL_ADDRESSES && after > USUAL_ADDRESSES) this.#options.onShared(stream);
  }
}

function keyOf({ userId, streamId }: StreamRef): string {
  return `${REDIS_PREFIX}:addresses:${JSON.stringify([userId, streamId])}`;
}

const noteReply = z.tuple([z.number(), z.number()]);

const SINCE = (windowMs: string): string => `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local since = now - ${windowMs}
`;

/** KEYS addresses of the stream. ARGV address, windowMs, most. Answers how many there were, and are. */
const NOTE = `${SINCE('ARGV[2]')}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. since)
local before = redis.call('ZCARD', KEYS[1])
if before < tonumber(ARGV[3]) or redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  redis.call('ZADD', KEYS[1], now, ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { before, redis.call('ZCARD', KEYS[1]) }
`;

/** KEYS addresses of the stream. ARGV windowMs. */
const COUNT = `${SINCE('ARGV[1]')}
return redis.call('ZCOUNT', KEYS[1], since, '+inf')
`;
