import type { FastifyRequest } from 'fastify';
import { soleAuthorization } from './auth/authorization-header.ts';
import { mayActFor } from './auth/authorize.ts';
import type { Caller } from './auth/caller.ts';
import { UnauthenticatedError, type UnauthenticatedReason } from './auth/errors.ts';
import type { TokenVerifier, VerifyOptions } from './auth/token-verifier.ts';
import type { AbuseWatch } from './blacklist/abuse-watch.ts';
import type { Blacklist, BlacklistSubjects } from './blacklist/blacklist.ts';
import type { Block } from './blacklist/block.ts';
import { addressKey, canonicalUserKey, clientAddress, type AddressSet } from './client-address.ts';
import type { RateLimiter, RateVerdict } from './limits/rate-limiter.ts';
import { Problem, retryAfter } from './problem.ts';

/** What no honest client sends; the others come of clocks, of sleep, and of keys that were just rotated. */
const FORGERIES: ReadonlySet<UnauthenticatedReason> = new Set([
  'malformed',
  'wrongType',
  'wrongAlgorithm',
  'badSignature',
  'wrongIssuer',
  'wrongAudience',
]);

interface Limited {
  readonly kind: 'address' | 'user';
  readonly value: string;
}

/** What tells where a request comes from. */
export interface AddressedRequest {
  readonly raw: {
    readonly socket: { readonly remoteAddress?: string | undefined };
    readonly headers: FastifyRequest['raw']['headers'];
  };
}

export interface GuardOptions {
  readonly tokens: TokenVerifier;
  readonly blacklist: Blacklist;
  readonly abuse: AbuseWatch;
  readonly addressLimiter: RateLimiter;
  readonly userLimiter: RateLimiter;
  /** Whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: AddressSet;
}

/** Admits requests, cheapest question first: blocked, too many from the address, who is it, may it, too many of the user. */
export class Guard {
  readonly #options: GuardOptions;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  addressOf(request: AddressedRequest): string {
    const { socket, headers } = request.raw;
    return clientAddress(socket.remoteAddress, headers['x-forwarded-for'], this.#options.trustedProxies);
  }

  /** @throws Problem (`blocked`, `rate-limited`) */
  async admitAddress(address: string): Promise<void> {
    this.#refuseBlocked({ address });
    await this.#take(this.#options.addressLimiter, addressKey(address), { kind: 'address', value: address });
  }

  /** @throws UnauthenticatedError, Problem (`blocked`, `rate-limited`), KeysUnavailableError, StoreUnavailableError */
  async admitCaller(rawHeaders: readonly string[], address: string): Promise<Caller> {
    const caller = await this.#identify(rawHeaders, address);
    this.#refuseBlockedCaller(caller);
    return caller;
  }

  /** @throws Problem (`forbidden`, `blocked`, `rate-limited`) */
  async admitUser(caller: Caller, userId: string): Promise<void> {
    if (!mayActFor(caller, userId)) throw new Problem('forbidden', 'the token acts for another user');
    this.#refuseBlocked({ user: userId });
    await this.#take(this.#options.userLimiter, canonicalUserKey(userId), { kind: 'user', value: userId });
  }

  /** A device is known only from the body. @throws Problem (`blocked`) */
  admitDevice(device: string): void {
    this.#refuseBlocked({ device });
  }

  /**
   * What would become of a request, without counting it.
   *
   * @param rawHeaders where a token is needed
   * @throws as {@link admitAddress} and {@link admitCaller} do
   */
  async preview(address: string, rawHeaders: readonly string[] | undefined): Promise<void> {
    this.#refuseBlocked({ address });
    const verdict = await this.#options.addressLimiter.take(addressKey(address), 0);
    if (verdict.remaining < 1) throw rateLimited('address', verdict);
    if (rawHeaders) this.#refuseBlockedCaller(await this.#identify(rawHeaders, address, { useUp: false }));
  }

  async #identify(rawHeaders: readonly string[], address: string, how?: VerifyOptions): Promise<Caller> {
    try {
      return await this.#options.tokens.verify(soleAuthorization(rawHeaders), how);
    } catch (error) {
      if (error instanceof UnauthenticatedError && FORGERIES.has(error.reason)) {
        this.#options.abuse.strike({ kind: 'address', value: address }, 'bad tokens');
      }
      throw error;
    }
  }

  #refuseBlockedCaller({ subject: user, tokenId: token, deviceId: device }: Caller): void {
    this.#refuseBlocked({
      user,
      ...(token === undefined ? {} : { token }),
      ...(device === undefined ? {} : { device }),
    });
  }

  #refuseBlocked(subjects: BlacklistSubjects): void {
    const block = this.#options.blacklist.find(subjects);
    if (block) throw blocked(block);
  }

  async #take(limiter: RateLimiter, key: string, subject: Limited): Promise<void> {
    const verdict = await limiter.take(key);
    if (verdict.allowed) return;
    this.#options.abuse.strike(subject, 'too many requests');
    throw rateLimited(subject.kind, verdict);
  }
}

function rateLimited(whose: Limited['kind'], { retryAfterMs, resetAfterMs }: RateVerdict): Problem {
  const waitMs = retryAfterMs || resetAfterMs;
  return new Problem('rate-limited', `too many requests of this ${whose}`, {
    headers: retryAfter(waitMs),
    extensions: { retryAfterMs: waitMs },
  });
}

function blocked({ kind, reason, expiresAt }: Block): Problem {
  return new Problem('blocked', `this ${kind} is blocked: ${reason}`, {
    extensions: { reason, ...(expiresAt === undefined ? {} : { expiresAt }) },
  });
}
