import { MAX_TOKEN_LENGTH } from '../../client/jwt.ts';
import { UnauthenticatedError } from './errors.ts';

const BEARER = /^Bearer +([\w.-]+)$/iu;
const LONGEST = 'Bearer '.length + MAX_TOKEN_LENGTH;

/**
 * The only `Authorization` of a request. Node keeps the first of several and drops the rest, so a proxy that reads the last
 * would see another caller than we do.
 *
 * @param rawHeaders `rawHeaders` of Node's request: names and values in turn
 * @throws UnauthenticatedError (`malformed`) when there are several
 */
export function soleAuthorization(rawHeaders: readonly string[]): string | undefined {
  let found: string | undefined;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== 'authorization') continue;
    if (found !== undefined) throw new UnauthenticatedError('malformed');
    found = rawHeaders[index + 1];
  }
  return found;
}

/** @throws UnauthenticatedError (`missing`, `malformed`) */
export function bearerToken(authorizationHeader: string | undefined): string {
  if (authorizationHeader === undefined || authorizationHeader === '') throw new UnauthenticatedError('missing');
  const token = authorizationHeader.length > LONGEST ? undefined : BEARER.exec(authorizationHeader)?.[1];
  if (token === undefined) throw new UnauthenticatedError('malformed');
  return token;
}
