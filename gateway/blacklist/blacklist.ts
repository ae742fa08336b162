import type { Block, BlockKind } from './block.ts';

/** What is known of a request. */
export interface BlacklistSubjects {
  readonly user?: string;
  readonly address?: string;
  readonly device?: string;
  /** `jti` of the token: unlike the token's text, it has one spelling. */
  readonly token?: string;
}

export const DEFAULT_MAX_BLOCKS = 100_000;

/** There are as many blocks as the list takes: some must be lifted, or given as a network. */
export class BlacklistFullError extends Error {
  override readonly name = 'BlacklistFullError';

  constructor(maxBlocks: number) {
    super(`the blacklist holds ${maxBlocks} blocks and takes no more`);
  }
}

/** Who is refused. Answers come from memory; a block that has expired is none. */
export interface Blacklist {
  /** The block that holds for any of these, of networks the most specific one. */
  find(subjects: BlacklistSubjects): Block | undefined;
  /**
   * Adds a block, or replaces the one of the same subject. It holds here when this resolves.
   *
   * @param block made by `parseBlock`
   * @throws BlacklistFullError
   * @throws StoreUnavailableError where gateways share the list and the store does not answer: nothing is known to have changed
   * @throws BlacklistFileError where the list has a file that cannot be written: the block holds until the process ends
   */
  block(block: Block): Promise<Block>;
  /**
   * @returns whether there was such a block
   * @throws InvalidBlockError, StoreUnavailableError, BlacklistFileError
   */
  unblock(kind: BlockKind, value: string): Promise<boolean>;
  /** Whether the list was ever read: until then nobody is known to be blocked. */
  readonly loaded: boolean;
  /** All that hold, the newest first. */
  list(): readonly Block[];
  /** How many there are, those included that expired a short time ago. */
  readonly size: number;
  close(): Promise<void>;
}
