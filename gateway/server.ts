import { randomUUID } from 'node:crypto';
import helmet from '@fastify/helmet';
import { fastify, LogController, type FastifyBaseLogger, type FastifyReply, type FastifyRequest } from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import type { SessionsClient } from '../client/sessions.ts';
import type { SessionPolicy } from '../contracts/sessions/session-limits.ts';
import type { AccessLog } from '../access-log/access-log.ts';
import type { GatewayApp } from './app.ts';
import type { Blacklist } from './blacklist/blacklist.ts';
import type { Guard } from './guard.ts';
import type { LeaseSigner } from './leases/lease-signer.ts';
import type { GatewayMetrics } from './metrics.ts';
import { OfferedMethods } from './offered-methods.ts';
import { PROBLEM_MEDIA_TYPE } from './problem.ts';
import { parseBodies } from './request-bodies.ts';
import { namesIn, recordRequests } from './request-record.ts';
import { registerBlacklistRoutes } from './routes/blacklist.ts';
import { registerDocumentation } from './routes/documentation.ts';
import { registerHeartbeatRoutes } from './routes/heartbeats.ts';
import { registerOperationRoutes } from './routes/operations.ts';
import { registerPage } from './routes/page.ts';
import { isSigmaPath, registerSigmaRoutes, sigmaFailure } from './routes/sigma.ts';
import { registerStreamRoutes } from './routes/streams.ts';
import { limitConnections, serverOptions, type RequestLimits } from './server-limits.ts';
import { toProblem } from './to-problem.ts';
import type { StreamAddresses } from './watch/stream-addresses.ts';
import type { StreamWatch } from './watch/stream-watch.ts';

export interface GatewayServerOptions {
  readonly watch: StreamWatch;
  readonly sessions: SessionsClient;
  readonly policy: () => SessionPolicy;
  readonly addresses: StreamAddresses;
  readonly leases: LeaseSigner;
  readonly guard: Guard;
  readonly blacklist: Blacklist;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly accessLog?: AccessLog | undefined;
  /** Which gateway this is, in the access log. */
  readonly instance: string;
  readonly unready: () => readonly string[];
  /** Whether each connection is to be closed after its answer. */
  readonly draining: () => boolean;
  readonly degraded: () => readonly string[];
  /** PEM; without it the gateway speaks plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  readonly limits: RequestLimits;
  /** Whose pages may read answers: see {@link OfferedMethods.watch}. */
  readonly corsOrigins: readonly string[];
}

/** For answers that no browser shows; pages have helmet's, which would be a fifth of the time of a beat. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
};
const REQUEST_ID = /^[\w.:-]{1,64}$/;
/** Ids may be 255 characters, each up to 12 in a path. */
const MAX_PARAM_LENGTH = 3_060;

/** The gateway's HTTP server, ready to `listen`. */
export async function createGatewayServer(options: GatewayServerOptions): Promise<GatewayApp> {
  const { logger, limits, tls, guard } = options;
  const common = {
    ...serverOptions(limits),
    loggerInstance: logger satisfies FastifyBaseLogger as FastifyBaseLogger,
    // What is worth a line is written when the answer is sent, see request-record.ts.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (request: { headers: Record<string, string | string[] | undefined> }) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    rewriteUrl: ({ url = '/' }: { url?: string | undefined }) => withoutIdleSlashes(url),
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    // What is under way is finished; connections without a request end at once.
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      answerProblem(error, request, reply),
  } as const;
  const secure = tls && { https: { ...common.http, ...tls } };
  const app: GatewayApp = fastify({ ...common, ...secure }).withTypeProvider<ZodTypeProvider>();
  limitConnections(app.server, limits);
  app.setValidatorCompiler(validatorCompiler);
  // Answers are typed by their handlers; to parse each again would cost more than the rest of a beat.
  app.setSerializerCompiler(() => JSON.stringify);
  parseBodies(app);

  app.decorateRequest('clientAddress');
  app.decorateRequest('caller', undefined);
  app.decorateRequest('problem', undefined);
  app.decorateRequest('userId', undefined);
  app.decorateRequest('streamId', undefined);
  app.decorateRequest('deviceId', undefined);
  const always = tls ? { ...HEADERS, 'strict-transport-security': 'max-age=31536000; includeSubDomains' } : HEADERS;
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(always).header('x-request-id', request.id);
    if (options.draining()) void reply.header('connection', 'close');
    request.clientAddress = guard.addressOf(request);
  });
  recordRequests(app, options);
  app.setErrorHandler(answerProblem);
  const offered = await OfferedMethods.watch(app, options.corsOrigins);
  app.addHook('onRequest', async (request) => admit(guard, request));
  app.addHook('onRequest', async (request, reply) => offered.check(request, reply));
  app.setNotFoundHandler((request, reply) => answerProblem(offered.problemOf(request), request, reply));

  await registerDocumentation(app);
  registerOperationRoutes(app, options);
  registerStreamRoutes(app, options);
  registerHeartbeatRoutes(app, options);
  registerSigmaRoutes(app, options);
  registerBlacklistRoutes(app, options);
  await app.register(async (pages: GatewayApp) => {
    await pages.register(helmet);
    await registerPage(pages, options);
  });
  return app;
}

async function admit(guard: Guard, request: FastifyRequest): Promise<void> {
  const { config, url } = request.routeOptions;
  const from = request.clientAddress;
  // Browsers ask before each call that is judged by its token; what others did from their address must not keep them from that.
  if (request.method === 'OPTIONS') return;
  // The routes of the documentation are a plugin's, which knows nothing of access.
  const { access = request.is404 || url?.startsWith('/docs') === true ? 'open' : 'token' } = config;
  const { userId } = namesIn(request);
  switch (access) {
    case 'probe':
      return;
    case 'page':
      guard.refuseBlockedAddress(from);
      return;
    case 'open':
      await guard.admitAnyone(from);
      return;
    case 'token':
    case 'beat':
    case 'operator':
      request.caller = await guard.admitCaller(request.raw.rawHeaders, from, access);
      if (userId !== undefined) await guard.admitUser(request.caller, userId);
  }
}

function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error);
  request.problem = problem.code;
  if (problem.code === 'internal') request.log.error({ err: problem.cause, requestId: request.id }, 'a request failed');
  void reply.code(problem.status).headers(problem.headers);
  const isSigma = isSigmaPath(request.url);
  const body = isSigma ? sigmaFailure(request.method, error) : problem.toBody(request.id);
  void reply.type(isSigma ? 'application/json' : PROBLEM_MEDIA_TYPE);
  // Node ends the connection of a HEAD that is answered with a body.
  void reply.send(request.method === 'HEAD' ? undefined : JSON.stringify(body));
}

/** Slashes at the end of a path mean nothing; nor do, as Sigma Stream has it, those before one of its own [sigmastream]. */
function withoutIdleSlashes(url: string): string {
  const queryAt = url.indexOf('?');
  const path = queryAt < 0 ? url : url.slice(0, queryAt);
  const start = path.search(/[^/]/);
  if (start < 0) return url;
  const isSigma = path.startsWith('stream/', start);
  if (!isSigma && !/^\/(?:v1|\.well-known)\//.test(path)) return url;
  let end = path.length;
  while (path[end - 1] === '/') end -= 1;
  return path.slice(isSigma ? start - 1 : 0, end) + url.slice(path.length);
}
