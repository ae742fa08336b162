import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Caller } from './auth/caller.ts';

/** The gateway's Fastify, whose routes are typed by zod schemas. */
export type GatewayApp = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypeProvider>;

/**
 * Who may use a route. `token`: a caller with a valid token; where the path names a user, one that may act for that user.
 * `open`: anyone, within the limits of an address. `probe`: anyone without limits, for those who watch the gateway.
 */
export type RouteAccess = 'token' | 'open' | 'probe';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Default `token`. */
    access?: RouteAccess;
  }

  interface FastifyRequest {
    /** Address of the client, behind proxies that are trusted. */
    clientAddress: string;
    /** Of a route with access `token`. */
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
