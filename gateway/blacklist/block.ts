import { z } from 'zod';
import { hasControlCharacters, isWellFormed } from '../../contracts/shared/text.ts';
import { canonicalUserKey } from '../client-address.ts';
import { CUSTOMER_BITS, InvalidNetworkError, parseAddress, parseNetwork, prefixOf } from '../ip-address.ts';

export const BLOCK_KINDS = ['user', 'address', 'device', 'token'] as const;
export type BlockKind = (typeof BLOCK_KINDS)[number];

/** Who is refused, and why. */
export interface Block {
  readonly kind: BlockKind;
  /** A user's or device's id, the `jti` of a token, or a network: a single address stands for `/32`, or `/64` of IPv6. */
  readonly value: string;
  /** Told to whoever is refused. */
  readonly reason: string;
  /** Who decided it; `automatic` for the gateway itself. */
  readonly by: string;
  /** RFC 3339. */
  readonly createdAt: string;
  /** RFC 3339; without it the block holds until it is lifted. */
  readonly expiresAt?: string;
}

/** What was wrong, by field. */
export interface BlockFault {
  readonly path: string;
  readonly message: string;
}

/** Something is no block. */
export class InvalidBlockError extends Error {
  override readonly name = 'InvalidBlockError';
  readonly errors: readonly BlockFault[];

  constructor(errors: readonly BlockFault[]) {
    super(`not a block: ${errors.map(({ path, message }) => `${path || 'data'}: ${message}`).join('; ')}`);
    this.errors = errors;
  }
}

/** Shorter prefixes would lock out whole countries by one typing error. */
const LEAST_BITS = { ipv4: 8, ipv6: 19 } as const;
const TEN_YEARS_SECONDS = 10 * 366 * 86_400;

const text = (longest: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(longest)
    .refine((value) => isWellFormed(value) && !hasControlCharacters(value), 'must be plain text');

const subject = { kind: z.enum(BLOCK_KINDS), value: text(512), reason: text(500), by: text(255) };
const moment = z.iso.datetime({ offset: true });

const requestSchema = z.strictObject({
  ...subject,
  expiresInSeconds: z.number().positive().max(TEN_YEARS_SECONDS).exactOptional(),
});
const storedSchema = z.object({ ...subject, createdAt: moment, expiresAt: moment.exactOptional() });

/**
 * A new block from `{kind, value, reason, by, expiresInSeconds?}`; networks are written in one form.
 *
 * @throws InvalidBlockError
 */
export function parseBlock(data: unknown, nowMs: number = Date.now()): Block {
  const { expiresInSeconds, ...rest } = checked(requestSchema, data);
  const expiry =
    expiresInSeconds === undefined ? {} : { expiresAt: new Date(nowMs + expiresInSeconds * 1_000).toISOString() };
  return { ...rest, value: normalValue(rest.kind, rest.value), createdAt: new Date(nowMs).toISOString(), ...expiry };
}

/** A block as it was stored. @throws InvalidBlockError */
export function parseStoredBlock(data: unknown): Block {
  const block = checked(storedSchema, data);
  return { ...block, value: normalValue(block.kind, block.value) };
}

/** One text for all spellings of what a block is about. @throws InvalidBlockError for an address that is none */
export function blockKey(kind: BlockKind, value: string): string {
  return `${kind}:${kind === 'user' ? canonicalUserKey(value) : normalValue(kind, value)}`;
}

/** When it ends, milliseconds since 1970; Infinity for never. */
export function expiryOf({ expiresAt }: Block): number {
  return expiresAt === undefined ? Infinity : Date.parse(expiresAt);
}

/** Longest reason of an end that every client takes. */
const MAX_REASON = 255;

/** In whose name, and why, streams end for a block. */
export function evictionFor({ kind, reason, by }: Block): { readonly by: string; readonly reason: string } {
  const whole = `this ${kind} is blocked: ${reason}`;
  return { by, reason: whole.slice(0, MAX_REASON).toWellFormed() };
}

function normalValue(kind: BlockKind, value: string): string {
  if (kind !== 'address') return value;
  const address = value.includes('/') ? undefined : parseAddress(value);
  if (address) return prefixOf(address, CUSTOMER_BITS[address.kind()]).text;
  try {
    const { family, bits, text } = parseNetwork(value);
    if (bits >= LEAST_BITS[family]) return text;
    throw new InvalidNetworkError(value, `a prefix shorter than ${LEAST_BITS[family]} bits is never blocked`);
  } catch (error) {
    if (error instanceof InvalidNetworkError) throw new InvalidBlockError([{ path: 'value', message: error.message }]);
    throw error;
  }
}

function checked<Value>(schema: z.ZodType<Value>, data: unknown): Value {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new InvalidBlockError(parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })));
}
