import type { JWTPayload } from 'jose';

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

/** Reads the claims of a token whose signature is right; undefined when one has a wrong form. */
export function readAccessClaims(payload: JWTPayload): AccessClaims | undefined {
  const { sub, jti, iss, exp, iat, plan, device, scope = '', one_time: oneTime = false } = payload;
  if (!isText(sub) || !isTime(exp) || typeof scope !== 'string' || typeof oneTime !== 'boolean') return undefined;
  // A claim that cannot be read is never taken for one that is missing: it may be a limit.
  if (!isOptionalText(jti) || !isOptionalText(iss) || !isOptionalText(plan) || !isOptionalText(device))
    return undefined;
  if ((iat !== undefined && !isTime(iat)) || (oneTime && jti === undefined)) return undefined;
  const caller: Caller = {
    subject: sub,
    scopes: new Set(scope.split(' ').filter((name) => name !== '')),
    ...(jti === undefined ? {} : { tokenId: jti }),
    ...(iss === undefined ? {} : { issuer: iss }),
    ...(plan === undefined ? {} : { plan }),
    ...(device === undefined ? {} : { deviceId: device }),
    expiresAtMs: exp * 1_000,
  };
  return { caller, oneTime, ...(iat === undefined ? {} : { issuedAtMs: iat * 1_000 }) };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT && value.isWellFormed();
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || isText(value);
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= END_OF_TIME;
}
