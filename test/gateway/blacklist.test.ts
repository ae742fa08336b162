import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlacklistFullError } from '../../gateway/blacklist/blacklist.ts';
import { BlacklistFileError } from '../../gateway/blacklist/block-file.ts';
import { InvalidBlockError, parseBlock, type BlockKind } from '../../gateway/blacklist/block.ts';
import { openMemoryBlacklist } from '../../gateway/blacklist/memory-blacklist.ts';

function blockOf(kind: BlockKind, value: string, expiresInSeconds?: number, nowMs?: number) {
  const expiry = expiresInSeconds === undefined ? {} : { expiresInSeconds };
  return parseBlock({ kind, value, reason: 'abuse', by: 'operator', ...expiry }, nowMs);
}

describe('a block', () => {
  it('says what was wrong with what is none', () => {
    const whole = { kind: 'user', value: 'alice', reason: 'abuse', by: 'operator' };
    const refused: [data: unknown, path: string][] = [
      [undefined, ''],
      [{ ...whole, kind: 'planet' }, 'kind'],
      [{ ...whole, value: ' ' }, 'value'],
      [{ ...whole, value: 'a\u0000b' }, 'value'],
      [{ ...whole, value: '\ud800' }, 'value'],
      [{ ...whole, reason: 'x'.repeat(501) }, 'reason'],
      [{ ...whole, expiresInSeconds: 0 }, 'expiresInSeconds'],
      [{ ...whole, expiresInSeconds: 1e12 }, 'expiresInSeconds'],
      [{ ...whole, expires: 1 }, ''],
      [{ ...whole, kind: 'address', value: '10.0.0.0/33' }, 'value'],
      [{ ...whole, kind: 'address', value: '0.0.0.0/0' }, 'value'],
      [{ ...whole, kind: 'address', value: 'localhost' }, 'value'],
    ];
    for (const [data, path] of refused) {
      assert.throws(
        () => parseBlock(data),
        (error) => error instanceof InvalidBlockError && error.errors.some((fault) => fault.path === path),
        JSON.stringify(data),
      );
    }
  });

  it('is written in one form, with its times', () => {
    assert.equal(blockOf('address', '192.0.2.1').value, '192.0.2.1/32');
    assert.equal(blockOf('address', '2001:DB8::1').value, '2001:db8::/64');
    assert.equal(blockOf('address', '2001:db8::1/128').value, '2001:db8::1/128');
    const { createdAt, expiresAt } = blockOf('user', 'alice', 60, 0);
    assert.deepEqual([createdAt, expiresAt], ['1970-01-01T00:00:00.000Z', '1970-01-01T00:01:00.000Z']);
  });
});

describe('the blacklist of a gateway that is alone', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blacklist-'));
  });
  after(async () => rm(folder, { recursive: true, force: true }));

  it('finds users, devices, tokens and addresses in all their spellings', async () => {
    const blacklist = await openMemoryBlacklist();
    assert.equal(blacklist.find({ user: 'alice', address: '192.0.2.1' }), undefined);
    const user = await blacklist.block(blockOf('user', 'Alice'));
    const device = await blacklist.block(blockOf('device', 'tv-1'));
    const token = await blacklist.block(blockOf('token', 'jti-1'));
    const address = await blacklist.block(blockOf('address', '192.0.2.1'));
    const network = await blacklist.block(blockOf('address', '2001:db8:1::5'));
    assert.equal(blacklist.find({ user: ' ＡLICE' }), user);
    assert.equal(blacklist.find({ user: 'bob', device: 'tv-1' }), device);
    assert.equal(blacklist.find({ device: 'TV-1' }), undefined);
    assert.equal(blacklist.find({ token: 'jti-1' }), token);
    assert.equal(blacklist.find({ address: '::ffff:192.0.2.1' }), address);
    assert.equal(blacklist.find({ address: '192.0.2.2' }), undefined);
    assert.equal(blacklist.find({ address: '2001:db8:1:0:ffff::1' }), network);
    assert.equal(blacklist.find({ address: 'unknown' }), undefined);
    assert.deepEqual(blacklist.find({}), undefined);
    assert.equal(await blacklist.unblock('user', 'ALICE'), true);
    assert.equal(await blacklist.unblock('user', 'ALICE'), false);
    assert.equal(blacklist.find({ user: 'Alice' }), undefined);
    assert.equal(blacklist.list().length, 4);
  });

  it('lets a block end by itself, and the wider network behind it still hold', async () => {
    let nowMs = 1_000;
    const blacklist = await openMemoryBlacklist({ nowMs: () => nowMs });
    const wide = await blacklist.block(blockOf('address', '192.0.2.0/24', 60, nowMs));
    const narrow = await blacklist.block(blockOf('address', '192.0.2.1', 10, nowMs));
    assert.equal(blacklist.find({ address: '192.0.2.1' }), narrow);
    nowMs += 10_000;
    assert.equal(blacklist.find({ address: '192.0.2.1' }), wide);
    assert.deepEqual(blacklist.list(), [wide]);
    assert.equal(await blacklist.unblock('address', '192.0.2.1'), false, 'it had ended');
    nowMs += 50_000;
    assert.equal(blacklist.find({ address: '192.0.2.1' }), undefined);
  });

  it('takes so many blocks and no more, not counting those that have ended', async () => {
    let nowMs = 0;
    const blacklist = await openMemoryBlacklist({ maxBlocks: 2, nowMs: () => nowMs });
    await blacklist.block(blockOf('user', 'a', 1, 0));
    await blacklist.block(blockOf('user', 'b'));
    await assert.rejects(blacklist.block(blockOf('user', 'c')), BlacklistFullError);
    await blacklist.block(blockOf('user', 'B'));
    nowMs = 1_000;
    await blacklist.block(blockOf('user', 'c'));
    assert.equal(blacklist.size, 2);
  });

  it('answers fast with 30,000 blocks', async () => {
    const blacklist = await openMemoryBlacklist();
    for (let index = 0; index < 30_000; index += 1) {
      const value = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
      await blacklist.block(blockOf('address', index % 2 ? value : `${value}/30`));
    }
    const started = performance.now();
    for (let index = 0; index < 10_000; index += 1)
      blacklist.find({ address: '203.0.113.9', user: 'alice', token: 'x' });
    // Microseconds each; a walk through all blocks would take minutes.
    assert.ok(performance.now() - started < 10_000);
  });

  it('keeps its blocks in a file', async () => {
    const file = join(folder, 'kept.json');
    const first = await openMemoryBlacklist({ file });
    await Promise.all(Array.from({ length: 50 }, (_, index) => first.block(blockOf('user', `user-${index}`))));
    await first.unblock('user', 'user-7');
    await first.close();
    const second = await openMemoryBlacklist({ file });
    assert.equal(second.list().length, 49);
    assert.equal(second.find({ user: 'USER-8' })?.by, 'operator');
    assert.equal(second.find({ user: 'user-7' }), undefined);
    assert.deepEqual(await readdir(folder), ['kept.json'], 'no draft is left');
  });

  it('says which file is broken and why, and leaves it alone', async () => {
    const file = join(folder, 'broken.json');
    for (const [text, why] of [
      ['{"version":1,"blo', /broken\.json is broken: it is no JSON/],
      ['{"version":2,"blocks":[]}', /broken\.json is broken: it is no JSON of/],
      ['{"version":1,"blocks":[{"kind":"user"}]}', /broken\.json is broken: not a block: value: /],
    ] as const) {
      await writeFile(file, text);
      await assert.rejects(
        openMemoryBlacklist({ file }),
        (error) => error instanceof BlacklistFileError && why.test(error.message),
      );
      assert.equal(await readFile(file, 'utf8'), text);
    }
    await assert.rejects(openMemoryBlacklist({ file: folder }), /cannot be read/);
  });

  it('blocks also when the file cannot be written, and says so', async () => {
    const blacklist = await openMemoryBlacklist({ file: join(folder, 'absent', 'list.json') });
    await assert.rejects(blacklist.block(blockOf('user', 'alice')), BlacklistFileError);
    assert.ok(blacklist.find({ user: 'alice' }));
  });
});
