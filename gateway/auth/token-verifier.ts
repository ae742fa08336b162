import type { CryptoKey, JSONWebKeySet, JWTHeaderParameters, FlattenedJWSInput } from 'jose';
import { readJwtHeader, tokenType, verifySignature, type JwtHeader } from '../../client/jwt.ts';
import { localKeys, remoteKeys, type KeySource, type RemoteKeysOptions } from '../../client/key-set.ts';
import { bearerToken } from './authorization-header.ts';
import { readAccessClaims, type AccessClaims, type Caller, type ClaimRules } from './caller.ts';
import { UnauthenticatedError } from './errors.ts';
import { createMemoryOneTimeTokens, type OneTimeTokens } from './token-memory.ts';
import { VerifiedTokens, type VerifiedToken } from './verified-tokens.ts';

const MIN_SECRET_BYTES = 32;
const DEFAULT_CLOCK_TOLERANCE_SECONDS = 5;
/** OAuth 2 [RFC 9068] and what Entra and Okta write instead. */
const DEFAULT_SCOPE_CLAIMS: readonly string[] = ['scope', 'scp'];
const HMAC = 'HS256';
/** Signatures of key pairs; a public key is never taken for a secret, whatever algorithm the token names. */
const ASYMMETRIC = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');
/** Media types of access tokens [RFC 7519, RFC 9068]; most issuers name none. A lease has another one. */
const ACCESS_TYPES: readonly string[] = ['', 'jwt', 'at+jwt'];

export interface TokenVerifierOptions {
  /** Shared secrets of tokens with HS256, at least 32 bytes each: several while they are rotated. */
  readonly secret?: string | readonly string[];
  /** Public keys of the issuer, by URL or at hand. May stand beside a secret; one of the two kinds is needed. */
  readonly jwksUrl?: URL;
  readonly jwks?: JSONWebKeySet;
  /** How the URL is asked. */
  readonly remote?: RemoteKeysOptions;
  /** Claim `iss`; any when left out. */
  readonly issuer?: string | readonly string[];
  /** What `aud` must hold, one of them; anything goes when left out. */
  readonly audience?: string | readonly string[];
  /** Claims that hold scopes, as a text with spaces or a list, all of them together; default `scope` and `scp`. */
  readonly scopeClaims?: readonly string[];
  /** How far clocks may differ; default 5. */
  readonly clockToleranceSeconds?: number;
  /** Longest time from a token's issue, or from now, to its end; no limit when left out. */
  readonly maxLifetimeSeconds?: number;
  /** Memory of one-time tokens; default: of this process. */
  readonly oneTimeTokens?: OneTimeTokens;
  /** Most tokens whose signature is not checked again each time they come; default 20,000. */
  readonly maxVerifiedTokens?: number;
  /** Says which tokens are not accepted any more. */
  readonly isRevoked?: (caller: Caller) => boolean;
}

export interface VerifyOptions {
  /** Whether a one-time token is spent by this; default true. */
  readonly useUp?: boolean;
}

export interface TokenVerifier {
  /**
   * Who asks. Uses a one-time token up, so it is asked once for each request.
   *
   * @param authorizationHeader value of the header `Authorization`, of which there must be one: see `soleAuthorization`
   * @throws UnauthenticatedError
   * @throws KeysUnavailableError, StoreUnavailableError when nothing can be said at present
   */
  verify(authorizationHeader: string | undefined, options?: VerifyOptions): Promise<Caller>;
  /** Whether the signature was found right before, so that to verify it again costs next to nothing. */
  isKnown(authorizationHeader: string | undefined): Promise<boolean>;
}

/** @throws TypeError when there is neither a secret nor keys, when there are two sets of keys, or the secret is short */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { secret = [], jwks, jwksUrl } = options;
  const secrets = listed(secret);
  if (secrets.length === 0 && !jwks && !jwksUrl) throw new TypeError('a secret or a set of public keys is needed');
  if (jwks && jwksUrl) throw new TypeError('public keys come by URL or at hand, not both');
  if (secrets.some((one) => Buffer.byteLength(one) < MIN_SECRET_BYTES))
    throw new TypeError(`the secret must have at least ${MIN_SECRET_BYTES} bytes`);
  return new JwtVerifier(options);
}

class JwtVerifier implements TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #toleranceSeconds: number;
  readonly #rules: ClaimRules;
  readonly #secrets: Promise<readonly CryptoKey[]>;
  readonly #keys: KeySource | undefined;
  readonly #oneTimeTokens: OneTimeTokens;
  readonly #verified: VerifiedTokens;

  constructor(options: TokenVerifierOptions) {
    const { secret = [], jwks, jwksUrl, remote } = options;
    this.#options = options;
    this.#toleranceSeconds = options.clockToleranceSeconds ?? DEFAULT_CLOCK_TOLERANCE_SECONDS;
    this.#rules = rulesOf(options, this.#toleranceSeconds);
    this.#secrets = Promise.all(listed(secret).map(importSecret));
    if (jwks) this.#keys = localKeys(jwks);
    if (jwksUrl) this.#keys = remoteKeys(jwksUrl, remote);
    this.#oneTimeTokens = options.oneTimeTokens ?? createMemoryOneTimeTokens();
    this.#verified = new VerifiedTokens(options.maxVerifiedTokens);
  }

  async verify(authorizationHeader: string | undefined, { useUp = true }: VerifyOptions = {}): Promise<Caller> {
    const claims = await this.#claims(bearerToken(authorizationHeader));
    this.#checkLifetime(claims);
    if (this.#options.isRevoked?.(claims.caller)) throw new UnauthenticatedError('revoked');
    // Last, so that no token is used up by a request that is refused for another reason.
    if (claims.oneTime && useUp) await this.#useUp(claims.caller);
    return claims.caller;
  }

  async isKnown(authorizationHeader: string | undefined): Promise<boolean> {
    return (await this.#verified.find(bearerToken(authorizationHeader))) !== undefined;
  }

  async #claims(token: string): Promise<AccessClaims> {
    return (await this.#verified.find(token)) ?? (await this.#verify(token));
  }

  async #verify(token: string): Promise<AccessClaims> {
    const header = readJwtHeader(token);
    if (!header) throw new UnauthenticatedError('malformed');
    if (!ACCESS_TYPES.includes(tokenType(header))) throw new UnauthenticatedError('wrongType');
    const [first, ...others] = await this.#keysOf(header);
    let keys = watched(first);
    let payload = await verifySignature(token, keys.use, header.alg);
    for (const other of others) {
      if (payload !== 'badSignature') break;
      keys = watched(other);
      payload = await verifySignature(token, keys.use, header.alg);
    }
    if (typeof payload === 'string') throw new UnauthenticatedError(payload);
    const claims = readAccessClaims(payload, this.#rules);
    const used = keys.used();
    const acceptedUntilMs = claims.caller.expiresAtMs + this.#toleranceSeconds * 1_000;
    if (used && !claims.oneTime) this.#verified.keep(token, { claims, ...used, acceptedUntilMs });
    return claims;
  }

  /** By the algorithm, of which each belongs to one kind of key; the token's own words on keys are never followed. */
  async #keysOf({ alg }: JwtHeader): Promise<readonly [CryptoKey | KeySource, ...CryptoKey[]]> {
    const [secret, ...otherSecrets] = await this.#secrets;
    if (alg === HMAC && secret) return [secret, ...otherSecrets];
    if (ASYMMETRIC.includes(alg) && this.#keys) return [this.#keys];
    throw new UnauthenticatedError('wrongAlgorithm');
  }

  #checkLifetime({ caller: { expiresAtMs }, issuedAtMs }: AccessClaims): void {
    const { maxLifetimeSeconds = Infinity } = this.#options;
    const now = Date.now();
    // A time of issue in the future would make any life look short.
    const latestEndMs = Math.min(issuedAtMs ?? now, now + this.#toleranceSeconds * 1_000) + maxLifetimeSeconds * 1_000;
    if (expiresAtMs > latestEndMs) throw new UnauthenticatedError('lifetimeTooLong');
  }

  async #useUp({ issuer, tokenId, expiresAtMs }: Caller): Promise<void> {
    // Issuers give ids independently of each other.
    const id = JSON.stringify([issuer ?? null, tokenId]);
    const acceptedUntilMs = expiresAtMs + this.#toleranceSeconds * 1_000;
    if (!(await this.#oneTimeTokens.consume(id, acceptedUntilMs))) throw new UnauthenticatedError('replayed');
  }
}

/** Of several keys that one header leads to, which one was right is not told: then none was used. */
function watched(keys: CryptoKey | KeySource): {
  readonly use: CryptoKey | KeySource;
  readonly used: () => Pick<VerifiedToken, 'key' | 'currentKey'> | undefined;
} {
  if (typeof keys !== 'function') return { use: keys, used: () => ({ key: keys, currentKey: async () => keys }) };
  let used: Pick<VerifiedToken, 'key' | 'currentKey'> | undefined;
  const use = async (header: JWTHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> => {
    const key = await keys(header, token);
    // Keys are found by the header alone.
    const currentKey = async () => await keys(header, { payload: '', signature: '' });
    used = { key, currentKey };
    return key;
  };
  return { use: Object.assign(use, keys.refresh && { refresh: keys.refresh }), used: () => used };
}

function rulesOf({ issuer, audience, scopeClaims }: TokenVerifierOptions, toleranceSeconds: number): ClaimRules {
  return {
    toleranceSeconds,
    scopeClaims: scopeClaims ?? DEFAULT_SCOPE_CLAIMS,
    ...(issuer === undefined ? {} : { issuer: listed(issuer) }),
    ...(audience === undefined ? {} : { audience: listed(audience) }),
  };
}

function importSecret(secret: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}

function listed(value: string | readonly string[]): string[] {
  return typeof value === 'string' ? [value] : [...value];
}
