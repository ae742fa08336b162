import type { Logger } from 'pino';
import { addressKey, canonicalUserKey } from '../client-address.ts';
import { addressSet, parseAddress, type AddressSet } from '../ip-address.ts';
import { createRateLimiter } from '../limits/create-rate-limiter.ts';
import type { RateLimiter } from '../limits/rate-limiter.ts';
import { StoreUnavailableError, type SharedRedis } from '../redis/connection.ts';
import {
  blockDurationMs,
  DEFAULT_ABUSE_POLICY,
  judgeStrike,
  offenceLimit,
  strikeLimit,
  type AbusePolicy,
} from './abuse-policy.ts';
import type { Blacklist } from './blacklist.ts';
import { parseBlock, type Block } from './block.ts';

/** Who is struck. */
export interface AbuseSubject {
  readonly kind: 'address' | 'user';
  readonly value: string;
}

export interface AbuseWatchOptions {
  readonly blacklist: Blacklist;
  readonly logger: Pick<Logger, 'warn'>;
  /** Lets gateways count together; without it each counts for itself. */
  readonly redis?: SharedRedis | undefined;
  readonly policy?: Partial<AbusePolicy>;
  /** Networks that are never blocked: own proxies, health checkers. */
  readonly neverBlock?: readonly string[];
  /** Most strikes being counted at a time; default 1,000. More are dropped: under such a flood they are not missed. */
  readonly maxPending?: number;
  /** Called for each block that was made. */
  readonly onBlock?: (block: Block) => void;
  /** Monotonic, milliseconds, for counting without Redis. */
  readonly nowMs?: () => number;
}

/** Blocks by itself who goes on with what is refused. */
export interface AbuseWatch {
  /** Counts without being waited for. @param why told to whoever is blocked, such as `bad tokens` */
  strike(subject: AbuseSubject, why: string): void;
  /** Resolves when all strikes so far are counted. */
  idle(): Promise<void>;
}

/** @throws InvalidNetworkError, RangeError when the options are not usable */
export function createAbuseWatch(options: AbuseWatchOptions): AbuseWatch {
  return new LimiterAbuseWatch(options);
}

class LimiterAbuseWatch implements AbuseWatch {
  readonly #options: AbuseWatchOptions;
  readonly #policy: AbusePolicy;
  readonly #neverBlock: AddressSet;
  readonly #strikes: RateLimiter;
  readonly #offences: RateLimiter;
  readonly #pending = new Set<Promise<void>>();
  readonly #blocking = new Set<string>();

  constructor(options: AbuseWatchOptions) {
    const { redis, nowMs, policy, neverBlock = [] } = options;
    this.#options = options;
    this.#policy = { ...DEFAULT_ABUSE_POLICY, ...policy };
    this.#neverBlock = addressSet(neverBlock);
    // While the store is away nobody can be blocked either, so there is nothing to share.
    const counting = { redis, degradedShare: 1, ...(nowMs && { nowMs }) };
    this.#strikes = createRateLimiter({ ...counting, name: 'strikes', limit: strikeLimit(this.#policy) });
    this.#offences = createRateLimiter({ ...counting, name: 'offences', limit: offenceLimit(this.#policy) });
  }

  strike(subject: AbuseSubject, why: string): void {
    if (this.#pending.size >= (this.#options.maxPending ?? 1_000) || this.#isExempt(subject)) return;
    const counted = this.#count(subject, why).finally(() => this.#pending.delete(counted));
    this.#pending.add(counted);
  }

  async idle(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #count(subject: AbuseSubject, why: string): Promise<void> {
    try {
      const key = keyOf(subject);
      const consequence = judgeStrike(await this.#strikes.take(key));
      // A request that was under way when the block came must not count as a further offence.
      if (consequence === 'none' || this.#blocking.has(key) || this.#isBlocked(subject)) return;
      this.#blocking.add(key);
      try {
        const offences = await this.#offences.take(key, consequence === 'offence' ? 1 : 0);
        await this.#block(subject, why, blockDurationMs(this.#policy, offences));
      } finally {
        this.#blocking.delete(key);
      }
    } catch (error) {
      // That it is away is said once, not with each strike.
      if (error instanceof StoreUnavailableError) return;
      const message = error instanceof Error ? error.message : String(error);
      this.#options.logger.warn({ kind: subject.kind, error: message }, 'a caller could not be blocked for abuse');
    }
  }

  async #block(subject: AbuseSubject, why: string, durationMs: number): Promise<void> {
    const block = await this.#options.blacklist.block(
      parseBlock({ ...subject, reason: `abuse: ${why}`, by: 'automatic', expiresInSeconds: durationMs / 1_000 }),
    );
    this.#options.logger.warn({ kind: block.kind, value: block.value, why, durationMs }, 'blocked for abuse');
    this.#options.onBlock?.(block);
  }

  #isBlocked({ kind, value }: AbuseSubject): boolean {
    return this.#options.blacklist.find({ [kind]: value }) !== undefined;
  }

  /** Text that is no address cannot be blocked as one. */
  #isExempt({ kind, value }: AbuseSubject): boolean {
    if (kind !== 'address') return false;
    const address = parseAddress(value);
    return address === undefined || this.#neverBlock.has(address);
  }
}

function keyOf({ kind, value }: AbuseSubject): string {
  return `${kind}:${kind === 'user' ? canonicalUserKey(value) : addressKey(value)}`;
}
