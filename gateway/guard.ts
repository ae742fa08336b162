import type { FastifyRequest } from 'fastify';
import type { RouteAccess } from './app.ts';
import { soleAuthorization } from './auth/authorization-header.ts';
import { hasScope, isService, mayActFor, SCOPES } from './auth/authorize.ts';
import type { Caller } from './auth/caller.ts';
import { UnauthenticatedError, type UnauthenticatedReason } from './auth/errors.ts';
import type { TokenVerifier, VerifyOptions } from './auth/token-verifier.ts';
import type { AbuseWatch } from './blacklist/abuse-watch.ts';
import type { Blacklist, BlacklistSubjects } from './blacklist/blacklist.ts';
import type { Block } from './blacklist/block.ts';
import {
  addressKey,
  canonicalUserKey,
  clientAddress,
  type ClientAddress,
  type TrustedProxies,
} from './client-address.ts';
import type { Forwarders } from './forwarders.ts';
import { parseAddress } from './ip-address.ts';
import type { RateLimiter, RateVerdict } from './limits/rate-limiter.ts';
import { Problem, retryAfter } from './problem.ts';

/**
 * What shows that a token was made up. All else may be an honest client's: a token that is old, of another environment, of an
 * odd shape, or none at all.
 */
const FORGERIES: ReadonlySet<UnauthenticatedReason> = new Set(['badSignature', 'wrongAlgorithm']);
/** Addresses remembered whose limit was reached; of more, the oldest are forgotten and their tokens looked at again. */
const MOST_SPENT = 10_000;

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
  /** Of requests without a valid token. */
  readonly addressLimiter: RateLimiter;
  /** The same for peers that many clients come through, all of them together. */
  readonly forwarderLimiter: RateLimiter;
  readonly userLimiter: RateLimiter;
  readonly serviceLimiter: RateLimiter;
  /** Whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: TrustedProxies;
  readonly forwarders: Forwarders;
}

/** What a request with a token is for, as {@link RouteAccess} has it. */
export type TokenAccess = Extract<RouteAccess, 'token' | 'beat' | 'operator'>;

/**
 * Admits requests. A valid token is limited by whose it is, never by its address, which many may share; an address is limited
 * by what comes without one, and struck only for forged tokens, where it is certainly the client's own.
 */
export class Guard {
  readonly #options: GuardOptions;
  /** Addresses whose limit is reached, and until when, by a monotonic clock. */
  readonly #spent = new Map<string, number>();

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  addressOf(request: AddressedRequest): ClientAddress {
    const { socket, headers } = request.raw;
    const { trustedProxies, forwarders } = this.#options;
    const found = clientAddress(socket.remoteAddress, headers, trustedProxies);
    const address = parseAddress(found.address);
    if (found.origin === 'client' || !address || trustedProxies.has(address)) return found;
    const key = addressKey(found.address);
    if (found.origin === 'forwarder') forwarders.note(key);
    return forwarders.has(key) ? { ...found, origin: 'forwarder' } : found;
  }

  /** Of a request that needs no token. @throws Problem (`blocked`, `rate-limited`) */
  async admitAnyone(from: ClientAddress): Promise<void> {
    this.refuseBlockedAddress(from);
    await this.#takeOfAddress(from);
  }

  /** @throws Problem (`blocked`) */
  refuseBlockedAddress({ address }: ClientAddress): void {
    this.#refuseBlocked({ address });
  }

  /**
   * Of a request with a token, which is counted for its subject.
   *
   * @param rawHeaders names and values in turn
   * @throws UnauthenticatedError, Problem (`blocked`, `rate-limited`, `forbidden`), KeysUnavailableError, StoreUnavailableError
   */
  async admitCaller(
    rawHeaders: readonly string[],
    from: ClientAddress,
    access: TokenAccess = 'token',
  ): Promise<Caller> {
    const caller = await this.#admitToken(rawHeaders, from, access, {});
    await this.#takeOfCaller(caller);
    return caller;
  }

  /**
   * A service is let through to a user that is blocked: what may not play is refused where it would.
   *
   * @throws Problem (`forbidden`, `rate-limited`)
   */
  async admitUser(caller: Caller, userId: string): Promise<void> {
    if (!mayActFor(caller, userId)) throw new Problem('forbidden', 'the token acts for another user');
    if (!isService(caller)) return;
    // Beside the user's own requests, which a service must not use up.
    const verdict = await this.#options.userLimiter.take(`service\0${canonicalUserKey(userId)}`);
    if (!verdict.allowed) throw rateLimited('user by services', waitOf(verdict));
  }

  /** Whether a stream may be started, whoever asks for it. @throws Problem (`blocked`) */
  admitPlay(user: string, device: string): void {
    this.#refuseBlocked({ user, device });
  }

  /**
   * What would become of a request. One that would be admitted is not counted; it will be when it comes.
   *
   * @throws as {@link admitAnyone} and {@link admitCaller} do
   */
  async preview(from: ClientAddress, access: TokenAccess | 'open', rawHeaders: readonly string[]): Promise<void> {
    if (access !== 'open') {
      await this.#admitToken(rawHeaders, from, access, { useUp: false });
      return;
    }
    this.refuseBlockedAddress(from);
    const verdict = await this.#limiterOf(from).take(addressKey(from.address), 0);
    if (verdict.remaining < 1) throw rateLimited('address', waitOf(verdict));
  }

  async #admitToken(
    rawHeaders: readonly string[],
    from: ClientAddress,
    access: TokenAccess,
    how: VerifyOptions,
  ): Promise<Caller> {
    if (access !== 'operator') this.refuseBlockedAddress(from);
    const caller = await this.#identify(rawHeaders, from, how);
    if (access === 'operator' && !hasScope(caller, SCOPES.blacklist)) {
      this.refuseBlockedAddress(from);
      throw new Problem('forbidden', 'the token needs the scope "blacklist"');
    }
    this.#refuseBlockedCaller(caller, access);
    return caller;
  }

  async #identify(rawHeaders: readonly string[], from: ClientAddress, how: VerifyOptions): Promise<Caller> {
    const { tokens, abuse } = this.#options;
    try {
      const header = soleAuthorization(rawHeaders);
      // A flood of made-up tokens is not worth a look at each; those that were accepted before pass all the same.
      const spentForMs = this.#spentForMs(from);
      if (spentForMs > 0 && !(await tokens.isKnown(header))) throw rateLimited('address', spentForMs);
      return await tokens.verify(header, how);
    } catch (error) {
      if (!(error instanceof UnauthenticatedError)) throw error;
      if (from.origin === 'client' && FORGERIES.has(error.reason))
        abuse.strike({ kind: 'address', value: from.address }, 'bad tokens');
      await this.#takeOfAddress(from);
      throw error;
    }
  }

  #refuseBlockedCaller(caller: Caller, access: TokenAccess): void {
    const { subject: user, tokenId: token, deviceId: device } = caller;
    const beat = access === 'beat';
    this.#refuseBlocked({
      ...(token === undefined ? {} : { token }),
      ...(beat && !isService(caller) ? {} : { user }),
      ...(device === undefined || beat ? {} : { device }),
    });
  }

  #refuseBlocked(subjects: BlacklistSubjects): void {
    const block = this.#options.blacklist.find(subjects);
    if (block) throw blocked(block);
  }

  async #takeOfCaller(caller: Caller): Promise<void> {
    const { userLimiter, serviceLimiter, abuse } = this.#options;
    const { subject, issuer } = caller;
    if (isService(caller)) {
      const verdict = await serviceLimiter.take(JSON.stringify([issuer ?? null, subject]));
      if (!verdict.allowed) throw rateLimited('service', waitOf(verdict));
      return;
    }
    const verdict = await userLimiter.take(canonicalUserKey(subject));
    if (verdict.allowed) return;
    abuse.strike({ kind: 'user', value: subject }, 'too many requests');
    throw rateLimited('user', waitOf(verdict));
  }

  async #takeOfAddress(from: ClientAddress): Promise<void> {
    const verdict = await this.#limiterOf(from).take(addressKey(from.address));
    if (verdict.allowed) return;
    const [oldest] = this.#spent.keys();
    if (oldest !== undefined && this.#spent.size >= MOST_SPENT) this.#spent.delete(oldest);
    this.#spent.set(spentKey(from), performance.now() + verdict.retryAfterMs);
    throw rateLimited('address', waitOf(verdict));
  }

  #limiterOf({ origin }: ClientAddress): RateLimiter {
    return origin === 'forwarder' ? this.#options.forwarderLimiter : this.#options.addressLimiter;
  }

  #spentForMs(from: ClientAddress): number {
    const key = spentKey(from);
    const untilMs = this.#spent.get(key);
    if (untilMs === undefined) return 0;
    const leftMs = Math.ceil(untilMs - performance.now());
    if (leftMs <= 0) this.#spent.delete(key);
    return leftMs;
  }
}

/** A peer that turns out to bring others' requests has another limit from then on. */
function spentKey({ address, origin }: ClientAddress): string {
  return `${origin === 'forwarder'} ${addressKey(address)}`;
}

function waitOf({ retryAfterMs, resetAfterMs }: RateVerdict): number {
  return retryAfterMs || resetAfterMs;
}

function rateLimited(whose: string, waitMs: number): Problem {
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
