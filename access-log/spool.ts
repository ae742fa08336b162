import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { makeDirectory } from '../contracts/shared/make-directory.ts';
import { parseAccessRow } from './access-rows.ts';
import { packLines, type PackedMessage, type PackLimits } from './message-packer.ts';
import { MessageQueue } from './message-queue.ts';

const SEGMENT_NAME = /^[0-9a-f-]{36}\.(\d{1,9})\.ndjson$/;
const UNFINISHED = '.unfinished';

/** A file of records. Written once and whole; its name holds how many they are and sorts by age. */
interface Segment {
  readonly name: string;
  readonly records: number;
  readonly bytes: number;
}

/** A segment in memory, on its way to the queue; it stays on disk until all of it has been sent. */
export interface LoadedSegment {
  readonly segment: Segment;
  readonly messages: MessageQueue;
  /** Lines that are no records: torn by a crash of the machine, say. */
  readonly unreadable: number;
}

/**
 * Records on disk, while the queue does not take them. One gateway to a directory: two would send each record twice. Files are
 * not synced, so that a crash of the machine, unlike one of the process, may lose the latest.
 */
export class Spool {
  readonly #directory: string;
  readonly #maxBytes: number;
  #segments: Segment[] = [];
  #loaded: LoadedSegment | undefined;
  #recovered = 0;
  #opened: Promise<void> | undefined;

  constructor(directory: string, maxBytes: number) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
  }

  /** Records that were not sent yet; of a segment that is being sent, those that remain. */
  get records(): number {
    return this.#segments.reduce((sum, segment) => sum + this.#remainingOf(segment), 0);
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Records an earlier run left, once they were found. */
  get recovered(): number {
    return this.#recovered;
  }

  /** Certainly nothing to load. */
  get empty(): boolean {
    return this.#opened !== undefined && this.#segments.length === 0;
  }

  /** Finds what an earlier run left. Fails as the file system does, and may be tried again then. */
  async open(): Promise<void> {
    this.#opened ??= this.#find();
    try {
      await this.#opened;
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
  }

  /**
   * @returns false when the messages have no room
   * @throws what the file system throws; nothing is stored then
   */
  async store(messages: readonly PackedMessage[]): Promise<boolean> {
    await this.open();
    const lines = messages.flatMap((message) => message.lines);
    const bytes = messages.reduce((sum, message) => sum + message.bytes, 0);
    if (this.bytes + bytes > this.#maxBytes) return false;
    const segment = { name: `${uuidv7()}.${lines.length}.ndjson`, records: lines.length, bytes };
    const path = join(this.#directory, segment.name);
    try {
      await writeFile(path + UNFINISHED, `${lines.join('\n')}\n`, { mode: 0o600 });
      await rename(path + UNFINISHED, path);
    } catch (error) {
      await rm(path + UNFINISHED, { force: true }).catch(() => undefined);
      throw error;
    }
    this.#segments.push(segment);
    return true;
  }

  /** The oldest segment, packed into the same messages each time. */
  async load(limits: PackLimits): Promise<LoadedSegment | undefined> {
    await this.open();
    const [segment] = this.#segments;
    if (!segment) return undefined;
    const text = await readFile(join(this.#directory, segment.name), 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return '';
      throw error;
    });
    const lines = text.split('\n').filter((line) => parseAccessRow(line) !== undefined);
    const messages = new MessageQueue();
    for (const message of packLines(lines, limits)) messages.push(message);
    this.#loaded = { segment, messages, unreadable: Math.max(0, segment.records - lines.length) };
    return this.#loaded;
  }

  async remove({ segment }: LoadedSegment): Promise<void> {
    // Forgotten first: what cannot be deleted is sent again by the next run, not by this one over and over.
    this.#segments = this.#segments.filter(({ name }) => name !== segment.name);
    await rm(join(this.#directory, segment.name), { force: true });
  }

  #remainingOf({ name, records }: Segment): number {
    return this.#loaded?.segment.name === name ? this.#loaded.messages.lines : records;
  }

  async #find(): Promise<void> {
    makeDirectory(this.#directory, 0o700);
    const names = await readdir(this.#directory);
    const unfinished = names.filter((name) => name.endsWith(`.ndjson${UNFINISHED}`));
    await Promise.all(unfinished.map((name) => rm(join(this.#directory, name), { force: true })));
    const found = names.toSorted().flatMap((name) => {
      const records = SEGMENT_NAME.exec(name)?.[1];
      return records === undefined ? [] : [{ name, records: Number(records) }];
    });
    this.#segments = await Promise.all(
      found.map(async (each) => ({ ...each, bytes: (await stat(join(this.#directory, each.name))).size })),
    );
    this.#recovered = this.records;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
