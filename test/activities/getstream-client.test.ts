import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { StreamClient } from 'getstream';
import { decodeJwt } from 'jose';
import { connectToGetStream } from '../../activities/getstream-client.ts';
import { createStreamActivities } from '../../activities/stream-activities.ts';
import { startStreamServer, type StreamServer } from '../../local/stream/server.ts';

const TIMEOUT_MS = 15_000;
const DAY_MS = 86_400_000;

describe('the client of GetStream', () => {
  let server: StreamServer;
  before(async () => {
    server = await startStreamServer({ port: 0, apiKey: 'key', apiSecret: 'app-secret', rateLimits: false });
  });
  after(() => server.close());

  const connect = (options: { apiSecret?: string; nowMs?: () => number } = {}): StreamClient =>
    connectToGetStream({
      apiKey: 'key',
      apiSecret: 'app-secret',
      url: `${server.url}/`,
      timeoutMs: TIMEOUT_MS,
      ...options,
    });

  it('asks with tokens for just the resource, action and feed of each request, good for little longer than it', async () => {
    const client = connect();
    const sent: { readonly request: string; readonly token: string }[] = [];
    client.on('response', (...[, response]: unknown[]) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the client passes an answer of axios on
      const { method, url = '', headers } = (response as AnsweredRequest).config;
      sent.push({
        request: `${method.toUpperCase()} ${url.slice(client.enrichUrl('').length)}`,
        token: headers.Authorization,
      });
    });
    const activities = createStreamActivities(
      { quick: client, patient: client },
      { stateOf: () => Promise.resolve('applied') },
    );
    const run = <Input, Result>(activity: (input: Input) => Promise<Result>, input: Input): Promise<Result> =>
      new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') }).run(activity, input);

    const user = `u-${randomUUID()}`;
    const time = '2026-01-31T12:00:00.000000';
    const post = {
      feed: `user:${user}`,
      actor: user,
      verb: 'Post',
      object: '1',
      foreignId: `Post:${user}-1`,
      time,
      to: [],
      custom: {},
    };
    await run(activities.addActivity, post);
    assert.ok(await run(activities.hasActivity, post));
    const [activity] = (await client.feed('user', user).get()).results;
    const activityId = String(Reflect.get(Object(activity), 'id'));
    await run(activities.requireParent, { parent: { by: 'activityId', id: activityId } });
    const reaction = { reactionId: randomUUID(), kind: 'Like', activityId, userId: user, targetFeeds: [] };
    await run(activities.addReaction, reaction);
    assert.ok(await run(activities.hasReaction, reaction));
    await run(activities.removeReaction, reaction);
    const follow = { source: `timeline:${user}`, target: `user:${user}`, copyLimit: 10 };
    await run(activities.follow, follow);
    assert.ok(await run(activities.hasFollow, follow));
    await run(activities.confirmCopy, follow);
    assert.equal(await run(activities.undoFollow, { ...follow, sinceMs: 0 }), 'undone');
    await run(activities.unfollow, follow);
    await run(activities.removeActivity, post);

    const scopes = new Map(
      sent.map(({ request, token }) => {
        const { resource, action, feed_id, exp, ...more } = decodeJwt(token);
        assert.deepEqual(more, {}, request);
        const leftMs = Number(exp) * 1_000 - Date.now();
        assert.ok(leftMs > TIMEOUT_MS && leftMs <= TIMEOUT_MS + 61_000, `${request}: good for ${leftMs} ms`);
        return [request, `${String(resource)} ${String(action)} ${String(feed_id)}`];
      }),
    );
    assert.deepEqual(Object.fromEntries(scopes), {
      [`POST feed/user/${user}/`]: `feed write user${user}`,
      [`GET feed/user/${user}/`]: `feed read user${user}`,
      [`GET feed/timeline/${user}/`]: `feed read timeline${user}`,
      [`DELETE feed/user/${user}/${activityId}/`]: `feed delete user${user}`,
      'GET activities/': 'activities read *',
      'POST reaction/': 'reactions write *',
      [`GET reaction/${reaction.reactionId}/`]: 'reactions read *',
      [`DELETE reaction/${reaction.reactionId}/`]: 'reactions delete *',
      [`POST feed/timeline/${user}/following/`]: `follower write timeline${user}`,
      [`GET feed/timeline/${user}/following/`]: `follower read timeline${user}`,
      [`DELETE feed/timeline/${user}/following/user:${user}/`]: `follower delete timeline${user}`,
    });
    // None of them is good for what another was sent for, where their scopes differ.
    for (const { request } of sent) {
      const [method = '', path = ''] = request.split(' ');
      for (const other of sent.filter((each) => scopes.get(each.request) !== scopes.get(request))) {
        const headers = { authorization: other.token, 'content-type': 'application/json' };
        const body = method === 'POST' ? '{}' : null;
        const { status } = await fetch(`${client.enrichUrl(path)}?api_key=key`, { method, headers, body });
        assert.equal(status, 403, `${request} with the token of ${other.request}`);
        if (method === 'GET') break;
      }
    }
  });

  it('covers the requests that GetStream takes for many at once, and refuses those it knows no token for', async () => {
    const client = connect();
    const user = `u-${randomUUID()}`;
    await client.followMany?.([{ source: `timeline:${user}`, target: `user:${user}` }]);
    const activity = { actor: user, verb: 'Post', object: '1' };
    await client.addToMany?.(activity, [`user:${user}`]);
    await client.feed('user', user).addActivities([activity, { ...activity, object: '2' }]);
    assert.equal((await client.feed('user', user).get()).results.length, 3);
    await assert.rejects(client.collections.add('food', 'x', {}), /no token is known for .*collections/i);
  });

  it('goes by the clock of the server where its own is wrong, and asks twice only until it knows', async () => {
    const requests = async (): Promise<number> => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server of this project
      const { requests: counts } = (await (await fetch(`${server.url}/_control/stats`)).json()) as Stats;
      return Object.values(counts).reduce((sum, counted) => sum + counted.total, 0);
    };
    for (const [aheadMs, first] of [
      [0, 1],
      [-DAY_MS, 2],
      [DAY_MS, 1],
    ] as const) {
      const client = connect({ nowMs: () => Date.now() + aheadMs });
      const feed = client.feed('user', `u-${randomUUID()}`);
      const before = await requests();
      await feed.addActivity({ actor: 'a', verb: 'Post', object: '1' });
      assert.equal((await requests()) - before, first, `${aheadMs} ms ahead`);
      assert.equal((await feed.get()).results.length, 1);
      assert.equal((await requests()) - before, first + 1, `${aheadMs} ms ahead, later`);
    }
    for (const [aheadMs, asked] of [
      [0, 1],
      [-DAY_MS, 2],
    ] as const) {
      const client = connect({ apiSecret: 'another', nowMs: () => Date.now() + aheadMs });
      const before = await requests();
      await assert.rejects(client.feed('user', 'x').get(), /401/);
      assert.equal((await requests()) - before, asked, 'with a wrong secret');
    }
  });
});

interface AnsweredRequest {
  readonly config: {
    readonly method: string;
    readonly url?: string;
    readonly headers: { readonly Authorization: string };
  };
}

interface Stats {
  readonly requests: Readonly<Record<string, { readonly total: number }>>;
}
