import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import type { StreamActivities } from '../../activities/types.ts';
import { activityId } from '../../contracts/events/stream-activity-id.ts';
import { TASK_QUEUES } from '../../contracts/shared/names.ts';
import { startStreamServer, type StreamServer } from '../../local/stream/server.ts';
import { ensureNamespace, ensureSearchAttributes } from '../../local/temporal-namespace.ts';
import { startWorkerProcess, type WorkerProcess } from '../../local/worker-process.ts';
import { findSecrets, textWithin } from '../support/secret-search.ts';
import type { Fault } from '../support/stream-stage.ts';
import { sharedTemporal } from '../support/temporal.ts';

const SECRET = 'the-secret-of-the-app-0123456789';
const KEY = 'the-key-of-the-app-0123456789';
const PAYLOAD = 'what-a-user-wrote';
const TIME = '2026-01-31T12:00:00.000000';
const CALLS_AT_ONCE = 60;

/** An activity, and the request of it that fails. */
interface FailingCall {
  readonly name: keyof StreamActivities;
  readonly input: object;
  readonly match: Fault['match'];
  /** What must stand on GetStream for the request to be made. */
  readonly prepare?: (call: (name: keyof StreamActivities, input: object) => Promise<unknown>) => Promise<unknown>;
}

/** Every request that the activities make, with ids of its own in each call. */
const REQUESTS: Readonly<Record<string, (user: string) => FailingCall>> = {
  addActivity: (user) => ({
    name: 'addActivity',
    input: postOf(user),
    match: { method: 'POST', path: `/user/${user}/` },
  }),
  removeActivity: (user) => ({ name: 'removeActivity', input: postOf(user), match: { method: 'DELETE', path: user } }),
  hasActivity: (user) => ({ name: 'hasActivity', input: postOf(user), match: { query: idOf(user) } }),
  requireParent: (user) => ({
    name: 'requireParent',
    input: { parent: { by: 'activityId', id: idOf(user) } },
    match: { query: idOf(user) },
  }),
  addReaction: (user) => {
    const input = reactionOf(user);
    return { name: 'addReaction', input, match: { method: 'POST', body: input.reactionId } };
  },
  'addReaction, reading': (user) => {
    const input = reactionOf(user);
    return {
      name: 'addReaction',
      input: { ...input, kind: 'Star' },
      match: { method: 'GET', path: input.reactionId },
      prepare: (call) => call('addReaction', input),
    };
  },
  'removeReaction, reading': (user) => {
    const input = reactionOf(user);
    return { name: 'removeReaction', input, match: { path: input.reactionId } };
  },
  removeReaction: (user) => {
    const input = reactionOf(user);
    const match = { method: 'DELETE', path: input.reactionId };
    return { name: 'removeReaction', input, match, prepare: (call) => call('addReaction', input) };
  },
  hasReaction: (user) => {
    const input = reactionOf(user);
    return { name: 'hasReaction', input, match: { path: input.reactionId } };
  },
  follow: (user) => ({ name: 'follow', input: followOf(user), match: { method: 'POST', path: `/timeline/${user}/` } }),
  unfollow: (user) => ({ name: 'unfollow', input: followOf(user), match: { method: 'DELETE', path: user } }),
  hasFollow: (user) => ({ name: 'hasFollow', input: followOf(user), match: { path: `/timeline/${user}/` } }),
  confirmCopy: (user) => ({ name: 'confirmCopy', input: followOf(user), match: { path: `/user/${user}/` } }),
  'undoFollow, reading': (user) => ({
    name: 'undoFollow',
    input: { ...followOf(user), sinceMs: 0 },
    match: { method: 'GET', path: `/timeline/${user}/` },
  }),
  undoFollow: (user) => ({
    name: 'undoFollow',
    input: { ...followOf(user), sinceMs: 0 },
    match: { method: 'DELETE', path: `/timeline/${user}/` },
    prepare: (call) => call('follow', followOf(user)),
  }),
};

/** Ways in which a request fails: each class of failure, by each status that stands for it. */
const FAILURES: readonly (readonly [how: string, fault: Omit<Fault, 'match'>, told: RegExp])[] = [
  ...[400, 401, 403, 503, 504].map(
    (status) => [`HTTP ${status}`, { fault: 'error', status }, new RegExp(`HTTP ${status}`)] as const,
  ),
  ['a rate limit', { fault: 'rateLimited', retryAfterMs: 1_000 }, /HTTP 429/],
  ['silence', { fault: 'commitThenHang' }, /timeout of/],
  ['an echo of the request', { fault: 'error', status: 400, echoes: true }, /HTTP 400/],
];

describe('no secret leaves a worker of events', function () {
  this.timeout(180_000);
  const lines: string[] = [];
  let directory: string;
  let server: StreamServer;
  let worker: WorkerProcess;
  let client: Client;

  before(async function () {
    this.timeout(900_000);
    directory = await mkdtemp(path.join(tmpdir(), 'secrets-'));
    const bundle = path.join(directory, 'bundle.js');
    const { code } = await bundleWorkflowCode({
      workflowsPath: path.join(import.meta.dirname, 'support', 'call-activity.ts'),
      logger: new DefaultLogger('ERROR'),
    });
    await writeFile(bundle, code);
    server = await startStreamServer({ port: 0, apiKey: KEY, apiSecret: SECRET, rateLimits: false });
    const { address, connection } = await sharedTemporal();
    const namespace = path.basename(directory);
    await ensureNamespace(connection, { namespace });
    await ensureSearchAttributes(connection, namespace);
    client = new Client({ connection, namespace });
    worker = await startWorkerProcess({
      temporalAddress: address,
      namespace,
      awsUrl: 'http://127.0.0.1:9',
      stream: { url: server.url, apiKey: KEY, apiSecret: SECRET, appId: '1' },
      roles: 'events',
      logLevel: 'debug',
      env: { WORKFLOW_BUNDLE: bundle, STREAM_TIMEOUT_MS: '2000', EVENT_FAST_ATTEMPT_TIMEOUT_MS: '2500' },
      onLine: (line) => lines.push(line),
    });
    await worker.ready();
  });
  after(async () => {
    worker?.kill('SIGKILL');
    await worker?.exited;
    await server?.close();
    if (directory) await rm(directory, { recursive: true });
  });

  const call = async (name: keyof StreamActivities, input: object): Promise<unknown> =>
    await client.workflow.execute('callActivity', {
      workflowId: `call-${randomUUID()}`,
      taskQueue: TASK_QUEUES.socialEvents,
      args: [name, input],
    });

  const arm = async (fault: Fault): Promise<void> => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify([fault]);
    const answer = await fetch(`${server.url}/_control/faults`, { method: 'POST', headers, body });
    assert.ok(answer.ok, await answer.text());
  };

  it('whichever request of whichever activity fails in whatever way, first in a workflow task and then by itself', async () => {
    const cases = Object.entries(REQUESTS).flatMap(([request, make]) =>
      FAILURES.map(([how, fault]) => ({ title: `${request}: ${how}`, fault, ...make(`u-${randomUUID()}`) })),
    );
    const waiting = [...cases];
    const next = async (): Promise<void> => {
      for (let each = waiting.pop(); each; each = waiting.pop()) {
        const { title, fault, match, name, input, prepare } = each;
        await prepare?.(call);
        await arm({ ...fault, match });
        // What is written without an answer needs no second write.
        assert.ok(Number(await call(name, input)) >= (fault.fault === 'commitThenHang' ? 1 : 2), title);
      }
    };
    await Promise.all(Array.from({ length: CALLS_AT_ONCE }, next));

    const log = lines.join('\n');
    // Had nothing been told, nothing would have been searched.
    for (const [how, , told] of FAILURES) assert.match(log, told, how);
    const told = lines.filter((line) => /"msg":"Activity failed"/.test(line)).length;
    assert.ok(told >= cases.length, `${told} failures of ${cases.length} calls were logged`);
    assert.deepEqual(findSecrets(log, [SECRET, KEY]), []);
    const page = await (await fetch(worker.metricsUrl)).text();
    assert.match(page, /temporal_activity_execution_failed/);
    assert.deepEqual(findSecrets(page, [SECRET, KEY]), []);
    const unechoed = lines.filter((line) => !line.includes('injected fault: {'));
    assert.doesNotMatch(unechoed.join('\n'), new RegExp(`${PAYLOAD}|x-stream-client`, 'i'), 'nothing of a request');
    const histories: string[] = [];
    for await (const { history } of client.workflow.list().intoHistories()) histories.push(textWithin(history));
    assert.deepEqual(findSecrets(histories.join('\n'), [SECRET, KEY]), []);
    const telling = histories.filter((text) => /HTTP \d{3}|timeout of/.test(text)).length;
    assert.ok(telling >= cases.length, `${telling} histories tell of a failure`);
  });
});

function postOf(user: string) {
  const post = {
    feed: `user:${user}`,
    actor: user,
    verb: 'Post',
    object: PAYLOAD,
    foreignId: `Post:${user}-1`,
    time: TIME,
  };
  return { ...post, to: [], custom: { hash_tags: [PAYLOAD] } };
}

function idOf(user: string): string {
  return activityId(`Post:${user}-1`, Date.parse(`${TIME}Z`) * 1_000);
}

function reactionOf(user: string) {
  return { reactionId: randomUUID(), kind: 'Like', activityId: randomUUID(), userId: user, targetFeeds: [] };
}

function followOf(user: string) {
  return { source: `timeline:${user}`, target: `user:${user}`, copyLimit: 5 };
}
