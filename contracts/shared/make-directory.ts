import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * Makes a folder with all above it; one that is there already is fine. As Node's recursive mkdir, which never returns where a
 * file system takes no folders and says ENOENT, as `/proc` does.
 *
 * @param mode permissions of folders that are made; default 0o777 less the umask
 * @throws Error (`ENOENT`, `EACCES`, `ENOTDIR`, ...) when it cannot be made
 */
export function makeDirectory(directory: string, mode?: number): void {
  if (isDirectory(directory)) return;
  const parent = path.dirname(directory);
  if (parent !== directory) makeDirectory(parent, mode);
  try {
    mkdirSync(directory, { mode });
  } catch (error) {
    // Another process may have been as fast.
    if (!isDirectory(directory)) throw error;
  }
}

function isDirectory(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
