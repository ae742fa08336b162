import type { FastifyReply, FastifyRequest } from 'fastify';

const LOOPBACK_ADDRESS = /^(?:::1|(?:::ffff:)?127\.\d+\.\d+\.\d+)$/;
const LOOPBACK_HOST = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * For routes that ask for no token: answers this machine only. The host name is checked as well, and pages of other
 * origins are refused, so that a web page open in a browser here cannot reach through it.
 */
export async function localOnly(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const isLocal =
    LOOPBACK_ADDRESS.test(request.socket.remoteAddress ?? '') &&
    LOOPBACK_HOST.test(request.hostname) &&
    request.headers.origin === undefined;
  if (!isLocal) await reply.code(403).send({ detail: 'this is reachable from this machine only' });
}
