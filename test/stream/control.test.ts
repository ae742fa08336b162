import assert from 'node:assert/strict';
import { PUBLISHED_QUOTAS } from '../../local/stream/rate-limits.ts';
import { eventually } from '../support/eventually.ts';
import {
  KEY,
  LIMITED,
  type TestServer,
  asRecord,
  at,
  post,
  read,
  refused,
  sequence,
  startTestServer,
  uniqueFeed,
} from './helpers.ts';

describe('Stream server: faults and counters', () => {
  let test: TestServer;
  beforeEach(async () => {
    test = await startTestServer();
  });
  afterEach(() => test.server.close());

  const effects = async (): Promise<unknown> => at(await test.control('GET', 'stats'), 'effects');

  it('answers an injected error and writes nothing, as often as told', async () => {
    const feed = uniqueFeed(test.client, 'user');
    const fault = { match: { method: 'POST', path: '^/feed/user/' }, fault: 'error', times: 2 };
    assert.deepEqual(await test.control('POST', 'faults', [fault]), { faults: 1 });
    const broken = { status: 503, code: -1, exception: 'InjectedFault' };
    await refused(feed.addActivity(post()), broken);
    assert.deepEqual(await read(feed), []);
    await refused(feed.addActivity(post()), broken);
    await feed.addActivity(post());
    assert.equal((await read(feed)).length, 1);
  });

  it('finds requests by what their queries ask for, and repeats them in its words when told', async () => {
    const [feed, other] = [uniqueFeed(test.client, 'user'), uniqueFeed(test.client, 'user')];
    const [wanted, unwanted] = [await feed.addActivity(post()), await other.addActivity(post())];
    const injected = { status: 400, code: -1, exception: 'InjectedFault' };
    const fault = { match: { query: wanted.id }, fault: 'error', status: 400, echoes: true };
    await test.control('POST', 'faults', [fault]);
    assert.equal((await test.client.getActivities({ ids: [unwanted.id] })).results.length, 1);
    const told = await refused(test.client.getActivities({ ids: [wanted.id] }), injected);
    assert.match(
      String(told.detail),
      new RegExp(`injected fault: .*activities/\\?.*${wanted.id}.*"authorization":"eyJ`),
    );
  });

  it('limits as Stream does, saying when to come again', async () => {
    await test.control('POST', 'faults', [{ match: {}, fault: 'rateLimited', retryAfterMs: 2500, times: 1 }]);
    const before = Date.now();
    const request = uniqueFeed(test.client, 'user').get();
    const error = await request.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    const reset = Number(at(error, 'response', 'headers', 'x-ratelimit-reset'));
    assert.ok(reset * 1000 >= before + 2500 && reset * 1000 <= Date.now() + 3500, String(reset));
    assert.equal(at(error, 'response', 'headers', 'x-ratelimit-remaining'), '0');
    await refused(request, LIMITED);
    assert.equal((await test.control('GET', 'stats')).rateLimited, 1);
  });

  it('commits, then never answers', async () => {
    const feed = uniqueFeed(test.client, 'user');
    await test.control('POST', 'faults', [{ match: { method: 'POST' }, fault: 'commitThenHang', times: 1 }]);
    const url = `${test.server.url}/api/v1.0/feed/user/${feed.userId}/?api_key=${KEY}`;
    // Given up by hand: a time-out could be over before the server has read the request.
    const giveUp = new AbortController();
    const hanging = fetch(url, {
      method: 'POST',
      headers: { authorization: feed.token },
      body: JSON.stringify(post()),
      signal: giveUp.signal,
    });
    const unanswered = assert.rejects(hanging, { name: 'AbortError' });
    await eventually(async () => {
      assert.deepEqual(at(await test.control('GET', 'stats'), 'requests', 'POST /feed/:slug/:id/'), {
        total: 1,
        byStatus: { hung: 1 },
      });
    });
    assert.equal((await read(feed)).length, 1);
    giveUp.abort();
    await unanswered;
  });

  it('makes the relation but copies only a part', async () => {
    const [user, one, two] = ['user', 'timeline', 'timeline'].map((slug) => uniqueFeed(test.client, slug));
    assert.ok(user && one && two);
    await user.addActivities(sequence(5).map((n) => post({ n })));
    await test.control('POST', 'faults', [{ match: {}, fault: 'partialCopy', copied: 2, times: 1 }]);
    await one.follow('user', user.userId);
    await two.follow('user', user.userId);
    assert.deepEqual([(await read(one)).length, (await read(two)).length], [2, 5]);
    assert.equal((await one.following()).results.length, 1);
  });

  it('delays, and forgets faults that are cleared', async () => {
    const feed = uniqueFeed(test.client, 'user');
    await test.control('POST', 'faults', [
      { match: {}, fault: 'delay', delayMs: 60, times: 1 },
      { match: {}, fault: 'error' },
    ]);
    const start = performance.now();
    await feed.get();
    assert.ok(performance.now() - start >= 55);
    assert.deepEqual(await test.control('DELETE', 'faults'), { faults: 0 });
    await feed.get();
  });

  it('says what is wrong with a fault', async () => {
    for (const fault of [
      { fault: 'none' },
      { fault: 'error', status: 200 },
      { fault: 'error', match: { path: '(' } },
      { fault: 'error', match: { body: '(' } },
      { fault: 'commitLate', delayMs: -1 },
      { fault: 'commitLate', answers: 'yes' },
    ]) {
      assert.equal(typeof (await test.control('POST', 'faults', [fault])).detail, 'string');
    }
    assert.deepEqual(await test.control('DELETE', 'faults'), { faults: 0 });
  });

  it('counts what was written, and only that', async () => {
    const [user, timeline] = ['user', 'timeline'].map((slug) => uniqueFeed(test.client, slug));
    assert.ok(user && timeline);
    const activity = post({ foreign_id: 'a', time: new Date().toISOString() });
    const { id } = await user.addActivity(activity);
    await user.addActivity(activity);
    await assert.rejects(user.addActivities([post(), { ...post(), verb: '' }]));
    for (const _ of sequence(2)) await timeline.follow('user', user.userId);
    for (const _ of sequence(2)) await timeline.unfollow('user', user.userId);
    await test.client.reactions.add('like', id, {}, { userId: 'a', id: 'r' });
    await assert.rejects(test.client.reactions.add('like', id, {}, { userId: 'a', id: 'r' }));
    await test.client.reactions.delete('r');
    await user.removeActivity(id);
    const counted = Object.entries(asRecord(await effects())).filter(([, times]) => times !== 0);
    assert.deepEqual(Object.fromEntries(counted), {
      activitiesCreated: 1,
      activitiesOverwritten: 1,
      activitiesRemoved: 1,
      followsCreated: 1,
      followsRepeated: 1,
      unfollows: 1,
      unfollowsRepeated: 1,
      reactionsCreated: 1,
      reactionConflicts: 1,
      reactionsDeleted: 1,
    });
    assert.deepEqual(at(await test.control('GET', 'stats'), 'requests', 'POST /feed/:slug/:id/'), {
      total: 3,
      byStatus: { 201: 2, 400: 1 },
    });
    await test.control('DELETE', 'stats');
    assert.deepEqual(at(await test.control('GET', 'stats'), 'requests'), {});
  });

  it('empties the store', async () => {
    const feed = uniqueFeed(test.client, 'user');
    await feed.addActivity(post());
    await test.control('DELETE', 'data');
    assert.deepEqual(await read(feed), []);
  });

  it('has no control routes when they are switched off', async () => {
    const closed = await startTestServer({ control: false });
    assert.equal((await fetch(`${closed.server.url}/_control/stats`)).status, 404);
    await closed.server.close();
  });
});

describe('Stream server: rate limits', () => {
  it('counts each endpoint group in three windows, and opens again when they end', async () => {
    let now = Date.UTC(2026, 0, 1, 12, 0, 30);
    const quota = { minute: 2, quarterHour: 3, hour: 100 };
    const test = await startTestServer({ rateLimits: { readFeed: quota }, nowMillis: () => now });
    const feed = uniqueFeed(test.client, 'user');
    const responses: unknown[] = [];
    test.client.on('response', (...args: unknown[]) => responses.push(args[1]));
    const header = (name: string): number => Number(at(responses.at(-1), 'headers', `x-ratelimit-${name}`));

    await feed.get();
    const seconds = (minute: number): number => Date.UTC(2026, 0, 1, 12, minute) / 1000;
    assert.deepEqual([header('limit'), header('remaining'), header('reset')], [2, 1, seconds(1)]);
    await feed.get();
    await refused(feed.get(), LIMITED);
    await feed.addActivity(post());
    now += 60_000;
    await feed.get();
    assert.deepEqual([header('limit'), header('remaining'), header('reset')], [3, 0, seconds(15)]);
    await refused(feed.get(), LIMITED);
    now += 15 * 60_000;
    await feed.get();
    await test.server.close();
  });

  it('keeps unfollow_many closed until it is given a quota', async () => {
    const closed = await startTestServer({ rateLimits: true });
    const body = await refused(closed.client.unfollowMany([]), LIMITED);
    assert.equal(body.detail, 'Too many requests, check response headers for more information.');
    await closed.server.close();
    const open = await startTestServer({ rateLimits: { unfollowMany: PUBLISHED_QUOTAS.unfollow } });
    await open.client.unfollowMany([]);
    await open.server.close();
  });
});
