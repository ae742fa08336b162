import type { JwtFailure } from '../../client/jwt.ts';

export { KeysUnavailableError } from '../../client/key-set.ts';

/**
 * Why a caller is not known. `missing`: no token. `lifetimeTooLong`: valid for longer than this gateway allows. `revoked`:
 * on the blacklist. `replayed`: a one-time token that was used before.
 */
export type UnauthenticatedReason = JwtFailure | 'missing' | 'lifetimeTooLong' | 'revoked' | 'replayed';

/** The request has no token that can be accepted. Neither the message nor anything attached holds parts of the token. */
export class UnauthenticatedError extends Error {
  override readonly name = 'UnauthenticatedError';
  readonly reason: UnauthenticatedReason;

  /** @param claim the one that makes a token malformed */
  constructor(reason: UnauthenticatedReason, claim?: string) {
    super(EXPLANATIONS[reason] + (claim === undefined ? '' : `: its claim ${claim} is missing or cannot be read`));
    this.reason = reason;
  }
}

const EXPLANATIONS: Readonly<Record<UnauthenticatedReason, string>> = {
  missing: 'a bearer token is required',
  malformed: 'the token does not have the form of an access token',
  wrongType: 'the token is of another type than access tokens',
  wrongAlgorithm: 'the algorithm of the token is not accepted',
  unknownKey: 'the token is signed with a key that is not known',
  badSignature: 'the signature of the token is wrong',
  expired: 'the token has expired',
  notYetValid: 'the token is not valid yet',
  lifetimeTooLong: 'the token is valid for longer than tokens may be',
  wrongIssuer: 'the token is of another issuer',
  wrongAudience: 'the token is for another audience',
  revoked: 'the token was revoked',
  replayed: 'the token is good for one request and was used before',
};
