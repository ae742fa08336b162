import {
  base64url,
  compactVerify,
  errors,
  jwtVerify,
  type CryptoKey,
  type JWTPayload,
  type JWTVerifyOptions,
} from 'jose';
import { hasDuplicateNames } from './duplicate-names.ts';
import { KeysUnavailableError, type KeySource } from './key-set.ts';

/** No token of ours comes near this, characters; a longer one is refused unread. */
export const MAX_TOKEN_LENGTH = 8_192;

/** Why a signed token is refused. */
export type JwtFailure =
  | 'malformed'
  | 'wrongType'
  | 'wrongAlgorithm'
  | 'unknownKey'
  | 'badSignature'
  | 'expired'
  | 'notYetValid'
  | 'wrongIssuer'
  | 'wrongAudience';

export interface JwtHeader {
  readonly alg: string;
  readonly typ: string | undefined;
  readonly kid: string | undefined;
}

const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/u;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The header of a JWT whose form leaves one reading only: three parts of canonical base64url, no name twice, no extension
 * that must be understood. Nothing of it is trusted yet.
 */
export function readJwtHeader(token: string): JwtHeader | undefined {
  if (token.length > MAX_TOKEN_LENGTH || !COMPACT.test(token)) return undefined;
  const [head = '', payload = '', signature = ''] = token.split('.');
  const header = objectIn(head);
  if (!header || !objectIn(payload) || !decoded(signature)) return undefined;
  const { alg, typ, kid } = header;
  if (typeof alg !== 'string' || !isTextOrAbsent(typ) || !isTextOrAbsent(kid)) return undefined;
  return Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64') ? undefined : { alg, typ, kid };
}

/** Media type of a token without its `application/`; empty when it names none [RFC 7515, 4.1.9]. */
export function tokenType({ typ = '' }: JwtHeader): string {
  return typ.toLowerCase().replace(/^application\//u, '');
}

/**
 * Signature, and the claims that `options` ask for. A signature that is wrong by a key of a set may be right by the next one that has
 * its name: the set is asked for anew, where it is time for that.
 *
 * @throws KeysUnavailableError
 */
export async function verifyJwt(
  token: string,
  keys: CryptoKey | KeySource,
  options: JWTVerifyOptions,
): Promise<JWTPayload | JwtFailure> {
  return await judged(keys, async (key) => (await jwtVerify(token, key, options)).payload);
}

/**
 * The signature alone, otherwise as {@link verifyJwt}; the claims are for the caller to judge.
 *
 * @param token one that {@link readJwtHeader} could read
 * @throws KeysUnavailableError
 */
export async function verifySignature(
  token: string,
  keys: CryptoKey | KeySource,
  algorithm: string,
): Promise<JWTPayload | JwtFailure> {
  return await judged(keys, async (key) => {
    const { payload } = await compactVerify(token, key, { algorithms: [algorithm] });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an object, as its header could be read; claims may have any form
    return JSON.parse(utf8.decode(payload)) as JWTPayload;
  });
}

type Verify = (key: CryptoKey | KeySource) => Promise<JWTPayload>;

async function judged(keys: CryptoKey | KeySource, verify: Verify): Promise<JWTPayload | JwtFailure> {
  const verified = await judgedOnce(keys, verify);
  if (verified !== 'badSignature' || typeof keys !== 'function' || !(await keys.refresh?.())) return verified;
  return await judgedOnce(keys, verify);
}

async function judgedOnce(keys: CryptoKey | KeySource, verify: Verify): Promise<JWTPayload | JwtFailure> {
  try {
    return await verifyWithAny(keys, verify);
  } catch (error) {
    if (error instanceof KeysUnavailableError) throw error;
    return failureOf(error);
  }
}

async function verifyWithAny(keys: CryptoKey | KeySource, verify: Verify): Promise<JWTPayload> {
  try {
    return await verify(keys);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    // A token without a key id: any key of its algorithm may be the one.
    for await (const key of error) {
      const payload = await verify(key).catch((failure: unknown) => {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
      });
      if (payload) return payload;
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

function failureOf(error: unknown): JwtFailure {
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'badSignature';
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'wrongAlgorithm';
  if (error instanceof errors.JWTClaimValidationFailed) return failureOfClaim(error);
  // Also a key of the set that cannot be used: too small, broken, of another kind.
  if (error instanceof errors.JWKSNoMatchingKey || !(error instanceof errors.JOSEError)) return 'unknownKey';
  return 'malformed';
}

function failureOfClaim({ claim, reason }: errors.JWTClaimValidationFailed): JwtFailure {
  if (claim === 'iss') return 'wrongIssuer';
  if (claim === 'aud') return 'wrongAudience';
  return claim === 'nbf' && reason === 'check_failed' ? 'notYetValid' : 'malformed';
}

/** Bytes of a part that is written in the one way an encoder writes them: no padding, no stray bits. */
function decoded(part: string): Uint8Array | undefined {
  try {
    const bytes = base64url.decode(part);
    return base64url.encode(bytes) === part ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function objectIn(part: string): Readonly<Record<string, unknown>> | undefined {
  const bytes = decoded(part);
  if (!bytes) return undefined;
  try {
    const text = utf8.decode(bytes);
    const value: unknown = JSON.parse(text);
    return isObject(value) && !hasDuplicateNames(text) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
