import { randomUUID } from 'node:crypto';
import helmet from '@fastify/helmet';
import { fastify, LogController, type FastifyBaseLogger, type FastifyReply, type FastifyRequest } from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import type { SessionsClient } from '../client/sessions.ts';
import type { SessionPolicy } from '../contracts/session-limits.ts';
import type { AccessLog } from './access-log/access-log.ts';
import type { GatewayApp } from './app.ts';
import type { Blacklist } from './blacklist/blacklist.ts';
import type { Guard } from './guard.ts';
import type { LeaseSigner } from './leases/lease-signer.ts';
import type { GatewayMetrics } from './metrics.ts';
import { Problem, PROBLEM_MEDIA_TYPE } from './problem.ts';
import { namesIn, recordRequests } from './request-record.ts';
import { registerAdmissionRoute } from './routes/admission.ts';
import { registerBlacklistRoutes } from './routes/blacklist.ts';
import { registerDocumentation } from './routes/documentation.ts';
import { registerOperationRoutes } from './routes/operations.ts';
import { registerPage } from './routes/page.ts';
import { isSigmaPath, registerSigmaRoutes, sigmaFailure } from './routes/sigma.ts';
import { registerStreamRoutes } from './routes/streams.ts';
import { limitConnections, serverOptions, type RequestLimits } from './server-limits.ts';
import { toProblem } from './to-problem.ts';
import type { StreamWatch } from './watch/stream-watch.ts';

export interface GatewayServerOptions {
  readonly watch: StreamWatch;
  readonly sessions: SessionsClient;
  readonly policy: () => SessionPolicy;
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

  app.decorateRequest('clientAddress', '');
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
  app.addHook('onRequest', async (request) => admit(guard, request));
  app.setErrorHandler(answerProblem);
  app.setNotFoundHandler((request, reply) => {
    answerProblem(new Problem('not-found', `${request.method} is not offered on this path`), request, reply);
  });

  await registerDocumentation(app);
  registerOperationRoutes(app, { ...options, metrics: options.metrics.registry });
  registerStreamRoutes(app, options);
  registerSigmaRoutes(app, options.sessions);
  registerBlacklistRoutes(app, options.blacklist);
  registerAdmissionRoute(app, guard);
  await app.register(async (pages: GatewayApp) => {
    await pages.register(helmet);
    await registerPage(pages, options);
  });
  return app;
}

async function admit(guard: Guard, request: FastifyRequest): Promise<void> {
  const { config, url } = request.routeOptions;
  // The routes of the documentation are a plugin's, which knows nothing of access.
  const { access = request.is404 || url?.startsWith('/docs') === true ? 'open' : 'token' } = config;
  if (access === 'probe') return;
  await guard.admitAddress(request.clientAddress);
  if (access === 'open') return;
  request.caller = await guard.admitCaller(request.raw.rawHeaders, request.clientAddress);
  const { userId } = namesIn(request);
  if (userId !== undefined) await guard.admitUser(request.caller, userId);
}

function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error);
  request.problem = problem.code;
  if (problem.code === 'internal') request.log.error({ err: problem.cause, requestId: request.id }, 'a request failed');
  void reply.code(problem.status).headers(problem.headers);
  if (isSigmaPath(request.routeOptions.url))
    void reply.type('application/json').send(sigmaFailure(request.method, error));
  else void reply.type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(problem.toBody(request.id)));
}

/** JSON only, and none at all is fine where none is wanted: clients of other APIs send empty bodies with a type. */
function parseBodies(app: GatewayApp): void {
  app.removeAllContentTypeParsers();
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addHook('preParsing', async (request) => {
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      throw new Problem('unsupported-media-type', `a body encoded as ${JSON.stringify(encoding)} is not unpacked here`);
    }
  });
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parseJson(request, body.toString(), done);
  });
}
