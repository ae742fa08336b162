import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseSessionPolicy } from '../../contracts/session-policy.ts';
import { DEMO_SESSION_POLICY } from '../../local/demo/session-policy.ts';
import { writeSessionPolicy } from '../../local/session-policy-file.ts';

describe('the policy file of the local stack', () => {
  let directory: string;
  let file: string;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'policy-'));
    file = path.join(directory, 'state', 'policy.json');
    await writeSessionPolicy(file, DEMO_SESSION_POLICY);
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const read = async () => parseSessionPolicy(JSON.parse(await readFile(file, 'utf8')));

  it('is one that gateways can read, with version 1', async () => {
    assert.deepEqual(await read(), { ...DEMO_SESSION_POLICY, version: 1 });
  });

  it('keeps its version while it says the same', async () => {
    await writeSessionPolicy(file, DEMO_SESSION_POLICY);
    assert.equal((await read()).version, 1);
  });

  it('takes a higher version than one that was put into its place, which accounts may have taken over', async () => {
    await writeFile(file, JSON.stringify({ version: 7, caps: { account: 9 } }));
    await writeSessionPolicy(file, DEMO_SESSION_POLICY);
    assert.deepEqual(await read(), { ...DEMO_SESSION_POLICY, version: 8 });
  });

  it('replaces one that nobody can read', async () => {
    await writeFile(file, '{"version": ');
    await writeSessionPolicy(file, DEMO_SESSION_POLICY);
    assert.equal((await read()).version, 1);
  });
});
