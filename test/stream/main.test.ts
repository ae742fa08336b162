import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../local/stream/main.ts', import.meta.url));

describe('Stream server: command line', () => {
  const start = (...args: string[]): ChildProcessWithoutNullStreams => spawn(process.execPath, [MAIN, ...args]);

  async function finished(...args: string[]): Promise<{ code: unknown; output: string; errors: string }> {
    const child = start(...args);
    let [output, errors] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const [code] = (await once(child, 'close')) as unknown[];
    return { code, output, errors };
  }

  it('serves until it is told to stop, and then ends cleanly', async () => {
    const child = start('--port', '0', '--key', 'k', '--secret', 's', '--no-rate-limits');
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const [line] = (await once(child.stdout, 'data')) as unknown[];
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(String(line))?.[0];
    assert.ok(url, String(line));
    assert.equal((await fetch(`${url}/api/v1.0/feed/user/1/?api_key=k`)).status, 401);
    child.kill('SIGTERM');
    const [code] = (await once(child, 'close')) as unknown[];
    assert.deepEqual([code, errors], [0, '']);
  });

  it('explains itself', async () => {
    const { code, output } = await finished('--help');
    assert.equal(code, 0);
    assert.match(output, /--database FILE/);
  });

  it('says which port is in use, and what to do', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    assert.ok(typeof address === 'object' && address);
    const { code, errors } = await finished('--key', 'k', '--secret', 's', '--port', String(address.port));
    taken.close();
    assert.equal(code, 1);
    assert.match(errors, new RegExp(`^port ${address.port} of 127.0.0.1 is in use: .*--port\\n`));
    assert.doesNotMatch(errors, /\n\s+at /, 'no stack trace');
  });

  const bad: readonly (readonly [string[], RegExp])[] = [
    [[], /--key and --secret are required/],
    [['--key', 'k', '--secret', 'a.b'], /must not contain a dot/],
    [['--key', 'k', '--secret', 's', '--port', 'eighty'], /--port must be from 0 to 65535, not eighty/],
    [['--nonsense'], /Unknown option '--nonsense'/],
    [
      ['--key', 'k', '--secret', 's', '--port', '0', '--host', '203.0.113.9'],
      /^--host 203.0.113.9 is no address of this/,
    ],
    [
      ['--key', 'k', '--secret', 's', '--port', '0', '--database', fileURLToPath(import.meta.url)],
      /^--database .*main.test.ts cannot be used: .*not a database/,
    ],
  ];
  for (const [args, message] of bad) {
    it(`refuses "${args.join(' ')}" in words`, async () => {
      const { code, errors } = await finished(...args);
      assert.equal(code, 1);
      assert.match(errors, message);
      assert.doesNotMatch(errors, /\n\s+at /, 'no stack trace');
    });
  }
});
