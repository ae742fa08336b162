import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toAccessLine } from '../../access-log/access-line.ts';
import { packLines } from '../../access-log/message-packer.ts';
import { Spool } from '../../access-log/spool.ts';
import { accessRecord } from './support/lake.ts';

const LIMITS = { maxBytes: 64_000, maxLines: 4 };
const ONE = { maxMessages: 1, maxBytes: Infinity, maxLines: Infinity };

const messagesOf = (records: number) =>
  packLines(
    Array.from({ length: records }, () => toAccessLine(accessRecord())),
    LIMITS,
  );

describe('the spool of the access log', () => {
  let directory: string;
  let spool: Spool;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spool-'));
    spool = new Spool(directory, 1_000_000);
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('counts a record as spooled until it is sent, and never twice or less than nothing', async () => {
    await spool.store([...messagesOf(6)]);
    await spool.store([...messagesOf(3)]);
    const loaded = await spool.load(LIMITS);
    assert.ok(loaded);
    const counted = [spool.records];
    while (loaded.messages.waiting > 0) {
      for (const message of loaded.messages.take(ONE)) loaded.messages.settle(message);
      counted.push(spool.records);
    }
    const removed = spool.remove(loaded);
    counted.push(spool.records);
    await removed;
    counted.push(spool.records);
    assert.deepEqual(counted, [9, 5, 3, 3, 3]);
    assert.equal((await readdir(directory)).length, 1);
  });
});
