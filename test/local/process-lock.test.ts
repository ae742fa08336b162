import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LockHeldError, ProcessLock, readLock } from '../../local/process-lock.ts';
import { endNotedProcess, isRunning, noteProcess } from '../../local/processes.ts';

describe('a process lock', () => {
  let directory: string;
  let file: string;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'local-lock-'));
    file = path.join(directory, 'stack.lock');
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('is held by one of many who ask at once, until it is released', async () => {
    const asked = await Promise.allSettled(Array.from({ length: 8 }, () => ProcessLock.acquire(file)));
    const held = asked.filter((outcome) => outcome.status === 'fulfilled');
    assert.equal(held.length, 1);
    for (const outcome of asked) if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof LockHeldError);
    await held[0]?.value.release();
    assert.deepEqual(await readdir(directory), []);
  });

  it('is taken over from a dead process, with the children it left', async () => {
    const child = { pid: 2 ** 22 + 2, command: 'temporal server start-dev' };
    await writeFile(file, JSON.stringify({ pid: 2 ** 22 + 1, command: 'node local/start.ts', children: [child] }));
    const lock = await ProcessLock.acquire(file);
    assert.deepEqual(lock.abandoned, [child]);
    assert.equal((await readLock(file))?.pid, process.pid);
    await lock.release();
  });

  it('is not taken for held because another program has the id of its dead holder', async () => {
    await writeFile(file, JSON.stringify({ pid: process.pid, command: 'something else', children: [] }));
    await (await ProcessLock.acquire(file)).release();
  });

  it('is taken over when its file cannot be read', async () => {
    await writeFile(file, '');
    await (await ProcessLock.acquire(file)).release();
  });
});

describe('ending a process noted down earlier', () => {
  it('ends that process, and no other that has its id', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'ignore' });
    await once(child, 'spawn');
    assert.ok(child.pid);
    const note = await noteProcess(child.pid);
    assert.equal(await endNotedProcess({ ...note, command: 'another program' }, 100), false);
    assert.ok(await isRunning(note));
    assert.equal(await endNotedProcess(note, 5_000), true);
    assert.equal(await isRunning(note), false);
  });
});
