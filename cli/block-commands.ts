import { z } from 'zod';
import { BLOCK_KINDS, createHttpBlocksClient, type Block, type HttpBlocksClient } from '../client/http-blocks.ts';
import { defineCommand, noOperands } from './arguments.ts';
import { EXIT } from './command.ts';
import type { CliConfig } from './config.ts';
import { formatTable, formatTime } from './table.ts';
import { UsageError } from './usage-error.ts';

const KINDS = BLOCK_KINDS.join(', ');
const kind = z.enum(BLOCK_KINDS, `must be one of ${KINDS}`);
const kindAndValue = z.tuple(
  [z.enum(BLOCK_KINDS, `the first word must be one of ${KINDS}`), z.string().min(1)],
  `give a kind (${KINDS}) and what it is about`,
);

const UNIT_SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;
const span = z
  .string()
  .regex(/^[1-9]\d{0,8}[smhd]$/u, 'must be a number with s, m, h or d behind it, such as 30m')
  .transform((text) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the pattern has no others
    const unit = text.at(-1) as keyof typeof UNIT_SECONDS;
    return Number(text.slice(0, -1)) * UNIT_SECONDS[unit];
  });

const NEEDS = `Asks a gateway: GATEWAY_URL, and GATEWAY_TOKEN or GATEWAY_TOKEN_FILE with a token that has the scope "blacklist".`;

export const listBlocks = defineCommand({
  name: 'blocks list',
  summary: 'List whom the gateways refuse, and why',
  options: { kind: { type: 'string', value: 'KIND', help: `only ${KINDS}` } },
  details: NEEDS,
  schema: z.object({ operands: noOperands, kind: kind.optional() }),
  run: async ({ kind }, { config, output }) => {
    const blocks = await blocksOf(config).list();
    const shown = blocks.filter((block) => kind === undefined || block.kind === kind);
    output.result(shown, () => (shown.length === 0 ? ['Nobody is blocked.'] : blockTable(shown)));
    return EXIT.done;
  },
});

export const addBlock = defineCommand({
  name: 'blocks add',
  summary: 'Refuse a user, a device, an address or network, or a token',
  operands: '<kind> <value>',
  options: {
    reason: { type: 'string', value: 'TEXT', help: 'why; told to whoever is refused (required)' },
    for: { type: 'string', value: 'TIME', help: 'for so long, such as 30m, 12h, 7d; until it is lifted when left out' },
  },
  details: `A kind is ${KINDS}; a token is named by its jti. Every gateway refuses within a second, and streams of a blocked user
or device end. The block says who made it by the subject of the token. ${NEEDS}

Example:
  npm run cli -- blocks add user mallory --reason 'shares the account' --for 7d`,
  schema: z.object({
    operands: kindAndValue,
    reason: z.string({ error: 'give --reason: it is told to whoever is refused' }).trim().min(1, 'must not be empty'),
    for: span.optional(),
  }),
  run: async ({ operands: [kind, value], reason, for: expiresInSeconds }, { config, output }) => {
    const ends = expiresInSeconds === undefined ? {} : { expiresInSeconds };
    output.result(await blocksOf(config).add({ kind, value, reason, ...ends }), (block) => blockTable([block]));
    return EXIT.done;
  },
});

export const removeBlock = defineCommand({
  name: 'blocks remove',
  summary: 'Lift a block',
  operands: '<kind> <value>',
  options: {},
  details: `One that is not there any more is no error. ${NEEDS}`,
  schema: z.object({ operands: kindAndValue }),
  run: async ({ operands: [kind, value] }, { config, output }) => {
    await blocksOf(config).remove(kind, value);
    output.result({ kind, value }, () => [`Not blocked: ${kind} ${value}.`]);
    return EXIT.done;
  },
});

/** @throws UsageError when no gateway or no token is named */
function blocksOf({ gateway }: CliConfig): HttpBlocksClient {
  if (!gateway?.token)
    throw new UsageError(
      gateway
        ? 'GATEWAY_TOKEN or GATEWAY_TOKEN_FILE must be set: a token with the scope "blacklist"'
        : 'GATEWAY_URL must be set, and GATEWAY_TOKEN or GATEWAY_TOKEN_FILE with a token that has the scope "blacklist"',
    );
  return createHttpBlocksClient({ url: gateway.url, token: gateway.token });
}

function blockTable(blocks: readonly Block[]): string[] {
  const rows = blocks.map(({ kind, value, by, createdAt, expiresAt, reason }) => [
    kind,
    value,
    by,
    formatTime(new Date(createdAt)),
    formatTime(expiresAt === undefined ? undefined : new Date(expiresAt)),
    reason,
  ]);
  return formatTable(['KIND', 'VALUE', 'BY', 'SINCE', 'UNTIL', 'WHY'], rows);
}
