import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createEventsClient, type EventsClient } from '../../client/events.ts';
import { FAILURE_TYPES } from '../../contracts/failure-types.ts';
import { eventWorkflowId } from '../../contracts/workflow-ids.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { postEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';
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

  it('release the parked events of a query, after a look at what that would be', async () => {
    const { query, ids } = await park(5);
    const words = ['events', 'release', '--query', query, '--action', 'skip', '--rate', '50', '--by', 'eve'];
    const dry = await cli.run([...words, '--dry-run']);
    assert.match(dry.stdout, /Would skip 5 parked events/);
    assert.equal(await events.count({ query, status: 'parked' }), 5);

    const { code, data } = await cli.json(words);
    assert.equal(code, 0);
    assert.deepEqual(data, { found: 5, accepted: 5, refused: 0, gone: 0, unanswered: 0, interrupted: false });
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
