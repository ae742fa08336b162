import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { makeDirectory } from '../contracts/shared/make-directory.ts';
import { isRunning, noteProcess, type ProcessNote } from './processes.ts';

const noteSchema = z.object({ pid: z.int().positive(), command: z.string() });
const lockSchema = noteSchema.extend({ children: z.array(noteSchema).default([]) });

/** What a lock file says: the process that holds it, and the processes it started. */
export interface LockRecord extends ProcessNote {
  readonly children: readonly ProcessNote[];
}

/** A lock another running process holds. */
export class LockHeldError extends Error {
  override readonly name = 'LockHeldError';
  readonly holder: LockRecord;

  constructor(file: string, holder: LockRecord) {
    super(`${file} is held by process ${holder.pid} (${holder.command})`);
    this.holder = holder;
  }
}

/**
 * A file that at most one running process holds. One left by a process that died is taken over, and its children are
 * handed to the caller, who ends them.
 */
export class ProcessLock {
  readonly #file: string;
  #record: LockRecord;
  /** Children of a holder that died without giving the lock back. */
  readonly abandoned: readonly ProcessNote[];

  private constructor(file: string, record: LockRecord, abandoned: readonly ProcessNote[]) {
    this.#file = file;
    this.#record = record;
    this.abandoned = abandoned;
  }

  /** @throws LockHeldError when a running process holds the file */
  static async acquire(file: string): Promise<ProcessLock> {
    makeDirectory(path.dirname(file));
    const record: LockRecord = { ...(await noteProcess(process.pid)), children: [] };
    const abandoned: ProcessNote[] = [];
    while (!(await createWhole(file, record))) {
      const holder = await readLock(file);
      if (holder !== undefined && (await isRunning(holder))) throw new LockHeldError(file, holder);
      abandoned.push(...(holder?.children ?? []));
      await discard(file, holder);
    }
    return new ProcessLock(file, record, abandoned);
  }

  /** Notes a child down, so that it can be ended should this process die. */
  async addChild(pid: number): Promise<void> {
    this.#record = { ...this.#record, children: [...this.#record.children, await noteProcess(pid)] };
    await writeWhole(this.#file, this.#record);
  }

  async release(): Promise<void> {
    await rm(this.#file, { force: true });
  }
}

/** The record of a lock file; undefined when there is none, or none that can be read. */
export async function readLock(file: string): Promise<LockRecord | undefined> {
  try {
    return lockSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Replaces a JSON file in one step: a reader sees the old or the new one, never half of it. */
export async function writeWhole(file: string, content: unknown): Promise<void> {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(content, undefined, 2)}\n`);
  await rename(draft, file);
}

/** Like {@link writeWhole}, but false when the file exists already. */
async function createWhole(file: string, content: unknown): Promise<boolean> {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(content, undefined, 2)}\n`);
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Removes a dead holder's file, unless somebody else has meanwhile taken it over. */
async function discard(file: string, stale: LockRecord | undefined): Promise<void> {
  const current = await readLock(file);
  if (current?.pid !== stale?.pid) return;
  await rm(file, { force: true });
}
