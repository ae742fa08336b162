import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Caller } from './auth/caller.ts';
import type { ClientAddress } from './client-address.ts';

/** The gateway's Fastify, whose routes are typed by zod schemas. */
export type GatewayApp = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypeProvider>;

/**
 * Who may use a route. `token`: a caller with a valid token; where the path names a user, one that may act for that user.
 * `beat`: the same, but a block of the user or device ends the stream that beats instead of refusing the request. `operator`: a token with the scope `blacklist`, from a blocked address as well. `page`: the handler finds the token in a
 * cookie. `open`: anyone, within the limits of an address. `probe`: anyone without limits, for those who watch the gateway.
 */
export type RouteAccess = 'token' | 'beat' | 'operator' | 'page' | 'open' | 'probe';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Default `token`. */
    access?: RouteAccess;
  }

  interface FastifyRequest {
    /** Address of the client, behind proxies that are trusted. */
    clientAddress: ClientAddress;
    /** Of a route that needs a token, and of a page once it knows who asks. */
    caller: Caller | undefined;
    /** Code of the problem it was answered with. */
    problem: string | undefined;
    /** Account whose page was asked for; elsewhere the path names it. */
    userId: string | undefined;
    /** Stream that was made or asked for, for the access log. */
    streamId: string | undefined;
    deviceId: string | undefined;
  }
}

/** Who asks, on a route that needs a token. */
export function callerOf({ caller }: Pick<FastifyRequest, 'caller'>): Caller {
  if (caller) return caller;
  throw new TypeError('the route lets requests in without a token');
}
