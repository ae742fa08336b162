interface Entry {
  readonly key: string;
  fullAtUs: number;
  position: number;
}

/**
 * When each key has its full burst again, the earliest first: a heap whose entries know their place, so that a change
 * costs the logarithm of the number of keys.
 */
export class FullTimes {
  readonly #entries = new Map<string, Entry>();
  readonly #heap: Entry[] = [];

  get size(): number {
    return this.#heap.length;
  }

  get(key: string): number | undefined {
    return this.#entries.get(key)?.fullAtUs;
  }

  earliest(): number | undefined {
    return this.#heap[0]?.fullAtUs;
  }

  set(key: string, fullAtUs: number): void {
    const known = this.#entries.get(key);
    if (known) {
      known.fullAtUs = fullAtUs;
      this.#sink(known);
      this.#rise(known);
      return;
    }
    const entry = { key, fullAtUs, position: this.#heap.length };
    this.#entries.set(key, entry);
    this.#heap.push(entry);
    this.#rise(entry);
  }

  /** Forgets the key that is full first. */
  removeEarliest(): void {
    const [first] = this.#heap;
    const last = this.#heap.pop();
    if (!first || !last) return;
    this.#entries.delete(first.key);
    if (first === last) return;
    this.#place(last, 0);
    this.#sink(last);
  }

  #rise(entry: Entry): void {
    while (entry.position > 0) {
      const parent = this.#heap[(entry.position - 1) >> 1];
      if (!parent || parent.fullAtUs <= entry.fullAtUs) return;
      this.#swap(entry, parent);
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = this.#heap[2 * entry.position + 1];
      const right = this.#heap[2 * entry.position + 2];
      const child = left && right && right.fullAtUs < left.fullAtUs ? right : left;
      if (!child || child.fullAtUs >= entry.fullAtUs) return;
      this.#swap(entry, child);
    }
  }

  #swap(one: Entry, other: Entry): void {
    const { position } = one;
    this.#place(one, other.position);
    this.#place(other, position);
  }

  #place(entry: Entry, position: number): void {
    entry.position = position;
    this.#heap[position] = entry;
  }
}
