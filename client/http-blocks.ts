import { z } from 'zod';
import { toSessionsError } from './http-answers.ts';
import { HttpCalls, type HttpCall, type HttpCallsOptions } from './http-calls.ts';
import { InvalidSessionRequestError, SessionsUnavailableError } from './session-errors.ts';

/** What a gateway can refuse. */
export const BLOCK_KINDS = ['user', 'address', 'device', 'token'] as const;
export type BlockKind = (typeof BLOCK_KINDS)[number];

const block = z.object({
  kind: z.enum(BLOCK_KINDS),
  value: z.string(),
  reason: z.string(),
  by: z.string(),
  createdAt: z.string(),
  expiresAt: z.string().exactOptional(),
});

/**
 * Who is refused: a user or device by its id, an address or network, a token by its `jti`; why, by whom, since when (RFC 3339), and
 * until when, where it ends by itself.
 */
export type Block = Readonly<z.output<typeof block>>;

export interface BlockRequest {
  readonly kind: BlockKind;
  readonly value: string;
  /** Told to whoever is refused. */
  readonly reason: string;
  /** Until it is lifted, when left out. */
  readonly expiresInSeconds?: number;
}

/**
 * The blacklist of the gateways, for tokens with the scope `blacklist`. Every call may throw `SessionsUnavailableError`,
 * `RateLimitedError`, `NotAuthenticatedError`, `NotAllowedError` and `BlockedError`.
 */
export interface HttpBlocksClient {
  /** The newest first. */
  list(): Promise<readonly Block[]>;
  /** In place of one of the same kind and value. @throws InvalidSessionRequestError with what is wrong with it */
  add(request: BlockRequest): Promise<Block>;
  /** One that is not there is no error. @throws InvalidSessionRequestError for a value that cannot be one */
  remove(kind: BlockKind, value: string): Promise<void>;
}

/** @throws TypeError when the URL cannot be used */
export function createHttpBlocksClient(options: HttpCallsOptions): HttpBlocksClient {
  return new GatewayBlocks(options);
}

const listing = z.object({ blocks: z.array(block) });

class GatewayBlocks implements HttpBlocksClient {
  readonly #calls: HttpCalls;

  constructor(options: HttpCallsOptions) {
    this.#calls = new HttpCalls(options);
  }

  async list(): Promise<readonly Block[]> {
    return this.#read(listing, await this.#send({ method: 'GET', path: '/v1/blacklist' })).blocks;
  }

  async add({ kind, value, ...body }: BlockRequest): Promise<Block> {
    return this.#read(block, await this.#send({ method: 'PUT', path: pathOf(kind, value), body }));
  }

  async remove(kind: BlockKind, value: string): Promise<void> {
    await this.#send({ method: 'DELETE', path: pathOf(kind, value) });
  }

  async #send(call: HttpCall): Promise<unknown> {
    const { status, body } = await this.#calls.run('blacklist', call);
    if (status >= 300) throw toSessionsError(status, body, '');
    return body;
  }

  #read<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
    const parsed = schema.safeParse(body);
    // Not the gateway's words: something else answers at its address.
    if (!parsed.success) throw new SessionsUnavailableError('blacklist', { cause: parsed.error });
    return parsed.data;
  }
}

/** @throws InvalidSessionRequestError for values that no path can hold */
function pathOf(kind: BlockKind, value: string): string {
  if (value === '' || value === '.' || value === '..' || !value.isWellFormed())
    throw new InvalidSessionRequestError(`${JSON.stringify(value)} cannot be blocked`);
  return `/v1/blacklist/${kind}/${encodeURIComponent(value)}`;
}
