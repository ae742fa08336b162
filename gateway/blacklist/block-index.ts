import { canonicalUserKey } from '../client-address.ts';
import { NetworkMap, parseAddress, parseNetwork } from '../ip-address.ts';
import type { BlacklistSubjects } from './blacklist.ts';
import { blockKey, expiryOf, type Block } from './block.ts';

interface Entry {
  readonly block: Block;
  readonly expiresAtMs: number;
}

/** Blocks by subject: a look-up costs one step per subject, and one per length of network in use. */
export class BlockIndex {
  readonly #entries = new Map<string, Entry>();
  readonly #networks = new NetworkMap<Entry>();
  readonly #nowMs: () => number;

  /** @param nowMs wall clock */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  put(block: Block): void {
    const entry = { block, expiresAtMs: expiryOf(block) };
    this.#entries.set(blockKey(block.kind, block.value), entry);
    if (block.kind === 'address') this.#networks.set(parseNetwork(block.value), entry);
  }

  /** @returns whether a block was there that still held */
  remove(key: string): boolean {
    const entry = this.#entries.get(key);
    if (!entry) return false;
    this.#entries.delete(key);
    if (entry.block.kind === 'address') this.#networks.delete(parseNetwork(entry.block.value));
    return this.#holds(entry);
  }

  find({ user, address, device, token }: BlacklistSubjects): Block | undefined {
    if (this.#entries.size === 0) return undefined;
    return (
      (token === undefined ? undefined : this.#get(`token:${token}`)) ??
      (user === undefined ? undefined : this.#get(`user:${canonicalUserKey(user)}`)) ??
      (device === undefined ? undefined : this.#get(`device:${device}`)) ??
      (address === undefined ? undefined : this.#findNetwork(address))
    );
  }

  list(): Block[] {
    const blocks = [...this.#entries.values()].filter((entry) => this.#holds(entry)).map(({ block }) => block);
    return blocks.toSorted((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
  }

  removeExpired(): void {
    for (const [key, entry] of this.#entries) if (!this.#holds(entry)) this.remove(key);
  }

  #get(key: string): Block | undefined {
    const entry = this.#entries.get(key);
    return entry && this.#holds(entry) ? entry.block : undefined;
  }

  #findNetwork(text: string): Block | undefined {
    const address = parseAddress(text);
    return address && this.#networks.find(address, (entry) => this.#holds(entry))?.block;
  }

  #holds({ expiresAtMs }: Entry): boolean {
    return expiresAtMs > this.#nowMs();
  }
}
