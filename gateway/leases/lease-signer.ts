import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import type { JSONWebKeySet, JWK } from 'jose';
import { DEFAULT_LEASE_AUDIENCE, LEASE_TYPE, type Lease } from '../../client/lease-verifier.ts';

export interface LeaseSignerOptions {
  /** Ed25519, as PEM (PKCS#8). All gateways need the same one; without it, one is generated for this process. */
  readonly privateKey?: string;
  /** Claim `iss`. */
  readonly issuer: string;
  /** Claim `aud`; default `playback`. */
  readonly audience?: string;
  /** `kid`; default the key's thumbprint [RFC 7638], the same at all gateways. */
  readonly keyId?: string;
  /** Ed25519, as PEM (SPKI): keys of before a rotation, and those of after it, so that verifiers know them in time. */
  readonly otherPublicKeys?: readonly string[];
}

export type LeaseRequest = Pick<Lease, 'userId' | 'streamId' | 'deviceId' | 'contentId'> & {
  readonly expiresInMs: number;
};

export interface LeaseSigner {
  readonly keyId: string;
  /** The key is known to nobody else and ends with this process. */
  readonly generated: boolean;
  /** A lease is in whole seconds: it ends up to a second earlier than asked, never later than its stream. */
  sign(request: LeaseRequest): string;
  /** Public keys, for `/.well-known/jwks.json`. */
  jwks(): JSONWebKeySet;
}

/** @throws TypeError when a key is not of Ed25519 */
export function createLeaseSigner(options: LeaseSignerOptions): LeaseSigner {
  const { issuer, audience = DEFAULT_LEASE_AUDIENCE, otherPublicKeys = [] } = options;
  const generated = options.privateKey === undefined;
  const privateKey =
    options.privateKey === undefined ? generateKeyPairSync('ed25519').privateKey : createPrivateKey(options.privateKey);
  const own = toJwk(createPublicKey(privateKey), options.keyId);
  const keyId = own.kid;
  const keys = [own, ...otherPublicKeys.map((pem) => toJwk(createPublicKey(pem)))];
  const header = encode({ alg: 'EdDSA', typ: LEASE_TYPE, kid: keyId });
  return {
    keyId,
    generated,
    sign({ userId, streamId, deviceId, contentId, expiresInMs }) {
      const nowMs = Date.now();
      const claims = {
        iss: issuer,
        aud: audience,
        sub: userId,
        sid: streamId,
        did: deviceId,
        cid: contentId,
        iat: Math.floor(nowMs / 1_000),
        exp: Math.floor((nowMs + expiresInMs) / 1_000),
      };
      const signed = `${header}.${encode(claims)}`;
      // At once: jose's way through WebCrypto takes twice as long for one lease, and gives no more of them a second.
      return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
    },
    jwks: () => ({ keys: keys.map((key) => ({ ...key })) }),
  };
}

function toJwk(publicKey: KeyObject, keyId?: string): JWK & { kid: string } {
  const { kty, crv, x } = publicKey.export({ format: 'jwk' });
  if (kty !== 'OKP' || crv !== 'Ed25519' || x === undefined) throw new TypeError('keys of leases must be of Ed25519');
  const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
  return { kty, crv, x, kid: keyId ?? thumbprint, alg: 'EdDSA', use: 'sig' };
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
