import { fastify, type FastifyInstance, type FastifyReply } from 'fastify';
import { Authenticator } from './auth.ts';
import { registerControl } from './control.ts';
import { Counters } from './counters.ts';
import { StreamError, doesNotExistError, errorBody, inputError } from './errors.ts';
import type { Endpoint } from './endpoint.ts';
import { FaultSwitch, LateCommits } from './faults.ts';
import type { FeedGroups } from './feed-id.ts';
import { registerPage } from './page.ts';
import { BASE_PATH, type Context, type StreamRoute, handleRequest } from './pipeline.ts';
import { PUBLISHED_QUOTAS, type Quotas, RateLimiter } from './rate-limits.ts';
import { activityObjectEndpoints } from './routes/activity-objects.ts';
import { activityEndpoints } from './routes/activities.ts';
import { collectionEndpoints } from './routes/collections.ts';
import { feedEndpoints } from './routes/feeds.ts';
import { followEndpoints } from './routes/follows.ts';
import { notOfferedEndpoints } from './routes/not-offered.ts';
import { operationEndpoints } from './routes/operations.ts';
import { reactionEndpoints } from './routes/reactions.ts';
import { userEndpoints } from './routes/users.ts';
import { SIZES } from './sizes.ts';
import { Store } from './store/store.ts';

export interface StreamServerOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
  readonly apiKey: string;
  readonly apiSecret: string;
  /** Only shown; Stream's REST calls do not carry it. */
  readonly appId?: string;
  /** SQLite file, made if missing. Default: in memory, gone when closed. */
  readonly databaseFile?: string;
  /** Stream's published quotas. Default: on; `false`: off; an object replaces the quotas it names. */
  readonly rateLimits?: boolean | Partial<Quotas>;
  /** The `/_control` routes, which answer loopback addresses only. Default: on. */
  readonly control?: boolean;
  /** Feed groups and their kinds. Default: `DEFAULT_FEED_GROUPS`. */
  readonly feedGroups?: FeedGroups;
  /** The clock that rate-limit windows follow, in epoch milliseconds. Default: the system's. */
  readonly nowMillis?: () => number;
}

export interface StreamServer {
  /** For example `http://127.0.0.1:8800`; the client connects to `${url}/api/`. */
  readonly url: string;
  readonly port: number;
  /** Drops open connections and late commits that are pending, then closes the database; once, however often it is called. */
  close(): Promise<void>;
}

/** Every call of the REST API that is answered. */
export const ENDPOINTS: readonly Endpoint[] = [
  ...activityEndpoints,
  ...activityObjectEndpoints,
  ...feedEndpoints,
  ...followEndpoints,
  ...reactionEndpoints,
  ...userEndpoints,
  ...collectionEndpoints,
  ...operationEndpoints,
  ...notOfferedEndpoints,
];

/** Starts a Stream-compatible (GetStream Feeds v2) REST server for the unmodified `getstream` client. */
export async function startStreamServer(options: StreamServerOptions): Promise<StreamServer> {
  const { host = '127.0.0.1', port, control = true, rateLimits = true, nowMillis = Date.now } = options;
  const context: Context = {
    store: new Store({
      ...(options.databaseFile === undefined ? {} : { file: options.databaseFile }),
      ...(options.feedGroups ? { groups: options.feedGroups } : {}),
    }),
    authenticator: new Authenticator(options.apiKey, options.apiSecret),
    rateLimiter: rateLimits === false ? undefined : new RateLimiter(quotasOf(rateLimits)),
    faults: new FaultSwitch(),
    lateCommits: new LateCommits(),
    counters: new Counters(),
    nowMillis,
  };
  const app = createApp(context);
  if (control) registerControl(app, context);
  registerPage(app, context.store, options.appId);
  try {
    await app.listen({ host, port });
  } catch (error) {
    context.store.close();
    throw error;
  }
  const address = app.server.address();
  const actualPort = typeof address === 'object' && address !== null ? address.port : port;
  const close = async (): Promise<void> => {
    context.lateCommits.drop();
    await app.close();
    context.store.close();
  };
  let closed: Promise<void> | undefined;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    port: actualPort,
    close: () => (closed ??= close()),
  };
}

function quotasOf(rateLimits: true | Partial<Quotas>): Quotas {
  return rateLimits === true ? PUBLISHED_QUOTAS : { ...PUBLISHED_QUOTAS, ...rateLimits };
}

function createApp(context: Context): FastifyInstance {
  const app = fastify({
    // Clients keep connections open, and a hanging fault holds one on purpose: closing must not wait for them.
    forceCloseConnections: true,
    bodyLimit: SIZES.bodyBytes,
    exposeHeadRoutes: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 4096 },
    frameworkErrors: (_error, _request, reply: FastifyReply) => {
      void reply.code(400).send(errorBody(inputError('the path is malformed'), 400, '0.00ms'));
    },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send(errorBody(doesNotExistError('there is no such endpoint'), 404, '0.00ms')),
  );
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    // Fastify refuses what it cannot read (too large, aborted) with a 4xx; anything else is a defect of this server.
    const detail = status < 500 ? error.message : `internal error of the Stream-compatible server: ${error.message}`;
    return reply.code(status).send(errorBody(new StreamError('input', detail), status, '0.00ms'));
  });
  for (const endpoint of ENDPOINTS) {
    app.route<StreamRoute>({
      method: endpoint.method,
      url: `${BASE_PATH}${endpoint.path}`,
      handler: (request, reply) => handleRequest(context, endpoint, request, reply),
    });
  }
  return app;
}
