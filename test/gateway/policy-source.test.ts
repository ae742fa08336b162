import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InvalidSessionPolicyError } from '../../contracts/sessions/session-policy.ts';
import { openPolicy, type PolicySource } from '../../gateway/policy-source.ts';
import { eventually } from '../support/eventually.ts';

const FIRST = { version: 1, caps: { account: 3 } };

describe('the file of a policy', function () {
  this.timeout(20_000);
  let directory: string;
  let file: string;
  let source: PolicySource | undefined;
  let lines: { level: string; fields: object; text: string }[] = [];
  const log =
    (level: string) =>
    (fields: unknown, text = ''): void =>
      void lines.push({ level, fields: Object(fields), text });
  const logger = { info: log('info'), warn: log('warn'), error: log('error') };

  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'policy-'));
    file = path.join(directory, 'policy.json');
  });
  beforeEach(() => (lines = []));
  afterEach(() => source?.close());
  after(() => rm(directory, { recursive: true, force: true }));

  const openWith = async (content: string | Uint8Array): Promise<PolicySource> => {
    await writeFile(file, content);
    return await openPolicy(file, logger, 100);
  };
  /** In the next check. */
  const untilFault = (pattern: RegExp | undefined): Promise<void> =>
    eventually(async () =>
      pattern ? assert.match(source?.fault() ?? '', pattern) : assert.equal(source?.fault(), undefined),
    );

  const json = JSON.stringify(FIRST);
  const littleEndian = Buffer.from(`\uFEFF${json}`, 'utf16le');
  for (const [what, content] of [
    ['UTF-8', json],
    ['UTF-8 with a byte order mark', `\uFEFF${json}`],
    ['UTF-16, as PowerShell writes it', littleEndian],
    ['big-endian UTF-16', Buffer.from(littleEndian).swap16()],
  ] as const) {
    it(`may be ${what}`, async () => {
      source = await openWith(content);
      assert.equal(source.current().caps.account, 3);
    });
  }

  it('must be usable at the start', async () => {
    await assert.rejects(openWith('{'), InvalidSessionPolicyError);
    await assert.rejects(openWith('{"version": 1}'), InvalidSessionPolicyError);
    await assert.rejects(openPolicy(path.join(directory, 'none.json'), logger));
  });

  it('changes nothing while it cannot be used, and says so for as long: broken, gone, or of no higher version', async () => {
    source = await openWith(json);
    await writeFile(file, '{"version": 2, "caps": ');
    await untilFault(/is not JSON/);
    await writeFile(file, JSON.stringify({ ...FIRST, caps: { account: 9 } }));
    await untilFault(/version 1 is not above 1/);
    await rm(file);
    await untilFault(/ENOENT/);
    assert.equal(source.current().caps.account, 3);
    assert.equal(lines.filter(({ level }) => level === 'error').length, 3, 'each is reported once');
    await writeFile(file, JSON.stringify(FIRST, undefined, 2));
    await untilFault(undefined);
    await writeFile(file, JSON.stringify({ ...FIRST, version: 2 }));
    await eventually(async () => assert.equal(source?.current().version, 2));
  });

  it('is warned about where it admits nobody, as that may be a slip', async () => {
    source = await openWith(JSON.stringify({ version: 1, caps: { account: 3, deviceTypes: { tv: 0 } } }));
    const warnings = lines.filter(({ level }) => level === 'warn');
    assert.deepEqual(
      warnings.map(({ fields }) => Reflect.get(fields, 'caps')),
      [['caps.deviceTypes.tv']],
    );
  });
});
