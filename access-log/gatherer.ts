import type { PartitionRows } from './access-rows.ts';
import { lineBytes } from './message-packer.ts';

/** Rows of one message in one partition. */
export interface Part<Source> extends Readonly<PartitionRows> {
  readonly source: Source;
  readonly bytes: number;
}

/** What becomes one object. */
export interface Gather<Source> {
  readonly partition: string;
  readonly parts: readonly Part<Source>[];
  /** Uncompressed. */
  readonly bytes: number;
}

export interface GatherLimits {
  /** An object is closed by the message that reaches this, bytes before compression. */
  readonly maxObjectBytes: number;
  /** An object is closed this long after its first row came, milliseconds. */
  readonly maxAgeMs: number;
}

interface OpenGather<Source> {
  readonly partition: string;
  readonly parts: Part<Source>[];
  readonly sinceMs: number;
  bytes: number;
}

/** Gathers rows by partition until they make an object. */
export class Gatherer<Source> {
  readonly #limits: GatherLimits;
  readonly #open = new Map<string, OpenGather<Source>>();
  #bytes = 0;

  constructor(limits: GatherLimits) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(source: Source, partitions: ReadonlyMap<string, PartitionRows>, nowMs: number): void {
    for (const [partition, rows] of partitions) {
      const bytes = rows.lines.reduce((sum, line) => sum + lineBytes(line), 0);
      const open = this.#open.get(partition) ?? { partition, parts: [], sinceMs: nowMs, bytes: 0 };
      open.parts.push({ ...rows, source, bytes });
      open.bytes += bytes;
      this.#bytes += bytes;
      this.#open.set(partition, open);
    }
  }

  /**
   * Takes out what is to be written now, the largest first.
   *
   * @param pressed also what is neither large nor old enough: memory is full, or the writer stops
   */
  takeDue(nowMs: number, pressed: boolean): Gather<Source> | undefined {
    const { maxObjectBytes, maxAgeMs } = this.#limits;
    const isDue = ({ bytes, sinceMs }: OpenGather<Source>) => bytes >= maxObjectBytes || nowMs - sinceMs >= maxAgeMs;
    const [largest] = [...this.#open.values()]
      .filter((open) => pressed || isDue(open))
      .toSorted((left, right) => right.bytes - left.bytes);
    if (!largest) return undefined;
    this.#open.delete(largest.partition);
    this.#bytes -= largest.bytes;
    return largest;
  }

  /** Milliseconds until the next object is due by age; undefined while nothing is gathered. */
  dueInMs(nowMs: number): number | undefined {
    const sinces = [...this.#open.values()].map(({ sinceMs }) => sinceMs);
    return sinces.length === 0 ? undefined : Math.max(0, Math.min(...sinces) + this.#limits.maxAgeMs - nowMs);
  }
}
