import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayApp } from '../app.ts';
import type { Guard } from '../guard.ts';
import type { Problem } from '../problem.ts';
import { toProblem } from '../to-problem.ts';

/** Where a token is needed; the gateway asks for it anyway, this only spares it the request. */
const TOKEN_PATHS = /^\/(v1|stream)\//;
/** All that `auth_request` of nginx passes on as it is. */
const REFUSALS: readonly number[] = [401, 403];

/**
 * What a proxy in front asks before it lets a request through (`auth_request` of nginx): 204, or 401 or 403 with the code and
 * the body of the problem in headers, for a 429 as well. It only looks: the request itself is counted when it comes.
 */
export function registerAdmissionRoute(app: GatewayApp, guard: Guard): void {
  app.get(
    '/internal/admission',
    { config: { access: 'probe' }, schema: { hide: true } },
    async (request, reply): Promise<FastifyReply> => {
      try {
        await guard.preview(request.clientAddress, neededFrom(request) ? request.raw.rawHeaders : undefined);
        return await reply.code(204).send();
      } catch (error) {
        return await refuse(reply, request, toProblem(error));
      }
    },
  );
}

function neededFrom({ headers }: FastifyRequest): boolean {
  const uri = headers['x-original-uri'];
  return typeof uri === 'string' && TOKEN_PATHS.test(uri);
}

async function refuse(reply: FastifyReply, request: FastifyRequest, problem: Problem): Promise<FastifyReply> {
  request.problem = problem.code;
  const status = REFUSALS.includes(problem.status) || problem.status >= 500 ? problem.status : 403;
  return await reply
    .code(status)
    .headers({
      ...problem.headers,
      'x-admission-code': problem.code,
      'x-admission-problem': asciiJson(problem.toBody(request.id)),
    })
    .send();
}

/** JSON that a header can hold. */
function asciiJson(body: unknown): string {
  return JSON.stringify(body).replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
