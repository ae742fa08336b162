import type { JWTPayload } from 'jose';
import { UnauthenticatedError } from './errors.ts';

const MAX_TEXT = 255;
/** Last moment a Date can tell, seconds since the epoch. */
const END_OF_TIME = 8_640_000_000_000;

/** Who asks, by an access token that was accepted. */
export interface Caller {
  /** Claim `sub`, 1 to 255 characters; compared exactly. */
  readonly subject: string;
  readonly scopes: ReadonlySet<string>;
  /** Claim `jti`: one issuer gives it once. */
  readonly tokenId?: string;
  /** Claim `iss`. */
  readonly issuer?: string;
  /** Claim `plan`: chooses among the caps of the policy. */
  readonly plan?: string;
  /** Claim `device`: the token is good for this device only. */
  readonly deviceId?: string;
  /** Claim `exp`. */
  readonly expiresAtMs: number;
}

export interface AccessClaims {
  readonly caller: Caller;
  /** The token is good for one request. */
  readonly oneTime: boolean;
  readonly issuedAtMs?: number;
}

/** Which claims are accepted. */
export interface ClaimRules {
  /** Accepted values of `iss`; any when left out. */
  readonly issuer?: readonly string[];
  /** What `aud` must hold, one of them; anything goes when left out. */
  readonly audience?: readonly string[];
  /** How far clocks may differ. */
  readonly toleranceSeconds: number;
  /** Claims whose names are scopes, all of them together. */
  readonly scopeClaims: readonly string[];
}

/**
 * Reads the claims of a token whose signature is right. Issuers write them in several ways: `null` is absence, an id may be a
 * whole number, a time a text of digits, scopes a list or a text with spaces. What cannot be read for certain is refused, never
 * taken for a claim that is missing: it may be a limit.
 *
 * @throws UnauthenticatedError (`malformed`, `expired`, `notYetValid`, `wrongIssuer`, `wrongAudience`)
 */
export function readAccessClaims(payload: JWTPayload, rules: ClaimRules): AccessClaims {
  if (rules.issuer && !rules.issuer.some((issuer) => issuer === payload.iss))
    throw new UnauthenticatedError('wrongIssuer');
  if (rules.audience && !isFor(rules.audience, payload.aud)) throw new UnauthenticatedError('wrongAudience');
  const issuedAt = timeIn(payload, 'iat');
  const [tokenId, issuer, plan, deviceId] = ['jti', 'iss', 'plan', 'device'].map((claim) => textIn(payload, claim));
  const caller: Caller = {
    subject: textIn(payload, 'sub') ?? unreadable('sub'),
    scopes: new Set(rules.scopeClaims.flatMap((claim) => scopesIn(payload, claim))),
    ...(tokenId === undefined ? {} : { tokenId }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(plan === undefined ? {} : { plan }),
    ...(deviceId === undefined ? {} : { deviceId }),
    expiresAtMs: endWithin(payload, rules) * 1_000,
  };
  const oneTime = payload['one_time'] ?? false;
  if (typeof oneTime !== 'boolean') unreadable('one_time');
  if (oneTime && tokenId === undefined) unreadable('jti');
  return { caller, oneTime, ...(issuedAt === undefined ? {} : { issuedAtMs: issuedAt * 1_000 }) };
}

/** When the token ends, seconds. */
function endWithin(payload: JWTPayload, { toleranceSeconds }: ClaimRules): number {
  const now = Date.now() / 1_000;
  const notBefore = timeIn(payload, 'nbf');
  const end = timeIn(payload, 'exp') ?? unreadable('exp');
  if (notBefore !== undefined && notBefore > now + toleranceSeconds) throw new UnauthenticatedError('notYetValid');
  if (end <= now - toleranceSeconds) throw new UnauthenticatedError('expired');
  return end;
}

function textIn(payload: JWTPayload, claim: string): string | undefined {
  const value = payload[claim] ?? undefined;
  if (value === undefined) return undefined;
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== 'string' || text === '' || text.length > MAX_TEXT || !text.isWellFormed()) unreadable(claim);
  return text;
}

/** Seconds since the epoch. */
function timeIn(payload: JWTPayload, claim: string): number | undefined {
  const value = payload[claim] ?? undefined;
  if (value === undefined) return undefined;
  const time = typeof value === 'string' && /^\d{1,13}$/u.test(value) ? Number(value) : value;
  if (typeof time !== 'number' || time > END_OF_TIME) unreadable(claim);
  return time;
}

function scopesIn(payload: JWTPayload, claim: string): readonly string[] {
  const value = payload[claim] ?? [];
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  return texts.flatMap((text) => {
    if (typeof text !== 'string') unreadable(claim);
    return text.split(' ').filter((name) => name !== '');
  });
}

function isFor(accepted: readonly string[], audience: unknown): boolean {
  const named: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  return named.some((name) => typeof name === 'string' && accepted.includes(name));
}

function unreadable(claim: string): never {
  throw new UnauthenticatedError('malformed', claim);
}
