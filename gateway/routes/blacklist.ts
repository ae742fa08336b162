import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { GatewayApp } from '../app.ts';
import { hasScope, SCOPES } from '../auth/authorize.ts';
import { BlacklistFullError, type Blacklist } from '../blacklist/blacklist.ts';
import { BLOCK_KINDS, InvalidBlockError, parseBlock } from '../blacklist/block.ts';
import { Problem } from '../problem.ts';
import { answers, blockBody, withoutNulls } from '../schemas.ts';

const params = z.object({ kind: z.enum(BLOCK_KINDS), value: z.string().min(1).max(512) });
const blocks: z.ZodType = z.object({ blocks: z.array(answers.block) });

/** Blocking and unblocking by hand, for tokens with the scope `blacklist`. */
export function registerBlacklistRoutes(app: GatewayApp, blacklist: Blacklist): void {
  const tags = ['blacklist'];

  app.get(
    '/v1/blacklist',
    {
      schema: {
        tags,
        summary: 'All blocks, the newest first',
        response: { 200: blocks, default: answers.problem },
      },
    },
    (request) => {
      requireScope(request);
      return { blocks: blacklist.list() };
    },
  );

  app.route({
    method: 'PUT',
    url: '/v1/blacklist/:kind/:value',
    schema: {
      tags,
      summary:
        'Blocks a user, an address or network, a device or a token (by its jti), on every gateway within a second',
      params,
      body: blockBody,
      response: { 200: answers.block, default: answers.problem },
    },
    handler: async (request) => {
      const caller = requireScope(request);
      return await usable(async () => {
        return await blacklist.block(
          parseBlock({ ...request.params, ...withoutNulls(request.body), by: caller.subject }),
        );
      });
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/blacklist/:kind/:value',
    schema: { tags, summary: 'Lifts a block', params, response: { 204: answers.none, default: answers.problem } },
    handler: async (request, reply) => {
      requireScope(request);
      const { kind, value } = request.params;
      await usable(() => blacklist.unblock(kind, value));
      return await reply.code(204).send();
    },
  });
}

function requireScope({ caller }: FastifyRequest) {
  if (caller && hasScope(caller, SCOPES.blacklist)) return caller;
  throw new Problem('forbidden', 'the token needs the scope "blacklist"');
}

async function usable<Answer>(step: () => Promise<Answer>): Promise<Answer> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof InvalidBlockError) {
      throw new Problem('invalid-request', error.message, { extensions: { errors: error.errors }, cause: error });
    }
    if (error instanceof BlacklistFullError) throw new Problem('unavailable', error.message, { cause: error });
    throw error;
  }
}
