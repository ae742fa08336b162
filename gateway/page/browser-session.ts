import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problem.ts';

/** Bytes; browsers drop a cookie above 4,096 with its name and attributes. */
const MAX_TOKEN_BYTES = 3_900;

/** The access token that the browser keeps for the page: no script can read it, and no other site can have it sent. */
export function tokenIn(request: FastifyRequest): string | undefined {
  return request.cookies[cookieName(request)];
}

/** Until the browser is closed. @throws Problem (`invalid-request`) when it is too long for a browser to keep */
export function keepToken(request: FastifyRequest, reply: FastifyReply, token: string): void {
  if (Buffer.byteLength(token) > MAX_TOKEN_BYTES)
    throw new Problem('invalid-request', `the token has more than ${MAX_TOKEN_BYTES} bytes, which no browser keeps`);
  void reply.setCookie(cookieName(request), token, attributesOf(request));
}

export function forgetToken(request: FastifyRequest, reply: FastifyReply): void {
  void reply.clearCookie(cookieName(request), attributesOf(request));
}

/**
 * Browsers say where a form was sent from: `Sec-Fetch-Site` where the connection can be trusted, `Origin` everywhere. Hosts are
 * compared, not schemes, as a proxy may end TLS.
 *
 * @throws Problem (`forbidden`) when it was another site, or nobody knows
 */
export function requireOwnForm({ headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site'];
  const isOwn = site === undefined ? hostOf(headers.origin) === headers.host : site === 'same-origin';
  if (!isOwn) throw new Problem('forbidden', 'the form was not sent from this page');
}

function hostOf(origin: string | undefined): string | undefined {
  return origin !== undefined && URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** Under TLS, `__Host-` keeps other hosts of the domain from planting one. */
function cookieName(request: FastifyRequest): string {
  return isSecure(request) ? '__Host-stream-sessions' : 'stream-sessions';
}

function attributesOf(request: FastifyRequest) {
  return { path: '/', httpOnly: true, sameSite: 'strict', secure: isSecure(request) } as const;
}

/** A client that forges the header only has its own cookie kept more strictly. */
function isSecure({ protocol, headers }: FastifyRequest): boolean {
  return protocol === 'https' || headers['x-forwarded-proto'] === 'https';
}
