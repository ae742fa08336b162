import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createEventsClient, type EventsClient } from '../../client/events.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { WORKFLOW_TYPES } from '../../contracts/shared/names.ts';
import { eventActorKey, eventKindKey, eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import { eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { followEvent, postEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';
import { startFailingWorker } from '../client/support/failing-worker.ts';
import { CliFixture } from './support.ts';

describe('the commands for events', function () {
  this.timeout(60_000);
  const noAbort = new AbortController().signal;
  const stream = new FakeStream();
  let fixture: EventWorkerFixture;
  let events: EventsClient;
  let cli: CliFixture;

  before(async function () {
    // The first run on a machine may have to build the Temporal server.
    this.timeout(900_000);
    fixture = await startEventWorker(stream.activities);
    events = createEventsClient({ client: fixture.client });
    cli = await CliFixture.create();
  });
  beforeEach(() => stream.reset());
  after(async () => {
    await cli.remove();
    await fixture.stop();
  });

  const park = async (count: number): Promise<{ query: string; ids: string[] }> => {
    const actor = `actor-${randomUUID()}`;
    const query = `EventActor="${actor}"`;
    stream.always('addActivity', streamFailure(FAILURE_TYPES.notAllowed));
    const parked = Array.from({ length: count }, () => ({ ...postEvent(), actor }));
    await Promise.all(parked.map((event) => fixture.starter().start(event, noAbort)));
    await eventually(async () => assert.equal(await events.count({ query, status: 'parked' }), count));
    stream.always('addActivity', undefined);
    return { query, ids: parked.map((event) => eventWorkflowId(event)) };
  };

  it('list, show and retry an event, and say so when there is nothing to retry', async () => {
    const { query, ids } = await park(1);
    const [id = ''] = ids;
    const listed = await cli.run(['events', 'list', '--query', query, '--status', 'parked']);
    assert.equal(listed.code, 0);
    assert.ok(listed.stdout.includes(id));
    assert.match(listed.stderr, /Using the local stack/);

    const shown = await cli.run(['events', 'show', id]);
    assert.match(shown.stdout, /^status +parked/m);
    assert.match(shown.stdout, /^failure +NotAllowed: stand-in for NotAllowed$/m);
    assert.match(shown.stdout, /events retry activity/);

    const words = ['events', 'retry', id, '--by', 'eve', '--reason', 'policy mended'];
    assert.equal((await cli.run(words)).code, 0);
    await fixture.client.workflow.getHandle(id).result();
    const again = await cli.run(words);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /closed already \(applied\)/);
    const { data } = await cli.json(['events', 'show', id]);
    assert.equal(Reflect.get(Object(data), 'view').audit[0].reason, 'policy mended');
  });

  it('know no event by a wrong id, and refuse queries that make no sense', async () => {
    const missing = await cli.run(['events', 'show', 'activity/nothing']);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /no event has the workflow id "activity\/nothing"/);
    for (const query of ['(', 'NoSuchAttribute="x"']) {
      assert.equal((await cli.run(['events', 'list', '--query', query])).code, 2);
    }
    assert.equal((await cli.run(['events', 'list', '--query', `EventActor="${randomUUID()}"`])).stdout, 'No events.\n');
  });

  it('say what an id was meant to be that is not written as it is', async () => {
    stream.always('addActivity', streamFailure(FAILURE_TYPES.notAllowed));
    const actor = `zoë-${randomUUID()}`;
    const event = { ...postEvent(), actor, foreignId: `Post:${actor}-a b/50%` };
    await fixture.starter().start(event, noAbort);
    const id = eventWorkflowId(event);
    await eventually(async () => assert.equal((await events.inspect(id)).status, 'parked'));
    const written = [`activity/${event.foreignId}`, encodeURIComponent(id), event.foreignId];
    for (const other of written) {
      for (const command of ['show', 'retry', 'skip']) {
        const { code, stderr } = await cli.run(['events', command, other]);
        assert.equal(code, 1);
        assert.ok(stderr.includes(`did you mean ${id}?`), stderr);
      }
    }
    const { code, stderr } = await cli.run(['events', 'skip', ` ${id}\n`]);
    assert.equal(code, 0);
    assert.match(stderr, /Without --by, nobody will know/);
  });

  it('refuse ids of nothing and of workflows that are no events, and send those nothing', async () => {
    const workflowId = `stream-sessions/${randomUUID()}`;
    const other = await fixture.client.workflow.start('streamSessions', { workflowId, taskQueue: randomUUID() });
    const cases: [id: string, message: RegExp][] = [
      [workflowId, /is no event but a workflow of the type streamSessions/],
      ['activity/nothing', /no event has the workflow id "activity\/nothing", or its retention is over/],
      ['%', /no event has the workflow id "%"/],
      ['\u001B[2J', /no event has the workflow id/],
      [`activity/Post:${'x'.repeat(2_000)}`, /no event has the workflow id/],
    ];
    for (const [id, message] of cases) {
      for (const command of ['show', 'retry', 'skip']) {
        const { code, stderr } = await cli.run(['events', command, id]);
        assert.equal(code, 1, stderr);
        assert.match(stderr, message);
      }
    }
    const { events: history = [] } = await other.fetchHistory();
    assert.ok((history?.length ?? 0) <= 2, 'only its start');
    await other.terminate();
  });

  it('show what Temporal and the memo tell of an event that cannot answer, and how it is freed', async () => {
    const taskQueue = `broken-${randomUUID()}`;
    const worker = await startFailingWorker(taskQueue, 'Unknown encoding: binary/protobuf');
    const event = followEvent();
    const workflowId = eventWorkflowId(event);
    const handle = await fixture.client.workflow.start(WORKFLOW_TYPES.socialEvent, {
      workflowId,
      taskQueue,
      args: [{ event }],
      memo: {
        edge: {
          register: { eventTimeMicros: 1_769_860_800_000_001, present: false, tieBreak: '' },
          unsettled: followEvent({ kind: 'Follow', at: 1_769_860_800_000_002 }),
          note: ['of a later build'],
        },
      },
      staticSummary: 'timeline:alice follows user:bob',
      typedSearchAttributes: [
        { key: eventKindKey, value: 'follow' },
        { key: eventStatusKey, value: 'parked' },
      ],
    });
    await eventually(async () => assert.ok(((await events.inspect(workflowId)).taskFailure?.attempt ?? 0) >= 3), {
      timeoutMs: 30_000,
    });
    const { code, stdout } = await cli.run(['events', 'show', workflowId]);
    assert.equal(code, 0);
    for (const line of [
      /^status +parked \(workflow running\)$/m,
      /^event +timeline:alice follows user:bob$/m,
      /^last applied +removed since 2026-01-31 12:00:00\.000001Z$/m,
      /^not settled +Follow timeline:alice-\S+ user:bob of /m,
      /^edge note +\["of a later build"\]$/m,
      /^task fails +attempt \d+: Unknown encoding: binary\/protobuf$/m,
      /^ +temporal workflow reset --workflow-id follow\/\S+ --type LastWorkflowTask --reapply-exclude Signal --reason/m,
      /^ +temporal workflow delete --workflow-id follow\/\S+$/m,
    ]) {
      assert.match(stdout, line);
    }
    const retried = await cli.run(['events', 'retry', workflowId, '--by', 'eve']);
    assert.equal(retried.code, 1);
    assert.match(retried.stderr, /its workflow task fails \(attempt \d+\): Unknown encoding/);
    assert.match(retried.stderr, /What to do: npm run cli -- events show follow/);
    await worker.stop();
    await handle.terminate('by a test');
    const closed = await cli.run(['events', 'show', workflowId]);
    assert.match(closed.stdout, /^ending +terminated by .+: by a test$/m);
    assert.match(closed.stdout, /This run is closed: nobody can decide on it/);
    const skipped = await cli.run(['events', 'skip', workflowId, '--by', 'eve']);
    assert.equal(skipped.code, 1);
    assert.match(skipped.stderr, /closed already \(parked, workflow terminated\)/);
  });

  it('name each event that a release got no answer from, and end with code 1', async () => {
    const { query, ids } = await park(3);
    const actor = (await events.inspect(ids[0] ?? '')).actor ?? '';
    const taskQueue = `broken-${randomUUID()}`;
    const worker = await startFailingWorker(taskQueue, 'the cause of it');
    const broken = Array.from({ length: 25 }, () => `activity/Post:${actor}-${randomUUID()}`);
    await Promise.all(
      broken.map((workflowId) =>
        fixture.client.workflow.start(WORKFLOW_TYPES.socialEvent, {
          workflowId,
          taskQueue,
          args: [{ event: postEvent() }],
          typedSearchAttributes: [
            { key: eventStatusKey, value: 'parked' },
            { key: eventActorKey, value: actor },
          ],
        }),
      ),
    );
    await eventually(async () => assert.equal(await events.count({ query, status: 'parked' }), 28));
    const words = ['events', 'release', '--query', query, '--action', 'retry', '--rate', '100', '--by', 'eve'];
    const { code, data } = await cli.json(words);
    assert.equal(code, 1);
    const result = Object(data);
    assert.deepEqual([result.accepted, result.unanswered, result.unansweredEvents.length], [3, 25, 25]);

    const { code: again, stdout } = await cli.run(words);
    assert.equal(again, 1);
    assert.match(stdout, /^25 parked events found; retry: .*25 without an answer\.$/m);
    assert.equal(
      stdout.match(/^ {2}activity\/Post:\S+ {2}its workflow task fails \(attempt \d+\): the cause of it$/gm)?.length,
      20,
    );
    assert.match(stdout, /^ {2}and 5 more; --json names them all$/m);
    await worker.stop();
    await Promise.all(broken.map((id) => fixture.client.workflow.getHandle(id).terminate()));
  });

  it('release the parked events of a query, after a look at what that would be', async () => {
    const { query, ids } = await park(5);
    const words = ['events', 'release', '--query', query, '--action', 'skip', '--rate', '50', '--by', 'eve'];
    const dry = await cli.run([...words, '--dry-run']);
    assert.match(dry.stdout, /Would skip 5 parked events/);
    assert.equal(await events.count({ query, status: 'parked' }), 5);

    const { code, data } = await cli.json(words);
    assert.equal(code, 0);
    assert.deepEqual(data, {
      found: 5,
      accepted: 5,
      refused: 0,
      gone: 0,
      unanswered: 0,
      interrupted: false,
      unansweredEvents: [],
    });
    await Promise.all(ids.map((id) => fixture.client.workflow.getHandle(id).result()));
    assert.equal((await events.inspect(ids[0] ?? '')).status, 'skipped');
  });

  it('stop a release in order when they are interrupted', async () => {
    const { query } = await park(6);
    const abort = new AbortController();
    const release = cli.run(
      ['events', 'release', '--query', query, '--action', 'retry', '--rate', '0.5'],
      abort.signal,
    );
    await eventually(async () => assert.ok((await events.count({ query, status: 'applied' })) >= 1), {
      timeoutMs: 30_000,
    });
    abort.abort();
    const { code, stderr } = await release;
    assert.equal(code, 1);
    assert.match(stderr, /goes on with what is still parked/);
    assert.ok((await events.count({ query, status: 'parked' })) >= 1);
    await events.release({ query, action: 'skip', ratePerSecond: 100 });
  });
});
