import { importJWK, importSPKI, type CryptoKey, type JSONWebKeySet, type JWK, type JWTPayload } from 'jose';
import { readJwtHeader, tokenType, verifyJwt, type JwtFailure } from './jwt.ts';
import { localKeys, remoteKeys, type KeySource, type RemoteKeysOptions } from './key-set.ts';

export { KeysUnavailableError } from './key-set.ts';
export type { RemoteKeysOptions } from './key-set.ts';

/** Media type of leases: what sets them apart from access tokens, whatever key signed them. */
export const LEASE_TYPE = 'lease+jwt';
export const DEFAULT_LEASE_AUDIENCE = 'playback';
/** Both names of Ed25519 [RFC 8037, RFC 9864]. */
const ALGORITHMS = ['EdDSA', 'Ed25519'];

/** Why a lease does not allow the playback. `mismatch`: it is for another user, stream, device or content. */
export type InvalidLeaseReason = JwtFailure | 'mismatch';

/** The lease does not allow the playback. Neither the message nor anything attached holds parts of it. */
export class InvalidLeaseError extends Error {
  override readonly name = 'InvalidLeaseError';
  readonly reason: InvalidLeaseReason;

  constructor(reason: InvalidLeaseReason) {
    super(`the lease does not allow the playback: ${reason}`);
    this.reason = reason;
  }
}

/** Proof, for as long as it lasts, that a stream has its slot. */
export interface Lease {
  readonly userId: string;
  readonly streamId: string;
  readonly deviceId: string;
  readonly contentId?: string;
  /** Milliseconds since the epoch, by the clock of the gateway, in whole seconds. */
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** What the lease must be for; anything that is left out goes. */
export type ExpectedLease = Partial<Pick<Lease, 'userId' | 'streamId' | 'deviceId' | 'contentId'>>;

/** Where the gateway's keys come from: `/.well-known/jwks.json` by URL or at hand, or one key, as PEM (SPKI) or JWK. */
export type LeaseKeys =
  | { readonly jwksUrl: URL; readonly remote?: RemoteKeysOptions }
  | { readonly jwks: JSONWebKeySet }
  | { readonly publicKey: string | JWK };

export type LeaseVerifierOptions = LeaseKeys & {
  /** The gateway's `iss`; any when left out. */
  readonly issuer?: string;
  /** Default `playback`. */
  readonly audience?: string;
  /** How far this clock may be ahead of the gateway's; default 0. */
  readonly clockToleranceSeconds?: number;
};

export interface LeaseVerifier {
  /**
   * @throws InvalidLeaseError
   * @throws KeysUnavailableError when keys were never had, or the lease names one that may be newer than those that were fetched:
   *   worth another try after `retryAfterMs`. Whoever plays without lets everybody play.
   */
  verify(lease: string, expected?: ExpectedLease): Promise<Lease>;
}

/** Checks leases offline, for a CDN or an origin. Needs nothing but Web APIs. */
export function createLeaseVerifier(options: LeaseVerifierOptions): LeaseVerifier {
  const { issuer, audience = DEFAULT_LEASE_AUDIENCE, clockToleranceSeconds = 0 } = options;
  const rules = {
    algorithms: ALGORITHMS,
    audience,
    clockTolerance: clockToleranceSeconds,
    requiredClaims: ['exp', 'iat', 'sub'],
    ...(issuer === undefined ? {} : { issuer }),
  };
  let keys: Promise<CryptoKey | KeySource> | undefined;
  return {
    async verify(token, expected = {}) {
      const header = readJwtHeader(token);
      if (!header) throw new InvalidLeaseError('malformed');
      if (tokenType(header) !== LEASE_TYPE) throw new InvalidLeaseError('wrongType');
      keys ??= keysOf(options);
      const payload = await verifyJwt(token, await keys, rules);
      if (typeof payload === 'string') throw new InvalidLeaseError(payload);
      const lease = leaseIn(payload);
      if (!lease) throw new InvalidLeaseError('malformed');
      if (!isFor(lease, expected)) throw new InvalidLeaseError('mismatch');
      return lease;
    },
  };
}

async function keysOf(keys: LeaseKeys): Promise<CryptoKey | KeySource> {
  if ('jwksUrl' in keys) return remoteKeys(keys.jwksUrl, keys.remote);
  if ('jwks' in keys) return localKeys(keys.jwks);
  if (typeof keys.publicKey === 'string') return importSPKI(keys.publicKey, 'EdDSA');
  const key = await importJWK(keys.publicKey, 'EdDSA');
  if (key instanceof Uint8Array) throw new TypeError('the key of leases must be a public key');
  return key;
}

function leaseIn({ sub: userId, sid, did, cid, iat, exp }: JWTPayload): Lease | undefined {
  if (!isText(userId) || !isText(sid) || !isText(did) || (cid !== undefined && !isText(cid))) return undefined;
  if (iat === undefined || exp === undefined || !Number.isFinite(exp)) return undefined;
  const lease = { userId, streamId: sid, deviceId: did, issuedAtMs: iat * 1_000, expiresAtMs: exp * 1_000 };
  return cid === undefined ? lease : { ...lease, contentId: cid };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isFor(lease: Lease, { userId, streamId, deviceId, contentId }: ExpectedLease): boolean {
  return (
    (userId === undefined || userId === lease.userId) &&
    (streamId === undefined || streamId === lease.streamId) &&
    (deviceId === undefined || deviceId === lease.deviceId) &&
    (contentId === undefined || contentId === lease.contentId)
  );
}
