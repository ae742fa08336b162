import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeDirectory } from '../../contracts/shared/make-directory.ts';

describe('making a folder', () => {
  let base: string;
  beforeEach(async () => {
    base = await mkdtemp(path.join(tmpdir(), 'make-directory-'));
  });
  afterEach(() => rm(base, { recursive: true }));

  it('makes all above it too, and bears that it is there', () => {
    const folder = path.join(base, 'a', 'b', 'c');
    makeDirectory(folder, 0o700);
    makeDirectory(folder);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
  });

  it('says at once why it cannot, also where the file system takes no folders', async function () {
    const file = path.join(base, 'file');
    await writeFile(file, '');
    assert.throws(() => makeDirectory(file), { code: 'EEXIST' });
    assert.throws(() => makeDirectory(path.join(file, 'below')), { code: 'EEXIST' });
    if (!existsSync('/proc/self')) this.skip();
    for (const folder of ['/proc/none', '/proc/none/below']) {
      assert.throws(() => makeDirectory(folder), { code: 'ENOENT' });
    }
  });
});
