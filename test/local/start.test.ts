import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { inheritedEnvironment, PROJECT_DIRECTORY } from '../../local/config.ts';
import { parseStartOptions, UsageError } from '../../local/start-options.ts';
import { sharedTemporal } from '../support/temporal.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';

const PORTS = ['AWS', 'STREAM', 'METRICS', 'HEALTH', 'GATEWAY', 'GATEWAY_METRICS', 'GATEWAY_HEALTH'];

describe('npm start', function () {
  this.timeout(180_000);

  it('publishes the demo, accounts for every message and ends with 0 when told to', async () => {
    const { address } = await sharedTemporal();
    const directory = await mkdtemp(path.join(tmpdir(), 'local-start-'));
    const policyFile = path.join(directory, 'sessions-policy.json');
    // With the default lease, a crashed player would keep its slot for 45 s.
    const policy = { version: 4, caps: { account: 3 }, plans: { demo: { account: 2 } }, leaseMs: 6_000 };
    const text = JSON.stringify({ ...policy, heartbeatIntervalMs: 2_000 });
    await writeFile(policyFile, text);
    const { code, output } = await start(['--exit-after-demo', '--quiet'], {
      LOCAL_DIRECTORY: directory,
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: path.basename(directory),
      DEMO_ACTIONS: '40',
      // Otherwise resumed runs of an edge linger for 5 s.
      EVENT_RESUMED_LINGER_MS: '1000',
      WORKFLOW_BUNDLE: await sharedWorkflowBundle(),
      ...Object.fromEntries(PORTS.map((name) => [`${name}_PORT`, '0'])),
    });
    assert.equal(code, 0, output);
    assert.match(output, /Everything is accounted for/);
    assert.match(output, /published \d+ \+ delivered twice by SQS [1-9]\d* /);
    assert.match(output, /1 parked for an operator/);
    assert.doesNotMatch(output, /the sums are off/);
    assert.match(
      output,
      /alice-\w+: the account ended tv-1 and laptop-1 took its slot; the next beat of tv-1 told it: evicted by alice-\w+/,
    );
    assert.match(output, /bob-\w+: tv-1 crashed; its slot was free \d+\.\d s after its last beat/);
    assert.match(output, /got 403 the third time: Concurrent stream limit reached/);
    assert.match(output, /All fared as they must/);
    const left = ['gateway.log', 'sessions-policy.json', 'sqs', 'stream.db', 'worker.log'];
    assert.partialDeepStrictEqual((await readdir(directory)).toSorted(undefined), left);
    assert.equal(await readFile(policyFile, 'utf8'), text, 'a policy that was changed stays');
    await rm(directory, { recursive: true, force: true });
  });

  describe('says in one sentence what keeps it from starting', () => {
    let taken: Server;
    let directory: string;
    before(async () => {
      taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      directory = await mkdtemp(path.join(tmpdir(), 'local-start-'));
      await writeFile(path.join(directory, 'file'), 'no folder');
    });
    after(async () => {
      taken.close();
      await rm(directory, { recursive: true, force: true });
    });
    const port = (): string => {
      const address = taken.address();
      return typeof address === 'object' && address ? String(address.port) : '';
    };

    const cases: [fault: string, env: () => Promise<Record<string, string>>, sentence: RegExp][] = [
      [
        'a Temporal that does not answer',
        async () => ({ TEMPORAL_ADDRESS: '127.0.0.1:1' }),
        /^no Temporal server answers on 127.0.0.1:1 /m,
      ],
      ...['AWS', 'STREAM'].map((name): (typeof cases)[number] => [
        `a port of ${name} in use`,
        async () => ({ TEMPORAL_ADDRESS: (await sharedTemporal()).address, [`${name}_PORT`]: port() }),
        new RegExp(`^port \\d+ is in use: stop what listens there, or choose another port with ${name}_PORT=`, 'm'),
      ]),
      [
        'a port of the worker in use',
        async () => ({ TEMPORAL_ADDRESS: (await sharedTemporal()).address, METRICS_PORT: port() }),
        /^port \d+ is in use: stop what listens there, or choose another port with METRICS_PORT=/m,
      ],
      [
        'a folder that is none',
        async () => ({ LOCAL_DIRECTORY: path.join(directory, 'file') }),
        /^LOCAL_DIRECTORY=.*file cannot be used; choose a folder that can be written to \(EEXIST/m,
      ],
      [
        'a folder that cannot be made',
        async () => ({ LOCAL_DIRECTORY: '/proc/none/state' }),
        /^LOCAL_DIRECTORY=\/proc\/none\/state cannot be used; choose a folder that can be written to \(/m,
      ],
      [
        'a policy of stream sessions that cannot be used',
        async () => {
          const state = await mkdtemp(path.join(directory, 'state-'));
          await writeFile(path.join(state, 'sessions-policy.json'), '{"version": 1}');
          return { TEMPORAL_ADDRESS: (await sharedTemporal()).address, LOCAL_DIRECTORY: state };
        },
        /^The policy of stream sessions in .*sessions-policy\.json cannot be used; mend it, .*caps/m,
      ],
      [
        'settings of the worker that make no sense',
        async () => ({ TEMPORAL_ADDRESS: (await sharedTemporal()).address, EVENT_RETRY_MAXIMUM_MS: '500' }),
        /EVENT_RETRY_MAXIMUM_MS=500 must not be below EVENT_RETRY_INITIAL_MS \(1000 by default\)/,
      ],
    ];
    for (const [fault, env, sentence] of cases) {
      it(fault, async () => {
        const { code, output } = await start(['--no-demo', '--quiet'], {
          LOCAL_DIRECTORY: path.join(directory, 'state'),
          ...Object.fromEntries(PORTS.map((name) => [`${name}_PORT`, '0'])),
          ...(await env()),
        });
        assert.match(output, sentence);
        assert.doesNotMatch(output, /^\s+at /m);
        assert.equal(code, 1);
      });
    }

    it('with the stack for whoever debugs', async () => {
      const { output } = await start(['--no-demo', '--quiet'], {
        LOCAL_DIRECTORY: path.join(directory, 'file'),
        LOG_LEVEL: 'debug',
      });
      assert.match(output, /^\s+at /m);
    });
  });

  it('refuses settings and flags it does not understand with 2', async () => {
    const [badFlag, badPort] = await Promise.all([start(['--frobnicate'], {}), start([], { STREAM_PORT: 'eight' })]);
    assert.equal(badFlag.code, 2);
    assert.match(badFlag.output, /--frobnicate[^]*--help/);
    assert.equal(badPort.code, 2);
    assert.match(badPort.output, /STREAM_PORT: must be a port number/);
  });
});

describe('the options of npm start', () => {
  it('ask for the demo unless told otherwise', () => {
    const none = { demo: true, exitAfterDemo: false, quiet: false, verbose: false, help: false };
    assert.deepEqual(parseStartOptions([]), none);
    assert.deepEqual(parseStartOptions(['--no-demo', '--verbose']), { ...none, demo: false, verbose: true });
  });

  it('that contradict each other, or are not known, are refused', () => {
    for (const words of [['--no-demo', '--exit-after-demo'], ['--quiet', '--verbose'], ['--nope'], ['demo']]) {
      assert.throws(() => parseStartOptions(words), UsageError);
    }
  });
});

async function start(
  words: readonly string[],
  env: Record<string, string>,
): Promise<{ code: unknown; output: string }> {
  const child = spawn(process.execPath, [path.join(PROJECT_DIRECTORY, 'local', 'start.ts'), ...words], {
    env: { ...inheritedEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const outcome: unknown[] = await closed;
  return { code: outcome[0], output: out + error };
}
