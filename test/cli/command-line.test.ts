import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { COMMANDS } from '../../cli/commands.ts';
import { sharedTemporal } from '../support/temporal.ts';
import { runWords } from './support.ts';

describe('the command line', function () {
  this.timeout(120_000);

  it('shows all commands when it is given none, and help when asked', async () => {
    for (const words of [[], ['--help'], ['help'], ['-h']]) {
      const { code, stdout } = await runWords(words);
      assert.equal(code, 0, words.join(' '));
      for (const { name } of COMMANDS) assert.ok(stdout.includes(name), name);
    }
    const group = await runWords(['dead-letters', '--help']);
    assert.equal(group.code, 0);
    assert.ok(!group.stdout.includes('events list'));
    assert.equal((await runWords(['events'])).code, 2);
  });

  it('has a help for every command, which names each of its options', async () => {
    for (const { name, load } of COMMANDS) {
      const { code, stdout } = await runWords([...name.split(' '), '--help']);
      assert.equal(code, 0, name);
      assert.ok(stdout.includes(`npm run cli -- ${name}`));
      for (const option of Object.keys((await load()).options)) assert.ok(stdout.includes(`--${option}`), option);
    }
  });

  it('refuses what it does not know, by name and with exit code 2', async () => {
    const cases: [words: string[], message: RegExp][] = [
      [['event', 'list'], /no command "event list"/],
      [['events', 'lst'], /no command "events lst"/],
      [['events', 'list', '--stauts', 'parked'], /--stauts/],
      [['events', 'list', '--status', 'partked'], /--status: must be one of pending, applied/],
      [['events', 'list', '--limit', '0'], /--limit: must be a whole number, 1 to/],
      [['events', 'list', 'EventKind="follow"'], /options only/],
      [['events', 'show'], /exactly one workflow id/],
      [['events', 'show', 'a', 'b'], /exactly one workflow id/],
      [['events', 'retry', 'a', '--by', ' '], /--by: must not be empty/],
      [['events', 'release'], /--action: must be retry or skip/],
      [['events', 'release', '--action', 'retry', '--rate', '-1'], /rate/],
      [['events', 'release', '--action', 'retry', '--rate', '0'], /--rate: must be above 0/],
      [['dead-letters', 'redrive', '--reason', '('], /--reason: Invalid regular expression/],
      [['dead-letters', 'show'], /exactly one message id/],
      [['replay'], /name what to replay/],
      [['replay', 'x', '--last', '3'], /--last: goes with --query/],
    ];
    for (const [words, message] of cases) {
      const { code, stdout, stderr } = await runWords(words);
      assert.equal(code, 2, words.join(' '));
      assert.match(stderr, message);
      assert.equal(stdout, '');
    }
  });

  it('says of each file that is no history which it is and what it holds, with exit code 2', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'history-'));
    const cases: Readonly<Record<string, [content: string, message: RegExp]>> = {
      'empty.json': ['', /it is empty/],
      'page.json': ['<html>', /it is an HTML page/],
      'decoded.json': [
        `[{"eventId": 1, "eventType": "WorkflowExecutionStarted", "workflowExecutionStartedEventAttributes": {"input": [1]}}]`,
        /its payloads were decoded/,
      ],
      'future.json': ['[{"eventId": 1, "eventType": "X", "xEventAttributes": {}}]', /unknown type X/],
    };
    for (const [name, [content, message]] of Object.entries(cases)) {
      const file = path.join(directory, name);
      await writeFile(file, content);
      const { code, stderr } = await runWords(['replay', '--history', file]);
      assert.equal(code, 2, stderr);
      assert.ok(stderr.startsWith(`${file}: `), stderr);
      assert.match(stderr, message);
    }
    assert.equal((await runWords(['replay', '--history', path.join(directory, 'missing.json')])).code, 2);
    await rm(directory, { recursive: true });
  });

  it('says where Temporal is not, and what to do', async () => {
    const environment = { TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const { code, stderr } = await runWords(['events', 'list'], environment);
    assert.equal(code, 1);
    assert.match(stderr, /cannot be reached at 127\.0\.0\.1:1; set TEMPORAL_ADDRESS, or start the local stack/);
  });

  it('says in one line what keeps it from its work, without a stack', async () => {
    const { address } = await sharedTemporal();
    const sqs = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };
    const cases: [words: string[], environment: Record<string, string>, message: RegExp][] = [
      [
        ['events', 'list'],
        { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: 'nowhere' },
        /^Namespace not found: 'nowhere'/,
      ],
      [['sessions', 'list', 'eve'], { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: 'nowhere' }, /nowhere/],
      [['dead-letters', 'list'], { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', ...sqs }, /queue .* could not be looked up/],
    ];
    for (const [words, environment, message] of cases) {
      const { code, stderr } = await runWords(words, environment);
      assert.match(stderr, message);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
      assert.equal(code, 1);
    }
  });
});
