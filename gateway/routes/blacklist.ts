import type { Logger } from 'pino';
import { z } from 'zod';
import { callerOf, type GatewayApp } from '../app.ts';
import { BlacklistFullError, type Blacklist } from '../blacklist/blacklist.ts';
import { BLOCK_KINDS, evictionFor, InvalidBlockError, parseBlock, type Block } from '../blacklist/block.ts';
import { Problem } from '../problem.ts';
import { answers, blockBody, withoutNulls } from '../schemas.ts';
import type { StreamWatch } from '../watch/stream-watch.ts';

const params = z.object({ kind: z.enum(BLOCK_KINDS), value: z.string().min(1).max(512) });
const blocks: z.ZodType = z.object({ blocks: z.array(answers.block) });

export interface BlacklistRoutesOptions {
  readonly blacklist: Blacklist;
  readonly watch: Pick<StreamWatch, 'evict'>;
  readonly logger: Pick<Logger, 'warn'>;
}

/** Blocking and unblocking by hand, for tokens with the scope `blacklist`. */
export function registerBlacklistRoutes(app: GatewayApp, { blacklist, watch, logger }: BlacklistRoutesOptions): void {
  const tags = ['blacklist'];
  const config = { access: 'operator' } as const;

  /** What a blocked user plays ends at once; that of a device or token is known when it next comes. */
  const endStreams = async (block: Block): Promise<void> => {
    if (block.kind !== 'user') return;
    await watch.evict(block.value, evictionFor(block)).catch((error: unknown) => {
      logger.warn({ error: String(error) }, 'the streams of a blocked user end with their next beats, not at once');
    });
  };

  app.get(
    '/v1/blacklist',
    {
      config,
      schema: {
        tags,
        summary: 'All blocks, the newest first',
        response: { 200: blocks, default: answers.problem },
      },
    },
    () => ({ blocks: blacklist.list() }),
  );

  app.route({
    method: 'PUT',
    url: '/v1/blacklist/:kind/:value',
    config,
    schema: {
      tags,
      summary:
        'Blocks a user, an address or network, a device or a token (by its jti), on every gateway within a second',
      params,
      body: blockBody,
      response: { 200: answers.block, default: answers.problem },
    },
    handler: async (request) => {
      const by = callerOf(request).subject;
      const block = await usable(async () => {
        return await blacklist.block(parseBlock({ ...request.params, ...withoutNulls(request.body), by }));
      });
      await endStreams(block);
      return block;
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/blacklist/:kind/:value',
    config,
    schema: { tags, summary: 'Lifts a block', params, response: { 204: answers.none, default: answers.problem } },
    handler: async (request, reply) => {
      const { kind, value } = request.params;
      await usable(() => blacklist.unblock(kind, value));
      return await reply.code(204).send();
    },
  });
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
