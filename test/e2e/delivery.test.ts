import assert from 'node:assert/strict';
import { eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import { eventually } from '../support/eventually.ts';
import { differences } from '../support/graph-check.ts';
import { startRunningStack, type RunningStack } from '../support/running-stack.ts';
import { generateTraffic, type Traffic } from '../support/traffic.ts';
import { extent } from '../support/extent.ts';

describe('delivery of many events', function () {
  this.timeout(240_000);
  let running: RunningStack;

  before(async function () {
    this.timeout(900_000);
    running = await startRunningStack({
      disorder: { seed: 11, duplicateRate: 0.05, reorderRate: 0.1 },
      // Patience cut down to what a test can wait for; the ways taken are the same.
      workerEnv: {
        EVENT_RESUMED_LINGER_MS: '2000',
        EVENT_RETRY_MAXIMUM_MS: '4000',
        BRIDGE_VISIBILITY_TIMEOUT_SECONDS: '10',
        BRIDGE_LONG_POLL_SECONDS: '10',
        SHUTDOWN_GRACE_MS: '20000',
      },
    });
  });
  after(() => running.stop());
  afterEach(() => running.setFaults([]));

  const isWritten = (traffic: Traffic, timeoutMs: number): Promise<void> =>
    eventually(
      async () => {
        assert.equal(await running.queued('queueUrl'), 0);
        assert.deepEqual(await differences(running.stream, traffic.expected), []);
      },
      { timeoutMs, intervalMs: 500 },
    );

  const conservationHolds = async (): Promise<void> => {
    await eventually(async () => {
      const { received, started, joined, deduplicated, rejected, returned, in_flight } = await running.counters();
      assert.equal(in_flight, 0);
      assert.equal(received, started + joined + deduplicated + rejected + returned);
    });
  };

  const events = extent(1_000, 200);
  it(`writes each effect of ${events} mixed events with 20 % duplicates exactly once`, async () => {
    const traffic = generateTraffic({ seed: 1, count: events, duplicates: 0.2 });
    const before = await running.counters();
    await running.publish(traffic.messages);
    await isWritten(traffic, 150_000);
    // The last messages may be delayed still, which `queued` leaves out.
    await eventually(
      async () => {
        const { received } = await running.counters();
        assert.ok(received - before.received >= events);
      },
      { timeoutMs: 30_000 },
    );
    await conservationHolds();
    assert.equal(await running.queued('deadLetterQueueUrl'), 0);
  });

  it('loses and doubles nothing when the worker process is killed in the middle', async () => {
    const traffic = generateTraffic({ seed: 2, count: 400, duplicates: 0.2 });
    const { received } = await running.counters();
    await running.publish(traffic.messages);
    await eventually(async () => assert.ok((await running.counters()).received > received + 60), { intervalMs: 20 });
    const pid = running.stack.worker?.pid;
    assert.ok(pid);
    process.kill(pid, 'SIGKILL');
    await eventually(() => assert.notEqual(running.stack.worker?.pid, pid), { timeoutMs: 60_000 });
    await isWritten(traffic, 150_000);
    await eventually(conservationHolds, { timeoutMs: 30_000 });
  });

  const outageMs = extent(20_000, 5_000);
  it(`applies everything after ${outageMs / 1_000} s of 503 and a rate limit, and nothing lands in a dead-letter queue`, async () => {
    const traffic = generateTraffic({ seed: 3, count: 120, duplicates: 0.2 });
    await running.setFaults(['POST', 'DELETE'].map((method) => ({ match: { method }, fault: 'error', status: 503 })));
    await running.publish(traffic.messages);
    const until = Date.now() + outageMs;
    await eventually(() => assert.ok(Date.now() >= until), { timeoutMs: 30_000, intervalMs: 500 });
    assert.ok((await differences(running.stream, traffic.expected)).length > 50, 'nothing was written meanwhile');
    await running.setFaults([{ match: { method: 'POST' }, fault: 'rateLimited', retryAfterMs: 3_000, times: 60 }]);
    await isWritten(traffic, 120_000);
    assert.ok((await running.streamAnswers(429)) >= 60);
    await conservationHolds();
    assert.equal(await running.queued('deadLetterQueueUrl'), 0);
  });

  it('parks a follow whose copy fails for good, with the follow undone', async () => {
    const traffic = generateTraffic({ seed: 4, count: 5, duplicates: 0 });
    const [source, target] = [`timeline:${traffic.messages.length}-${Date.now()}`, `user:target-${Date.now()}`];
    const [slug = '', user = ''] = target.split(':');
    await running.stream
      .feed(slug, user)
      .addActivities(Array.from({ length: 5 }, (_, index) => ({ actor: 'a', verb: 'Post', object: String(index) })));
    await running.setFaults([{ match: { method: 'POST', path: 'following' }, fault: 'partialCopy', copied: 2 }]);
    await running.publish([
      {
        topic: 'follow-relationships',
        body: { SourceFeedID: source, TargetFeedID: target, ActivityCopyLimit: 100 },
      },
    ]);
    const handle = running.temporal.workflow.getHandle(`follow/${source}/${target}`);
    await eventually(
      async () => {
        assert.equal((await handle.describe()).typedSearchAttributes.get(eventStatusKey), 'parked');
      },
      { timeoutMs: 60_000 },
    );
    const timeline = running.stream.feed('timeline', source.slice('timeline:'.length));
    assert.deepEqual((await timeline.following()).results, []);
    assert.deepEqual((await timeline.get()).results, []);
    await running.setFaults([]);
    await handle.signal('retry');
    await handle.result();
    assert.equal((await timeline.get()).results.length, 5);
  });
});
