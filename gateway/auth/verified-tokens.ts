import { hash } from 'node:crypto';
import type { AccessClaims } from './caller.ts';

const DEFAULT_MAX_TOKENS = 20_000;

/** A token whose signature was found right. */
export interface VerifiedToken {
  readonly claims: AccessClaims;
  /** The key it was found right by: one object for as long as it is in force. */
  readonly key: object;
  /** The key that its header leads to now. */
  readonly currentKey: () => Promise<unknown>;
  /** Milliseconds since the epoch: before the first, or from the second on, it is to be checked anew. */
  readonly verifiedAtMs: number;
  readonly acceptedUntilMs: number;
}

/**
 * Tokens that come again and again, as those of players that beat: their signatures are not checked each time. Holds hashes,
 * no tokens. The ones that were not asked for the longest are forgotten for new ones.
 */
export class VerifiedTokens {
  readonly #tokens = new Map<string, VerifiedToken>();
  readonly #maxTokens: number;
  readonly #nowMs: () => number;

  /** @param maxTokens default 20,000, about 15 MB */
  constructor(maxTokens: number = DEFAULT_MAX_TOKENS, nowMs: () => number = Date.now) {
    this.#maxTokens = maxTokens;
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#tokens.size;
  }

  /** Its claims, if the same key would still be asked, at a time at which it is known to be valid. */
  async find(token: string): Promise<AccessClaims | undefined> {
    const id = idOf(token);
    const known = this.#tokens.get(id);
    if (!known) return undefined;
    const nowMs = this.#nowMs();
    const inTime = nowMs >= known.verifiedAtMs && nowMs < known.acceptedUntilMs;
    // A key that was withdrawn or cannot be had is for the full check to judge.
    const sameKey = inTime && (await known.currentKey().catch(() => undefined)) === known.key;
    this.#tokens.delete(id);
    if (!sameKey) return undefined;
    this.#put(id, known);
    return known.claims;
  }

  keep(token: string, verified: Omit<VerifiedToken, 'verifiedAtMs'>): void {
    this.#put(idOf(token), { ...verified, verifiedAtMs: this.#nowMs() });
  }

  #put(id: string, verified: VerifiedToken): void {
    this.#tokens.set(id, verified);
    if (this.#tokens.size <= this.#maxTokens) return;
    const [oldest] = this.#tokens.keys();
    if (oldest !== undefined) this.#tokens.delete(oldest);
  }
}

function idOf(token: string): string {
  return hash('sha256', token, 'base64');
}
