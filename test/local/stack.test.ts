import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { commandOf } from '../../local/processes.ts';
import { LockHeldError } from '../../local/process-lock.ts';
import { LOCAL_AWS } from '../../local/stack-parts.ts';
import { startStack, type Stack } from '../../local/stack.ts';
import { clientConfig } from '../../local/topology.ts';
import { eventually } from '../support/eventually.ts';
import { sharedTemporal } from '../support/temporal.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';

describe('the local stack', function () {
  this.timeout(90_000);
  let stateDirectory: string;
  let stack: Stack | undefined;

  beforeEach(async () => {
    stateDirectory = await mkdtemp(path.join(tmpdir(), 'local-stack-'));
  });
  afterEach(async () => {
    await stack?.stop();
    stack = undefined;
    await rm(stateDirectory, { recursive: true, force: true });
  });

  it('says where everything is while it runs, and lets no second one run on its data', async () => {
    const { address } = await sharedTemporal();
    stack = await startStack({ stateDirectory, temporalAddress: address, worker: false, gateway: false });
    const file = path.join(stateDirectory, 'endpoints.json');
    const endpoints: unknown = JSON.parse(await readFile(file, 'utf8'));
    assert.deepEqual(endpoints, {
      temporal: address,
      namespace: 'default',
      aws: stack.aws.url,
      stream: stack.endpoints.stream,
      metrics: [],
    });
    await assert.rejects(
      startStack({ stateDirectory, temporalAddress: address, worker: false, gateway: false }),
      (error) => {
        assert.ok(error instanceof LockHeldError);
        assert.equal(error.holder.pid, process.pid);
        return true;
      },
    );
    assert.ok(await stat(file), 'the refused start leaves the running stack alone');

    await stack.stop();
    await assert.rejects(stat(file));
    await assert.rejects(fetch(stack.aws.url));
    await assert.rejects(fetch(stack.endpoints.stream.url));
  });

  it('takes over from one that was killed', async () => {
    const { address } = await sharedTemporal();
    await mkdir(stateDirectory, { recursive: true });
    const dead = { pid: 2 ** 22 + 1, command: 'node local/start.ts', children: [] };
    await writeFile(path.join(stateDirectory, 'stack.lock'), JSON.stringify(dead));
    await writeFile(path.join(stateDirectory, 'endpoints.json'), '{}');
    stack = await startStack({ stateDirectory, temporalAddress: address, worker: false, gateway: false });
    const lock: unknown = JSON.parse(await readFile(path.join(stateDirectory, 'stack.lock'), 'utf8'));
    assert.ok(typeof lock === 'object' && lock !== null && 'pid' in lock);
    assert.equal(lock.pid, process.pid);
  });

  it('stops what it had started when one part cannot start', async () => {
    const { address } = await sharedTemporal();
    stack = await startStack({ temporalAddress: address, worker: false, gateway: false });
    const ports = { stream: Number(new URL(stack.endpoints.stream.url).port) };
    await assert.rejects(
      startStack({ stateDirectory, temporalAddress: address, worker: false, gateway: false, ports }),
      /port \d+ is in use.*STREAM_PORT/,
    );
    await assert.rejects(stat(path.join(stateDirectory, 'stack.lock')));
  });

  it('writes what is published to GetStream, and starts a killed worker again', async () => {
    const events: string[] = [];
    const { address } = await sharedTemporal();
    stack = await startStack({
      temporalAddress: address,
      gateway: false,
      onEvent: (line) => events.push(line),
      workerEnv: { WORKFLOW_BUNDLE: await sharedWorkflowBundle() },
    });
    const { worker, routes, endpoints } = stack;
    assert.ok(worker);
    const first = worker.pid;
    process.kill(first, 'SIGKILL');
    await eventually(
      async () => {
        assert.notEqual(worker.pid, first);
        assert.ok((await fetch(`${worker.healthUrl}/readyz`)).ok);
      },
      { timeoutMs: 30_000 },
    );
    assert.match(events.join('\n'), new RegExp(`Worker ${first} died \\(signal SIGKILL\\)`));

    const sns = new SNSClient(clientConfig({ url: stack.aws.url, ...LOCAL_AWS }));
    await sns.send(
      new PublishCommand({
        TopicArn: routes.find(({ route }) => route.schema === 'follow')?.topicArn,
        Message: JSON.stringify({
          SourceFeedID: `timeline:stack-${first}`,
          TargetFeedID: 'user:somebody',
          ActivityCopyLimit: 0,
        }),
      }),
    );
    sns.destroy();
    await eventually(async () => {
      const stats = await fetch(`${endpoints.stream.url}/_control/stats`);
      assert.match(await stats.text(), /follow/);
    });
    const last = worker.pid;
    await stack.stop();
    assert.equal(await commandOf(last), undefined);
  });
});
