import { open, readFile, rename } from 'node:fs/promises';
import { z } from 'zod';
import { InvalidBlockError, parseStoredBlock, type Block } from './block.ts';

/** The file of a blacklist cannot be read or written; the message names it and says why. */
export class BlacklistFileError extends Error {
  override readonly name = 'BlacklistFileError';

  constructor(path: string, why: string, cause: unknown) {
    super(`the blacklist ${path} ${why}`, { cause });
  }
}

const fileSchema = z.object({ version: z.literal(1), blocks: z.array(z.unknown()) });

/** Blocks of a file, none where there is no file yet. @throws BlacklistFileError */
export async function readBlockFile(path: string): Promise<readonly Block[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new BlacklistFileError(path, 'cannot be read', error);
  }
  try {
    return fileSchema.parse(JSON.parse(text)).blocks.map(parseStoredBlock);
  } catch (error) {
    const why = error instanceof InvalidBlockError ? error.message : 'it is no JSON of {"version": 1, "blocks": [...]}';
    throw new BlacklistFileError(path, `is broken: ${why}. Mend it, or move it away to start without blocks`, error);
  }
}

/** Replaces the file as a whole: whoever reads it, or a crash, finds the old one or the new one. @throws BlacklistFileError */
export async function writeBlockFile(path: string, blocks: readonly Block[]): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  try {
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify({ version: 1, blocks }, undefined, 1));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    throw new BlacklistFileError(path, 'cannot be written', error);
  }
}
