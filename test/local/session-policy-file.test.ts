import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DEFAULT_SESSION_POLICY } from '../../contracts/sessions/session-limits.ts';
import { parseSessionPolicy } from '../../contracts/sessions/session-policy.ts';
import { LOCAL_SESSION_POLICY, whyNoPlayers } from '../../local/demo/session-policy.ts';
import { provideSessionPolicy } from '../../local/session-policy-file.ts';

describe('the policy file of the local stack', () => {
  let directory: string;
  let file: string;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'policy-'));
    file = path.join(directory, 'state', 'policy.json');
    assert.deepEqual(await provide(), { policy: { version: 1, ...LOCAL_SESSION_POLICY }, isChanged: false });
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const provide = (rules = LOCAL_SESSION_POLICY) => provideSessionPolicy(file, rules);
  const read = async () => parseSessionPolicy(JSON.parse(await readFile(file, 'utf8')));

  it('is one that gateways can read: the documented defaults, and caps for the plan of the demo alone', async () => {
    const { plans, ...everybody } = await read();
    assert.deepEqual(everybody, DEFAULT_SESSION_POLICY);
    assert.deepEqual([everybody.caps, everybody.leaseMs], [{ account: 3 }, 45_000]);
    assert.deepEqual(plans, { demo: { account: 2 } });
  });

  it('keeps its version while it says the same, also after it was written anew by hand', async () => {
    assert.equal((await provide()).policy.version, 1);
    await writeFile(file, `\uFEFF${JSON.stringify({ $schema: 'x', ...(await read()) })}`);
    assert.deepEqual([(await provide()).policy.version, (await provide()).isChanged], [1, false]);
  });

  it('follows a newer program where nobody changed it, with a higher version', async () => {
    const newer = { ...LOCAL_SESSION_POLICY, caps: { account: 5 } };
    assert.deepEqual(await provide(newer), { policy: { version: 2, ...newer }, isChanged: false });
    assert.deepEqual(await read(), { version: 2, ...newer });
  });

  it('stays as its user left it, start after start and program after program, until it is removed', async () => {
    const text = '{\n  "version": 7, "caps": {"account": 9}\n}';
    await writeFile(file, text);
    for (const rules of [LOCAL_SESSION_POLICY, LOCAL_SESSION_POLICY, { ...LOCAL_SESSION_POLICY, leaseMs: 60_000 }]) {
      const { policy, isChanged } = await provide(rules);
      assert.deepEqual([policy.version, policy.caps, isChanged], [7, { account: 9 }, true]);
      assert.equal(await readFile(file, 'utf8'), text);
    }
    await rm(file);
    // Accounts may have taken version 7 over.
    assert.deepEqual(await provide(), { policy: { version: 8, ...LOCAL_SESSION_POLICY }, isChanged: false });
  });

  it('is kept also where it was there before the first start', async () => {
    const early = path.join(directory, 'early.json');
    await writeFile(early, '{"version": 3, "caps": {"account": 1}}');
    assert.equal((await provideSessionPolicy(early, LOCAL_SESSION_POLICY)).isChanged, true);
    await rm(early);
    assert.equal((await provideSessionPolicy(early, LOCAL_SESSION_POLICY)).policy.version, 4);
  });

  it('is not written over either when it cannot be used, which is said with what is wrong', async () => {
    for (const [text, fault] of [
      ['{"version": ', /not JSON/],
      ['{"version": 2, "caps": {"acount": 1}}', /acount/],
    ] as const) {
      await writeFile(file, text);
      await assert.rejects(provide(), ({ message, cause }: Error) => {
        assert.match(message, /policy\.json cannot be used; mend it, or remove it/);
        assert.match(String(cause), fault);
        return true;
      });
      assert.equal(await readFile(file, 'utf8'), text);
    }
  });
});

describe('the players of the demo', () => {
  const policy = { version: 1, ...LOCAL_SESSION_POLICY };

  it('play by the local policy, and by changes of it that leave them their parts', () => {
    const changes = [
      {},
      { caps: { account: 9 } },
      { overLimit: 'evictNamed' },
      { leaseMs: 6_000, heartbeatIntervalMs: 2_000 },
    ] as const;
    for (const change of changes) assert.equal(whyNoPlayers({ ...policy, ...change }), undefined);
  });

  it('do not play where they cannot do what they are there to show', () => {
    assert.match(whyNoPlayers({ ...policy, plans: {} }) ?? '', /plan "demo"/);
    assert.match(whyNoPlayers({ ...policy, plans: { demo: { account: 5 } } }) ?? '', /just 2 streams/);
    assert.match(whyNoPlayers({ ...policy, caps: { account: 3, content: 1 } }) ?? '', /of any kind/);
    assert.match(whyNoPlayers({ ...policy, overLimit: 'evictOldest' }) ?? '', /refuses nobody/);
    assert.match(whyNoPlayers({ ...policy, leaseMs: 600_000 }) ?? '', /longer than 60 s/);
  });
});
