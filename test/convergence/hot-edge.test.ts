import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client, type WorkflowExecutionInfo } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { withAttempts } from '../../activities/attempts.ts';
import { createTemporalStarter } from '../../bridge/start-event.ts';
import { retrySignal, type SocialEventWorkflow, eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import type { ReactionEvent } from '../../contracts/events/social-event.ts';
import { startTemporalServer, type TemporalServer } from '../../local/temporal-server.ts';
import { createEdgeDirectory } from '../../workers/edge-directory.ts';
import { TEST_POLICY } from '../support/event-worker.ts';
import { reactionEvent } from '../support/events.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';
import { eventually } from '../support/eventually.ts';
import { extent, someOf } from '../support/extent.ts';
import { installQuietRuntime } from '../support/quiet-runtime.ts';
import { temporalBinary } from '../support/temporal.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';

/** Temporal's limits on the events of a run, scaled down from 4,096 (asked to continue) and 51,200 (terminated). */
const SUGGESTED_AT = 120;
const TERMINATED_AT = 480;
/** Each leaves four events or more: far beyond the limit in all. Even, so that the second of each pair is the last. */
const TOGGLES = extent(160, 130);
const NAMESPACE = 'default';
const noAbort = new AbortController().signal;

interface WaitingPlace {
  readonly name: string;
  /** Makes the edge wait there with each toggle. */
  readonly hold: (stream: FakeStream) => void;
  /** What an edge is toggled to in turns. */
  readonly between: readonly [ReactionEvent['action'], ReactionEvent['action']];
}

const WRITES = ['addReaction', 'removeReaction'] as const;
const HELD = [...WRITES, 'requireParent'] as const;
const always = (stream: FakeStream, reply: Error): void => WRITES.forEach((write) => stream.always(write, reply));

const PLACES: readonly WaitingPlace[] = [
  { name: 'lingering', hold: () => undefined, between: ['Like', 'Unlike'] },
  {
    name: 'parked',
    hold: (stream) => always(stream, streamFailure(FAILURE_TYPES.notAllowed)),
    between: ['Like', 'Unlike'],
  },
  {
    name: 'being retried',
    hold: (stream) => always(stream, streamFailure(FAILURE_TYPES.unavailable)),
    between: ['Like', 'Unlike'],
  },
  {
    name: 'waiting for its parent',
    hold: (stream) => stream.always('requireParent', streamFailure(FAILURE_TYPES.parentMissing)),
    between: ['Star', 'Like'],
  },
];

describe('an edge toggled for ever', function () {
  this.timeout(240_000);
  let server: TemporalServer;
  let connection: NativeConnection;
  let client: Client;

  before(async function () {
    this.timeout(900_000);
    installQuietRuntime();
    server = await startTemporalServer({
      binary: await temporalBinary(),
      uiPort: 'none',
      dynamicConfig: [
        `limit.historyCount.suggestContinueAsNew=${SUGGESTED_AT}`,
        `limit.historyCount.error=${TERMINATED_AT}`,
        `limit.historyCount.warn=${TERMINATED_AT}`,
      ],
    });
    connection = await NativeConnection.connect({ address: server.address });
    client = new Client({ connection, namespace: NAMESPACE });
  });
  after(async () => {
    await connection.close();
    await server.stop();
  });

  it('continues as new in time wherever it waits, and ends with its last toggle', async () => {
    const places = someOf(PLACES, 2);
    const outcomes = await Promise.all(places.map((place) => toggleAt(place, client, connection)));
    for (const [index, { ended, longest, runs, last, calls }] of outcomes.entries()) {
      const name = places[index]?.name ?? '';
      assert.deepEqual(
        ended.filter((status) => status !== 'CONTINUED_AS_NEW' && status !== 'COMPLETED'),
        [],
        name,
      );
      assert.ok(runs > 1, `${name}: ${runs} run`);
      assert.ok(longest < TERMINATED_AT, `${name}: ${longest} events`);
      assert.equal(last, TOGGLES, `${name}: the event that decided`);
      assert.equal(calls.at(-1), places[index]?.between[1] === 'Unlike' ? 'removeReaction' : 'addReaction', name);
    }
  });
});

async function toggleAt({ hold, between }: WaitingPlace, client: Client, connection: NativeConnection) {
  const stream = new FakeStream();
  const taskQueue = `hot-${randomUUID()}`;
  const worker = await Worker.create({
    connection,
    namespace: NAMESPACE,
    taskQueue,
    workflowBundle: { codePath: await sharedWorkflowBundle() },
    activities: withAttempts(stream.activities, createEdgeDirectory(client)),
    shutdownGraceTime: 100,
  });
  const starter = createTemporalStarter({ client, taskQueue, policy: TEST_POLICY });
  const edge = randomUUID();
  const toggle = (at: number): ReactionEvent => ({
    ...reactionEvent({ edge, at }),
    action: between[(at + 1) % 2] ?? 'Like',
  });
  const workflowId = eventWorkflowId(toggle(0));
  return await worker.runUntil(async () => {
    // The first run of an edge does not linger: the toggles meet the second one.
    await starter.start(toggle(0), noAbort);
    await client.workflow.getHandle(workflowId).result();
    hold(stream);
    for (let at = 1; at <= TOGGLES; at++) await starter.start(toggle(at), noAbort);
    for (const activity of HELD) stream.always(activity, undefined);
    const last = await released(client, workflowId);
    const runs: WorkflowExecutionInfo[] = [];
    for await (const run of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) runs.push(run);
    return {
      ended: runs.map(({ status }) => status.name),
      longest: Math.max(...runs.map(({ historyLength }) => historyLength)),
      runs: runs.length,
      last,
      calls: stream.names().filter((name) => name !== 'requireParent'),
    };
  });
}

/** Releases what is parked, until no run is open. @returns time of the event that decided */
async function released(client: Client, workflowId: string): Promise<number | undefined> {
  const handle = client.workflow.getHandle<SocialEventWorkflow>(workflowId);
  await eventually(
    async () => {
      const { status, typedSearchAttributes } = await handle.describe();
      if (typedSearchAttributes.get(eventStatusKey) === 'parked') await handle.signal(retrySignal);
      assert.ok(status.name !== 'RUNNING' && status.name !== 'CONTINUED_AS_NEW', status.name);
    },
    { timeoutMs: 120_000, intervalMs: 500 },
  );
  return (await handle.result()).register?.eventTimeMicros;
}
