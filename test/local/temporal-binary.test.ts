import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findTemporalBinary, TemporalBinaryError } from '../../local/temporal-binary.ts';
import { faultOfVersion } from '../../local/temporal-version.ts';

const VERSION = 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)';

describe('finding the Temporal CLI', function () {
  let directory: string;
  let bin: string;
  let cacheDirectory: string;

  beforeEach(async function () {
    if (process.platform === 'win32') this.skip();
    directory = await mkdtemp(path.join(tmpdir(), 'local-binary-'));
    bin = path.join(directory, 'bin');
    cacheDirectory = path.join(directory, 'cache');
    await mkdir(bin);
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  /** So short a download never succeeds, with or without a network. */
  const search = (more: object = {}) => ({
    env: { PATH: `${bin}:/usr/bin:/bin` },
    cacheDirectory,
    downloadTimeoutMs: 1,
    ...more,
  });

  it('takes the one on PATH, else the cached one', async () => {
    const cached = await script(path.join(cacheDirectory, 'temporal-1.5.1', 'temporal'), `echo '${VERSION}'`);
    assert.equal(await findTemporalBinary(search()), cached);
    const onPath = await script(path.join(bin, 'temporal'), `echo '${VERSION}'`);
    assert.equal(await findTemporalBinary(search()), onPath);
  });

  it('passes over one on PATH that is too old, or no Temporal CLI', async () => {
    const cached = await script(path.join(cacheDirectory, 'temporal-1.5.1', 'temporal'), `echo '${VERSION}'`);
    await script(path.join(bin, 'temporal'), `echo 'temporal version 1.2.0 (Server 1.26.2, UI 2.34.0)'`);
    assert.equal(await findTemporalBinary(search()), cached);
    await script(path.join(bin, 'temporal'), 'exit 1');
    assert.equal(await findTemporalBinary(search()), cached);
  });

  it('builds it with Go, once for all who ask, and leaves nothing else in the cache', async () => {
    const log = path.join(directory, 'go.log');
    await script(
      path.join(bin, 'go'),
      `echo "$@" >> ${log}; echo 'go: downloading something' >&2; sleep 0.2; echo 'echo' > "$GOBIN/temporal"; chmod +x "$GOBIN/temporal"`,
    );
    const lines: string[] = [];
    const onProgress = (line: string) => lines.push(line);
    // Either of them may be the one that builds.
    const found = await Promise.all([1, 2].map(() => findTemporalBinary(search({ onProgress }))));
    assert.deepEqual(new Set(found), new Set([path.join(cacheDirectory, 'temporal-1.5.1', 'temporal')]));
    assert.equal(await readFile(log, 'utf8'), 'install -v github.com/temporalio/cli/cmd/temporal@v1.5.1\n');
    assert.deepEqual(await readdir(cacheDirectory), ['temporal-1.5.1']);
    assert.match(lines.join('\n'), /Building Temporal 1\.5\.1 with Go.* 0 s/);
  });

  it('says what was tried and what to do when there is no way', async () => {
    await script(path.join(bin, 'go'), 'echo "no such module" >&2; exit 1');
    await assert.rejects(findTemporalBinary(search()), (error) => {
      assert.ok(error instanceof TemporalBinaryError);
      for (const tried of ['temporal on PATH', cacheDirectory, 'download', 'no such module', 'TEMPORAL_ADDRESS']) {
        assert.ok(error.message.includes(tried), `${tried} in ${error.message}`);
      }
      return true;
    });
    assert.deepEqual(await readdir(cacheDirectory), []);
  });

  it('breaks a build off when asked to', async () => {
    await script(path.join(bin, 'go'), 'exec sleep 60');
    const asked = new AbortController();
    const onProgress = (line: string) => line.startsWith('Building') && asked.abort();
    await assert.rejects(findTemporalBinary(search({ onProgress, signal: asked.signal })), { name: 'AbortError' });
    assert.deepEqual(await readdir(cacheDirectory), []);
  });

  it('knows servers that are too old by what the CLI says of itself', () => {
    assert.equal(faultOfVersion(VERSION), undefined);
    assert.equal(faultOfVersion('temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)'), undefined);
    assert.match(faultOfVersion('temporal version 1.1.0 (Server 1.25.0, UI 2.30.3)') ?? '', /older than 1\.28/);
    assert.match(faultOfVersion('tctl version 1.18.0') ?? '', /no Temporal CLI/);
  });
});

async function script(file: string, body: string): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${body}\n`);
  await chmod(file, 0o755);
  return file;
}
