import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccessLog } from '../../access-log/access-log.ts';
import { toAccessLine } from '../../access-log/access-line.ts';
import { eventually } from '../support/eventually.ts';
import { accessRecord, accessRecords, assertNoneLost, assertSameIds, Lake } from './support/lake.ts';

function assertConserved(log: AccessLog): void {
  const { written, recovered, sent, spooled, dropped, buffered } = log.counts();
  assert.equal(written + recovered, sent + spooled + dropped + buffered, JSON.stringify(log.counts()));
}

describe('the access log of a gateway', () => {
  let lake: Lake;
  let spoolDirectory: string;
  before(async () => {
    lake = await Lake.start();
  });
  beforeEach(async () => {
    spoolDirectory = await mkdtemp(join(tmpdir(), 'access-log-'));
  });
  afterEach(async () => {
    await lake.reset();
    await rm(spoolDirectory, { recursive: true });
  });
  after(() => lake[Symbol.asyncDispose]());

  const queued = (queueName: string) => {
    const lines = lake.messages(queueName).ready.flatMap(({ body }) => body.split('\n'));
    return lines.map((line): { id: string } => ({ id: String(Object(JSON.parse(line)).id) }));
  };

  it('sends many records to a message', async () => {
    const { queueName } = lake.createQueue();
    const log = lake.accessLog(queueName);
    const records = accessRecords(1_000);
    for (const record of records) log.write(record);
    await log.close(5_000);
    assertSameIds(queued(queueName), records);
    assert.ok(lake.messages(queueName).ready.length < 15);
    assert.deepEqual([log.counts().sent, log.counts().buffered], [1_000, 0]);
    assertConserved(log);
  });

  it('takes records synchronously and never throws in an outage, with a full memory, with nonsense, or closed', async () => {
    const { queueName } = lake.createQueue();
    lake.setSqs('down');
    let dropped = 0;
    const log = lake.accessLog(queueName, { maxBufferedRecords: 100, onDropped: (records) => (dropped += records) });
    for (const record of accessRecords(250)) assert.equal(log.write(record), undefined);
    // No turn of the event loop has passed: nothing was asked of SQS.
    assert.equal(lake.proxy.seen.length, 0);
    assert.deepEqual([log.counts().buffered, log.counts().dropped, dropped], [100, 150, 150]);
    const broken = accessRecord();
    Object.defineProperty(broken, 'route', {
      enumerable: true,
      get: () => {
        throw new Error('a getter that fails');
      },
    });
    log.write(broken);
    await log.close(50);
    assert.equal(log.counts().dropped, 251);
    const told = lake.logs.filter(({ msg }) => msg.includes('dropped'));
    assert.ok(told.length <= 2, 'at once, and the rest at the close');
    assert.equal(
      told.reduce((sum, { records }) => sum + Number(records), 0),
      251,
    );
    log.write(accessRecord());
    assert.equal(log.counts().dropped, 252);
    assertConserved(log);
  });

  it('spools what memory has no room for while SQS is away, and loses nothing', async () => {
    const { queueName, bucket } = lake.createQueue();
    await lake.createBucket(bucket);
    const log = lake.accessLog(queueName, { maxBufferedRecords: 400, spoolDirectory });
    const records = accessRecords(4_000);
    lake.setSqs('down');
    for (let start = 0; start < records.length; start += 100) {
      for (const record of records.slice(start, start + 100)) log.write(record);
      assert.ok(log.counts().buffered <= 400);
      await eventually(() => assert.ok(log.counts().buffered <= 200), { intervalMs: 2 });
    }
    await eventually(() => assert.ok(log.counts().failures >= 2));
    assert.ok(log.counts().spooled >= 3_600);
    assert.ok(lake.proxy.seen.length < 20, 'SQS is probed, not flooded');
    assertConserved(log);
    lake.setSqs('up');
    lake.writer({ queueName, bucket });
    await eventually(() => assert.equal(log.counts().sent, 4_000), { timeoutMs: 20_000 });
    assert.deepEqual([log.counts().spooled, log.counts().buffered, log.counts().dropped], [0, 0, 0]);
    await eventually(async () => assert.deepEqual(await readdir(spoolDirectory), []));
    await eventually(async () => assertSameIds(await lake.rows(bucket), records));
  }).timeout(40_000);

  it('leaves to the next run what it cannot send before it is closed', async () => {
    const { queueName } = lake.createQueue();
    lake.setSqs('down');
    const records = accessRecords(300);
    const first = lake.accessLog(queueName, { spoolDirectory });
    for (const record of records) first.write(record);
    await first.close(60_000);
    assert.deepEqual([first.counts().spooled, first.counts().buffered], [300, 0]);
    assertConserved(first);
    lake.setSqs('up');
    const second = lake.accessLog(queueName, { spoolDirectory });
    await eventually(() => assert.equal(second.counts().sent, 300));
    assert.equal(second.counts().recovered, 300);
    assertConserved(second);
    assertSameIds(queued(queueName), records);
    await eventually(async () => assert.deepEqual(await readdir(spoolDirectory), []));
  });

  it('sends the readable records of a damaged spool, and leaves files of others alone', async () => {
    const { queueName } = lake.createQueue();
    const records = accessRecords(2);
    const name = '0199aa00-0000-7000-8000-000000000000';
    const lines = records.map((record) => toAccessLine(record));
    await writeFile(join(spoolDirectory, `${name}.3.ndjson`), `${lines.join('\n')}\n{"id":"torn`);
    await writeFile(join(spoolDirectory, `${name}.9.ndjson.unfinished`), 'never finished');
    await writeFile(join(spoolDirectory, 'notes.txt'), 'not ours');
    const log = lake.accessLog(queueName, { spoolDirectory });
    await eventually(() => assert.deepEqual([log.counts().sent, log.counts().dropped], [2, 1]));
    await eventually(async () => assert.deepEqual(await readdir(spoolDirectory), ['notes.txt']));
    assertSameIds(queued(queueName), records);
    assertConserved(log);
  });

  it('drops and counts what neither memory nor a full spool has room for', async () => {
    const { queueName } = lake.createQueue();
    lake.setSqs('down');
    const log = lake.accessLog(queueName, { maxBufferedRecords: 80, spoolDirectory, maxSpoolBytes: 30_000 });
    await eventually(() => {
      for (const record of accessRecords(20)) log.write(record);
      assert.ok(log.counts().dropped > 100);
    });
    assert.ok(log.counts().spooled > 0);
    await log.close(1_000);
    assertConserved(log);
    assert.ok(lake.logs.some(({ msg }) => msg.includes('spool of the access log is full')));
    assert.ok(log.counts().spooled > 0);
  });

  it('goes on in memory while the disk fails, and finds the spool when it works again', async () => {
    const { queueName } = lake.createQueue();
    const link = join(spoolDirectory, 'link');
    const blocked = join(link, 'spool');
    await writeFile(join(spoolDirectory, 'file'), 'no folder');
    await symlink(join(spoolDirectory, 'file'), link);
    const log = lake.accessLog(queueName, { spoolDirectory: blocked, maxBufferedRecords: 100 });
    const records = accessRecords(90);
    for (const record of records) log.write(record);
    await eventually(() => assert.equal(log.counts().sent, 90));
    assert.ok(lake.logs.some(({ msg }) => msg === 'the spool of the access log fails'));
    const left = accessRecord();
    const repaired = join(spoolDirectory, 'repaired');
    await mkdir(join(repaired, 'spool'), { recursive: true });
    await writeFile(
      join(repaired, 'spool', '0199aa00-0000-7000-8000-000000000000.1.ndjson'),
      `${toAccessLine(left)}\n`,
    );
    // In one step: the log would make a folder of its own between two.
    await symlink(repaired, join(spoolDirectory, 'next'));
    await rename(join(spoolDirectory, 'next'), link);
    await eventually(() => assert.deepEqual([log.counts().sent, log.counts().recovered], [91, 1]));
    assertSameIds(queued(queueName), [...records, left]);
    assertConserved(log);
  });

  it('sends again only the messages of a batch that failed', async () => {
    const { queueName } = lake.createQueue();
    let faults = 0;
    lake.proxy.fault = ({ action, body }) => {
      if (action !== 'SendMessageBatch' || faults === 1) return undefined;
      if (!Array.isArray(body.Entries) || body.Entries.length < 2) return undefined;
      faults += 1;
      return { kind: 'failEntries', ids: ['1'], code: 'KmsThrottled', senderFault: true };
    };
    const log = lake.accessLog(queueName, { maxBufferedRecords: 800 });
    const records = accessRecords(600);
    for (const record of records) log.write(record);
    await eventually(() => assert.equal(log.counts().sent, 600));
    assert.equal(faults, 1);
    assertSameIds(queued(queueName), records);
    assertConserved(log);
  });

  it('halves messages for a queue that takes only small ones, and drops a record that is refused by itself', async () => {
    const { queueName } = lake.createQueue(2_048);
    const log = lake.accessLog(queueName);
    const records = accessRecords(50);
    for (const record of records) log.write(record);
    log.write(accessRecord({ userAgent: '\0'.repeat(512) }));
    await eventually(() => assert.deepEqual([log.counts().sent, log.counts().dropped], [50, 1]));
    assertSameIds(queued(queueName), records);
    assertConserved(log);
  });

  it('waits for a queue that does not exist yet', async () => {
    const queueName = 'access-log-late';
    const log = lake.accessLog(queueName);
    const records = accessRecords(5);
    for (const record of records) log.write(record);
    await eventually(() => assert.ok(log.counts().failures >= 1));
    lake.server.createQueue(queueName);
    await eventually(() => assert.equal(log.counts().sent, 5));
    assertSameIds(queued(queueName), records);
  });

  it('loses nothing when an answer of SQS never comes', async () => {
    const { queueName } = lake.createQueue();
    lake.proxy.fault = ({ action }) => (action === 'SendMessageBatch' ? { kind: 'hang' } : undefined);
    const log = lake.accessLog(queueName, { spoolDirectory });
    const records = accessRecords(40);
    for (const record of records) log.write(record);
    await eventually(() => assert.equal(lake.proxy.of('SendMessageBatch').length, 1));
    await log.close(100);
    lake.setSqs('up');
    const next = lake.accessLog(queueName, { spoolDirectory });
    await eventually(() => assert.equal(next.counts().sent, 40));
    assertNoneLost(queued(queueName), records);
  });
});
