import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import type { GatewayApp } from '../app.ts';
import { hasScope, SCOPES } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { UnauthenticatedError } from '../auth/errors.ts';
import { evictAs, visibleTo } from '../device-scope.ts';
import type { Guard } from '../guard.ts';
import { accountPage } from '../page/account-page.ts';
import { forgetToken, keepToken, requireOwnForm, tokenIn } from '../page/browser-session.ts';
import type { Html } from '../page/html.ts';
import { choosePage, problemPage, signInPage } from '../page/layout.ts';
import { CONTENT_POLICY } from '../page/style.ts';
import { Problem } from '../problem.ts';
import { userParams } from '../schemas.ts';
import { SIGMA_WELCOME } from './sigma.ts';
import { toProblem } from '../to-problem.ts';
import type { StreamWatch } from '../watch/stream-watch.ts';

export interface PageOptions {
  readonly watch: Pick<StreamWatch, 'list' | 'evict'>;
  readonly guard: Guard;
  readonly policy: () => SessionPolicy;
}

const id = userParams.shape.userId;
/** An empty field of a form is one that was not filled in. */
const optional = id.optional().or(z.literal('').transform(() => undefined));

const pageQuery = z.object({ user: optional, done: z.enum(['ended', 'gone']).optional().catch(undefined) });
const signInForm = z.object({ token: z.string().trim().min(1), user: optional });
const endForm = z.object({
  user: id,
  streamId: id.optional(),
  all: z.literal('yes').optional(),
  reason: optional,
});

const HEADERS = {
  'content-security-policy': CONTENT_POLICY,
  // Without an origin in the forms nobody could tell ours from others'.
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
};
const SEE_OTHER = 303;

/** A page for people at `/`: the live streams of an account, each with a button that ends it. Works without scripts. */
export async function registerPage(app: GatewayApp, { watch, guard, policy }: PageOptions): Promise<void> {
  const config = { access: 'page' } as const;

  const identify = async (request: FastifyRequest, token: string | undefined): Promise<Caller> => {
    if (token === undefined) {
      // Counted for its address.
      await guard.admitAnyone(request.clientAddress);
      throw new UnauthenticatedError('missing');
    }
    const caller = await guard.admitCaller(['authorization', `Bearer ${token}`], request.clientAddress);
    request.caller = caller;
    return caller;
  };

  await app.register(async (scope) => {
    const page = scope.withTypeProvider<ZodTypeProvider>();
    await page.register(cookie);
    await page.register(formbody);
    page.setErrorHandler(answerProblem);

    page.get('/', { config, schema: { hide: true, querystring: pageQuery } }, async (request, reply) => {
      const { user, done } = request.query;
      const token = tokenIn(request);
      if (token === undefined || isProgram(request)) {
        await guard.admitAnyone(request.clientAddress);
        if (isProgram(request)) return await reply.send(SIGMA_WELCOME);
        return await show(reply, signInPage({ userId: user }));
      }
      const caller = await identify(request, token);
      const userId = user ?? (hasScope(caller, SCOPES.streams) ? undefined : caller.subject);
      if (userId === undefined) return await show(reply, choosePage(caller));
      request.userId = userId;
      await guard.admitUser(caller, userId);
      const view = visibleTo(caller, await watch.list(userId));
      return await show(reply, accountPage({ caller, userId, view, done, policy: policy(), nowMs: Date.now() }));
    });

    const form = { config, onRequest: async (request: FastifyRequest) => requireOwnForm(request) };

    page.post('/page/sign-in', { ...form, schema: { hide: true, body: signInForm } }, async (request, reply) => {
      const { token, user } = request.body;
      await identify(request, token);
      keepToken(request, reply, token);
      return await reply.redirect(pathOf(user), SEE_OTHER);
    });

    page.post('/page/sign-out', { ...form, schema: { hide: true } }, async (request, reply) => {
      await guard.admitAnyone(request.clientAddress);
      forgetToken(request, reply);
      return await reply.redirect(pathOf(undefined), SEE_OTHER);
    });

    page.post('/page/end', { ...form, schema: { hide: true, body: endForm } }, async (request, reply) => {
      const { user, streamId, all, reason } = request.body;
      const caller = await identify(request, tokenIn(request));
      request.userId = user;
      await guard.admitUser(caller, user);
      if (streamId === undefined && all === undefined) throw new Problem('invalid-request', 'no stream was named');
      request.streamId = streamId;
      const { evicted } = await evictAs(caller, watch, user, {
        ...(streamId === undefined ? {} : { streamIds: [streamId] }),
        ...(reason === undefined ? {} : { reason }),
      });
      return await reply.redirect(pathOf(user, evicted.length > 0 ? 'ended' : 'gone'), SEE_OTHER);
    });
  });
}

/** Programs ask for JSON, or bring a token in a header; browsers name HTML, and have their token in a cookie. */
function isProgram({ headers: { accept = '', authorization } }: FastifyRequest): boolean {
  return !accept.includes('text/html') && (accept.includes('application/json') || authorization !== undefined);
}

async function show(reply: FastifyReply, page: Html): Promise<FastifyReply> {
  // Node ends the connection of a HEAD that is answered with a body.
  const text = reply.request.method === 'HEAD' ? undefined : page.text;
  return await reply.headers(HEADERS).type('text/html; charset=utf-8').send(text);
}

async function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const problem = toProblem(error);
  request.problem = problem.code;
  if (problem.code === 'internal') request.log.error({ err: problem.cause, requestId: request.id }, 'a page failed');
  void reply.code(problem.status).headers(problem.headers);
  if (problem.code !== 'unauthenticated') return await show(reply, problemPage(problem, request.caller, request.id));
  forgetToken(request, reply);
  return await show(reply, signInPage({ problem }));
}

function pathOf(user: string | undefined, done?: 'ended' | 'gone'): string {
  const query = new URLSearchParams({ ...(user === undefined ? {} : { user }), ...(done ? { done } : {}) });
  return query.size === 0 ? '/' : `/?${query.toString()}`;
}
