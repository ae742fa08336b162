import { BlacklistFullError, DEFAULT_MAX_BLOCKS, type Blacklist, type BlacklistSubjects } from './blacklist.ts';
import { readBlockFile, writeBlockFile } from './block-file.ts';
import { BlockIndex } from './block-index.ts';
import { blockKey, type Block, type BlockKind } from './block.ts';

export interface MemoryBlacklistOptions {
  /** JSON file that keeps the blocks; without it they end with the process. */
  readonly file?: string | undefined;
  /** Default 100,000. */
  readonly maxBlocks?: number;
  /** Wall clock. */
  readonly nowMs?: () => number;
}

/**
 * The blacklist of a gateway that is alone.
 *
 * @throws BlacklistFileError when there is a file that cannot be understood
 */
export async function openMemoryBlacklist(options: MemoryBlacklistOptions = {}): Promise<Blacklist> {
  const { file, maxBlocks = DEFAULT_MAX_BLOCKS, nowMs = Date.now } = options;
  const index = new BlockIndex(nowMs);
  if (file !== undefined) for (const block of await readBlockFile(file)) index.put(block);
  return new MemoryBlacklist(index, maxBlocks, file);
}

class MemoryBlacklist implements Blacklist {
  readonly loaded = true;
  readonly #index: BlockIndex;
  readonly #maxBlocks: number;
  readonly #file: string | undefined;
  /** The write under way, and the one that waits for it and will hold all that came meanwhile. */
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(index: BlockIndex, maxBlocks: number, file: string | undefined) {
    this.#index = index;
    this.#maxBlocks = maxBlocks;
    this.#file = file;
  }

  get size(): number {
    return this.#index.size;
  }

  find(subjects: BlacklistSubjects): Block | undefined {
    return this.#index.find(subjects);
  }

  async block(block: Block): Promise<Block> {
    const isNew = !this.#index.has(blockKey(block.kind, block.value));
    if (isNew && this.#index.size >= this.#maxBlocks) this.#index.removeExpired();
    if (isNew && this.#index.size >= this.#maxBlocks) throw new BlacklistFullError(this.#maxBlocks);
    this.#index.put(block);
    await this.#save();
    return block;
  }

  async unblock(kind: BlockKind, value: string): Promise<boolean> {
    const removed = this.#index.remove(blockKey(kind, value));
    if (removed) await this.#save();
    return removed;
  }

  list(): readonly Block[] {
    return this.#index.list();
  }

  async close(): Promise<void> {
    // Who asked for the write was told of its failure.
    await Promise.allSettled([this.#writing, this.#next]);
  }

  async #save(): Promise<void> {
    if (this.#file === undefined) return;
    this.#next ??= this.#writeAfter(this.#writing, this.#file);
    await this.#next;
  }

  async #writeAfter(before: Promise<void> | undefined, file: string): Promise<void> {
    await Promise.allSettled([before]);
    this.#writing = this.#next;
    this.#next = undefined;
    await writeBlockFile(file, this.#index.list());
  }
}
