import assert from 'node:assert/strict';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import { eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { postEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';
import { sharedTemporal } from '../support/temporal.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';
import { runProcess, type CliRun } from './support.ts';

describe('the command replay', function () {
  this.timeout(60_000);
  const stream = new FakeStream();
  let fixture: EventWorkerFixture;

  before(async function () {
    // The first run on a machine may have to build the Temporal server.
    this.timeout(900_000);
    fixture = await startEventWorker(stream.activities);
  });
  after(() => fixture.stop());

  const replay = async (...words: string[]): Promise<CliRun> => {
    const { address, namespace } = await sharedTemporal();
    const variables = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
    return runProcess(['replay', '--bundle', await sharedWorkflowBundle(), ...words], variables);
  };

  it('takes open and closed workflows from the server, by id and by query', async () => {
    const [closed, open] = [postEvent(), postEvent()];
    const noAbort = new AbortController().signal;
    await fixture.starter().start(closed, noAbort);
    await fixture.handle(closed).result();
    stream.always('addActivity', streamFailure(FAILURE_TYPES.notAllowed));
    await fixture.starter().start(open, noAbort);
    await eventually(async () => {
      assert.equal((await fixture.handle(open).describe()).typedSearchAttributes.get(eventStatusKey), 'parked');
    });

    const query = `EventActor IN ("${open.actor}", "${closed.actor}")`;
    await eventually(async () => assert.equal((await fixture.client.workflow.count(query)).count, 2));
    const { code, stdout } = await replay(eventWorkflowId(closed), '--query', query, '--last', '5');
    assert.equal(code, 0);
    assert.match(stdout, /3 histories replayed: 3 the same, 0 diverged, 0 failed\./);
    assert.ok(stdout.includes(eventWorkflowId(open)));

    const limited = await replay('--query', query, '--last', '1');
    assert.match(limited.stdout, /1 history replayed/);
    await fixture.handle(open).terminate();
  });

  it('says which workflow is not there', async () => {
    const { code, stderr } = await replay('activity/nothing');
    assert.equal(code, 1);
    assert.match(stderr, /no event has the workflow id "activity\/nothing"/);
  });
});
