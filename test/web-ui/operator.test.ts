import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Browser } from 'playwright-core';
import { eventually } from '../support/eventually.ts';
import { launchChromium, whyNoChromium } from '../support/chromium.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { startUiStack, type UiStack } from './support/ui-stack.ts';
import { WebUi } from './support/web-ui.ts';

const PARKED = 'EventStatus="parked" AND ExecutionStatus="Running"';
const RETRIED = 'EventStatus="pending" AND ExecutionStatus="Running" AND EventFailure IS NOT NULL';

describe('events in the Web UI of Temporal, by hand', function () {
  this.timeout(180_000);
  const run = randomUUID().slice(0, 4);
  const alice = `alice-${run}`;
  const carol = `carol-${run}`;
  let stack: UiStack;
  let browser: Browser | undefined;
  let ui: WebUi;

  before(async function () {
    this.timeout(900_000);
    skipWhereMissing(this, await whyNoChromium());
    stack = await startUiStack();
    browser = await launchChromium();
    const { url, namespace } = stack;
    ui = await WebUi.open(browser, { url, namespace, pictures: process.env['WEB_UI_SCREENSHOTS'] });
    await stack.setFaults([
      { match: { method: 'POST', path: `feed/user/${alice}` }, fault: 'error', status: 403 },
      { match: { method: 'POST', path: `feed/user/${carol}` }, fault: 'error', status: 503 },
      { match: { method: 'POST', path: 'following' }, fault: 'partialCopy', copied: 0 },
    ]);
    await stack.stream.feed('user', 'bob').addActivity({ actor: 'bob', verb: 'Post', object: '1' });
    await Promise.all([
      ...['1', '2', '3', '4', '5'].map((object) => publishPost(alice, object)),
      publishPost(carol, '1'),
      stack.publish('follow-relationships', {
        SourceFeedID: `timeline:${alice}`,
        TargetFeedID: 'user:bob',
        ActivityCopyLimit: 10,
      }),
    ]);
    await eventually(
      async () => {
        for (const object of ['1', '2', '3', '4', '5']) await hasStatus(postId(alice, object), 'parked');
        await hasStatus(followId(), 'parked');
        // The UI shows the visibility list.
        assert.deepEqual([await stack.listed(PARKED), await stack.listed(RETRIED)], [6, 1]);
      },
      { timeoutMs: 120_000, intervalMs: 200 },
    );
  });
  after(async () => {
    await browser?.close();
    await stack?.stop();
  });

  const postId = (actor: string, object: string) => `activity/Post:${actor}-${object}`;
  const followId = () => `follow/timeline:${alice}/user:bob`;
  const publishPost = (actor: string, object: string) =>
    stack.publish('activities', {
      Actor: actor,
      Verb: 'Post',
      ObjectID: object,
      FeedType: 'User',
      CreatedAt: '2026-01-31T12:00:00Z',
      ForeignID: `Post:${actor}-${object}`,
    });
  const hasStatus = async (workflowId: string, status: string) => {
    assert.equal(await stack.eventStatus(workflowId), status);
  };
  const reaches = (workflowId: string, status: string) =>
    eventually(() => hasStatus(workflowId, status), { timeoutMs: 30_000 });
  const written = async (): Promise<string[]> => {
    const { results } = await stack.stream.feed('user', alice).get();
    return results.map((activity) => String(Reflect.get(activity, 'foreign_id')));
  };

  it('lists parked events by a query, and says of one what failed and what to do', async () => {
    await ui.list(PARKED);
    await ui.link(followId()).waitFor();
    await ui.link(postId(alice, '1')).waitFor();
    assert.equal(await ui.link(postId(carol, '1')).count(), 0);
    await ui.picture('parked-list');

    await ui.openFromList(postId(alice, '1'));
    const attributes = await ui.searchAttributes();
    assert.match(attributes, /"EventStatus": "parked"/);
    assert.match(attributes, /"EventFailure": "NotAllowed"/);
    assert.match(attributes, new RegExp(`"EventActor": "${alice}"`));

    await ui.openMetadata();
    await ui.summary.getByText(`Post:${alice}-1 in user:${alice}`).waitFor();
    const details = ui.currentDetails;
    assert.match(await details.locator('strong').first().innerText(), /^Parked/);
    await details.getByText(/HTTP 403/).waitFor();
    await details
      .getByText(/NotAllowed/)
      .first()
      .waitFor();
    for (const choice of ['retry', 'skip']) await details.locator('code', { hasText: choice }).first().waitFor();
    await ui.picture('parked-details');
  });

  it('says of a follow that was undone what was taken back', async () => {
    await ui.list(`${PARKED} AND EventFailure="CopyIncomplete"`);
    await ui.openFromList(followId());
    await ui.openMetadata();
    await ui.currentDetails
      .getByText(/Undone/)
      .first()
      .waitFor();
    await ui.text(`undo: timeline:${alice} follows user:bob`).waitFor();
  });

  it('shows an event that is being retried, with the failure of its last attempt', async () => {
    await ui.list(RETRIED);
    await ui.openFromList(postId(carol, '1'));
    assert.match(await ui.searchAttributes(), /"EventFailure": "Unavailable"/);
    await ui.openPendingActivities();
    await ui.text(/HTTP 503/).waitFor();
  });

  it('skips one by a signal without an argument', async () => {
    await ui.list(PARKED);
    await ui.openFromList(postId(alice, '4'));
    await ui.choose('Send a Signal', 'skip');
    await ui.submit('Send a Signal');
    await reaches(postId(alice, '4'), 'skipped');
    await ui.openMetadata();
    await ui.currentDetails.getByText(/^Skipped/).waitFor();
  });

  it('gives one up by its cancellation', async () => {
    await ui.list(PARKED);
    await ui.openFromList(postId(alice, '5'));
    await ui.requestCancellation();
    await reaches(postId(alice, '5'), 'compensated');
    await ui.openMetadata();
    await ui.currentDetails.getByText(/^Compensated/).waitFor();
  });

  it('retries, once what was wrong is mended, by a signal with who and why', async () => {
    await stack.setFaults([]);
    await ui.list(PARKED);
    await ui.openFromList(postId(alice, '1'));
    assert.match(await ui.choose('Send a Signal', 'retry'), /"by": .*"reason": /);
    await ui.submit('Send a Signal', { by: 'kim', reason: 'policy mended' }, 'retry-dialog');
    await reaches(postId(alice, '1'), 'applied');
    await ui.openMetadata();
    await ui.currentDetails.getByText(/^Applied/).waitFor();
    await ui.currentDetails.getByText(/kim/).waitFor();
    await ui.currentDetails.getByText(/policy mended/).waitFor();
    await ui.picture('applied-details');
    assert.ok((await written()).includes(`Post:${alice}-1`));
  });

  it('retries by a signal without an argument, and by an update with and without one', async () => {
    const ways = [
      ['2', 'Send a Signal', undefined],
      ['3', 'Send an Update', { by: 'kim', reason: 'policy mended' }],
    ] as const;
    for (const [object, dialog, argument] of ways) {
      await ui.list(PARKED);
      await ui.openFromList(postId(alice, object));
      await ui.choose(dialog, 'retry');
      await ui.submit(dialog, argument);
      await reaches(postId(alice, object), 'applied');
    }
    await ui.list(PARKED);
    await ui.openFromList(followId());
    await ui.choose('Send an Update', 'retry');
    await ui.submit('Send an Update');
    await reaches(followId(), 'applied');
    assert.deepEqual((await written()).toSorted(), [`Post:${alice}-1`, `Post:${alice}-2`, `Post:${alice}-3`]);
    const { results } = await stack.stream.feed('timeline', alice).get();
    assert.equal(results.length, 1);
  });
});
