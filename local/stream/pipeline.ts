import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Authenticator, actionOf, requireScope } from './auth.ts';
import { parseBody } from './body.ts';
import type { Counters, Effect } from './counters.ts';
import type { Call, Endpoint } from './endpoint.ts';
import { StreamError, errorBody, inputError, rateLimitError } from './errors.ts';
import type { Fault, FaultSwitch, LateCommits } from './faults.ts';
import type { Query } from './input.ts';
import { type RateLimiter, rateLimitHeaders } from './rate-limits.ts';
import type { Store } from './store/store.ts';

/** What handling requests needs. `rateLimiter` undefined: no quotas. */
export interface Context {
  readonly store: Store;
  readonly authenticator: Authenticator;
  readonly rateLimiter: RateLimiter | undefined;
  readonly faults: FaultSwitch;
  readonly lateCommits: LateCommits;
  readonly counters: Counters;
  readonly nowMillis: () => number;
}

type Params = Readonly<Record<string, string>>;
export interface StreamRoute {
  readonly Querystring: Query;
  readonly Params: Params;
}
type StreamRequest = FastifyRequest<StreamRoute>;

/** Before the paths of all endpoints. */
export const BASE_PATH = '/api/v1.0';

/**
 * One request from start to end. Checks run in Stream's order: key, signature, quota, permission, input.
 * Nothing of a refused request is written.
 */
export async function handleRequest(
  context: Context,
  endpoint: Endpoint,
  request: StreamRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const [path = '', query = ''] = request.url.split('?');
  const fault = context.faults.take({
    method: request.method,
    paths: [path, path.replace(BASE_PATH, '')],
    query: new URLSearchParams(query).toString(),
    body: () => bodyText(request),
    copies: endpoint.copies ?? false,
  });
  const exchange = { request, reply, path, fault };
  const isLate = fault?.fault === 'commitLate';
  if (fault?.fault === 'delay') await sleep(fault.delayMs, undefined, { ref: false });
  const answer = isLate
    ? await context.lateCommits.handle(fault.delayMs, (dropped) => answerOf(context, endpoint, exchange, dropped))
    : await answerOf(context, endpoint, exchange);
  const isUnanswered = answer === undefined || fault?.fault === 'commitThenHang' || (isLate && !fault.answers);
  context.counters.request(routeName(endpoint), isUnanswered ? 'hung' : answer.status);
  if (isUnanswered) {
    if (!request.raw.socket.destroyed) await once(request.raw.socket, 'close');
    return reply.hijack();
  }
  return reply.code(answer.status).send(answer.body);
}

/** As counted: `POST /feed/:slug/:id/`. */
function routeName({ method, path }: Endpoint): string {
  return `${method} ${path.replace('*', ':activity/')}`;
}

interface Exchange {
  readonly request: StreamRequest;
  readonly reply: FastifyReply;
  readonly path: string;
  readonly fault: Fault | undefined;
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** @param dropped aborts what is not written yet */
async function answerOf(
  context: Context,
  endpoint: Endpoint,
  exchange: Exchange,
  dropped?: AbortSignal,
): Promise<Answer> {
  const start = performance.now();
  const duration = (): string => `${(performance.now() - start).toFixed(2)}ms`;
  try {
    const faulty = faultAnswer(context, exchange, duration());
    if (faulty) return faulty;
    const body = await perform(context, endpoint, exchange, dropped);
    const status = endpoint.method === 'POST' || endpoint.method === 'PUT' ? 201 : 200;
    return { status, body: { ...body, duration: duration() } };
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    if (error.kind === 'conflict' && endpoint.path === '/reaction/') context.counters.effect('reactionConflicts');
    return { status: error.status, body: errorBody(error, error.status, duration()) };
  }
}

/** Faults that answer in the server's place. */
function faultAnswer(
  { nowMillis }: Context,
  { request, reply, fault }: Exchange,
  duration: string,
): Answer | undefined {
  if (fault?.fault === 'rateLimited') {
    const resetSeconds = Math.ceil((nowMillis() + fault.retryAfterMs) / 1000);
    void reply.headers(rateLimitHeaders({ limit: 1, remaining: 0, resetSeconds }));
    return { status: 429, body: errorBody(rateLimitError(), 429, duration) };
  }
  if (fault?.fault === 'error') {
    const { headers, url } = request;
    const echo = fault.echoes ? `: ${JSON.stringify({ url, headers, body: bodyText(request) })}` : '';
    const error = new StreamError('input', `injected fault${echo}`);
    return { status: fault.status, body: { ...errorBody(error, fault.status, duration), ...INJECTED } };
  }
  return undefined;
}

function bodyText({ body }: StreamRequest): string {
  return Buffer.isBuffer(body) ? body.toString('utf8') : '';
}

/** An injected error is no error of Stream's list. */
const INJECTED = { code: -1, exception: 'InjectedFault' };

async function perform(
  { store, authenticator, rateLimiter, counters, nowMillis }: Context,
  endpoint: Endpoint,
  { request, reply, path, fault }: Exchange,
  dropped: AbortSignal | undefined,
): Promise<Record<string, unknown>> {
  const { query } = request;
  const key = query.api_key;
  const caller = await authenticator.authenticate(
    typeof key === 'string' ? key : undefined,
    request.headers.authorization,
  );
  if (rateLimiter) {
    const state = rateLimiter.take(endpoint.quota, Math.floor(nowMillis() / 1000));
    void reply.headers(rateLimitHeaders(state));
    if (!state.allowed) throw rateLimitError();
  }
  const params = paramsOf(request);
  const feed = params.slug === undefined ? '*' : `${params.slug}${params.id ?? ''}`;
  requireScope(caller, { resource: endpoint.resource, action: actionOf(endpoint.method), feed });
  const effects = new Map<Effect, number>();
  const call: Call = {
    store,
    caller,
    params,
    query,
    body: lazily(() => parseBody(request.body)),
    path,
    baseUrl: `http://${request.host}`,
    copyCap: fault?.fault === 'partialCopy' ? fault.copied : Number.POSITIVE_INFINITY,
    count: (effect, times = 1) => effects.set(effect, (effects.get(effect) ?? 0) + times),
  };
  dropped?.throwIfAborted();
  const answer = store.transaction(() => endpoint.handle(call));
  counters.commit(effects);
  return answer;
}

/** Input is looked at after permissions, and not at all where it does not matter. */
function lazily<Value>(read: () => Value): () => Value {
  let known: { readonly value: Value } | undefined;
  return () => (known ??= { value: read() }).value;
}

function paramsOf({ params }: StreamRequest): Params {
  for (const value of Object.values(params)) {
    if (value.includes('\0')) throw inputError('the path must not contain a null character');
  }
  return params;
}
