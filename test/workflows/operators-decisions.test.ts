import assert from 'node:assert/strict';
import type { ApplicationFailure } from '@temporalio/common';
import { eventQuery, retryUpdate, skipUpdate } from '../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { eventFailureKey, eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { startEventWorker, type EventWorkerFixture } from '../support/event-worker.ts';
import { postEvent } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { FakeStream, streamFailure } from '../support/fake-stream.ts';

/** No attempt is repeated, so that a failure parks at once. */
const BRIEF = { retryBudgetMs: 1, compensationBudgetMs: 1 };
const UNDO_FAILS = streamFailure(FAILURE_TYPES.notAllowed);

describe('what an operator decided on an event', function () {
  this.timeout(60_000);
  const noAbort = new AbortController().signal;
  const stream = new FakeStream();
  let fixture: EventWorkerFixture;

  before(async function () {
    this.timeout(900_000);
    fixture = await startEventWorker(stream.activities);
  });
  beforeEach(() => stream.reset());
  after(() => fixture.stop());

  const attributesOf = async (event: SocialEvent): Promise<readonly (string | undefined)[]> => {
    const { typedSearchAttributes } = await fixture.handle(event).describe();
    return [typedSearchAttributes.get(eventStatusKey), typedSearchAttributes.get(eventFailureKey)];
  };
  const isParkedFor = (event: SocialEvent, type: string): Promise<void> =>
    eventually(async () => assert.deepEqual(await attributesOf(event), ['parked', type]), { timeoutMs: 30_000 });
  const decide = async (event: SocialEvent, update: typeof skipUpdate): Promise<void> => {
    const { accepted } = await fixture.handle(event).executeUpdate(update, { args: [{}] });
    assert.ok(accepted);
  };
  const statusAtEnd = async (event: SocialEvent): Promise<string> => (await fixture.handle(event).result()).status;

  /** Parked, perhaps written, and then given up in vain. */
  const givenUpInVain = async (policy: object): Promise<SocialEvent> => {
    const event = postEvent();
    stream.always('addActivity', streamFailure(FAILURE_TYPES.ambiguous));
    await fixture.starter({ ...BRIEF, ...policy }).start(event, noAbort);
    await isParkedFor(event, FAILURE_TYPES.ambiguous);
    stream.next('removeActivity', UNDO_FAILS);
    await decide(event, skipUpdate);
    await isParkedFor(event, FAILURE_TYPES.compensationFailed);
    stream.calls.length = 0;
    stream.always('addActivity', undefined);
    return event;
  };

  it('is not turned round by the schedule of retries: given up, it is only taken back again', async () => {
    const event = await givenUpInVain({ autoRetryDelaysMs: [5_000], lateCommitMs: 1 });
    const { audit } = await fixture.handle(event).query(eventQuery);
    assert.deepEqual(audit, audit.slice(0, 1), 'the schedule was faster than the operator');
    assert.equal(await statusAtEnd(event), 'skipped');
    assert.deepEqual(new Set(stream.names()), new Set(['removeActivity']));
  });

  it('is turned round by an operator: a retry writes what could not be taken back', async () => {
    const event = await givenUpInVain({ lateCommitMs: 1 });
    await decide(event, retryUpdate);
    assert.equal(await statusAtEnd(event), 'applied');
    assert.deepEqual(stream.names(), ['addActivity']);
  });

  /** The next call waits until what it returns is called, with the failure that it is to end with. */
  const heldUp = (
    activity: 'removeActivity',
  ): { begun: Promise<void>; end: (failure?: ApplicationFailure) => void } => {
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<ApplicationFailure | undefined>();
    stream.next(activity, async () => {
      begun.resolve();
      const failure = await ended.promise;
      if (failure) throw failure;
      return undefined;
    });
    return { begun: begun.promise, end: ended.resolve };
  };

  /** Parked for a refusal, with an attempt before it that GetStream may carry out late: its undo, and the look that is held up. */
  const parkedWithLateWrite = async (): Promise<{ event: SocialEvent; look: ReturnType<typeof heldUp> }> => {
    const event = postEvent();
    stream.next('addActivity', streamFailure(FAILURE_TYPES.ambiguous), streamFailure(FAILURE_TYPES.invalidRequest));
    stream.next('removeActivity', { value: undefined });
    const look = heldUp('removeActivity');
    await fixture.starter({ lateCommitMs: 1_500 }).start(event, noAbort);
    await isParkedFor(event, FAILURE_TYPES.invalidRequest);
    return { event, look };
  };

  for (const [what, failure] of [
    ['fails', UNDO_FAILS],
    ['finds nothing wrong', undefined],
  ] as const) {
    it(`is carried out though it came during a look for a late write that ${what}`, async () => {
      const { event, look } = await parkedWithLateWrite();
      await look.begun;
      await decide(event, skipUpdate);
      look.end(failure);
      assert.equal(await statusAtEnd(event), 'skipped');
    });
  }
});
