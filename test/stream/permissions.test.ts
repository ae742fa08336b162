import assert from 'node:assert/strict';
import { JWTScopeToken, type StreamClient } from 'getstream';
import {
  FORBIDDEN,
  INPUT,
  KEY,
  MISSING,
  SECRET,
  type TestServer,
  connectTo,
  post,
  refused,
  startTestServer,
  unique,
} from './helpers.ts';

const SIGNATURE = { status: 401, code: 3, exception: 'SignatureException' };
const API_KEY = { status: 401, code: 2, exception: 'ApiKeyException' };

describe('Stream server: keys, tokens and scopes', () => {
  let test: TestServer;
  before(async () => {
    test = await startTestServer();
  });
  after(() => test.server.close());

  const call = (path: string, token: string, method = 'GET', body?: unknown): Promise<number> =>
    fetch(`${test.server.url}/api/v1.0/${path}?api_key=${KEY}`, {
      method,
      headers: { authorization: token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).then(({ status }) => status);

  it('knows its key, and looks at it before the signature', async () => {
    await refused(connectTo(test.server, 'wrong', 'other').feed('user', '1').get(), API_KEY);
  });

  it('refuses tokens of another secret, of another algorithm, expired ones and none', async () => {
    await refused(connectTo(test.server, 'wrong').feed('user', '1').get(), SIGNATURE);
    const unsigned = [{ alg: 'none' }, { user_id: '1' }].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    );
    assert.equal(await call('feed/user/1/', `${unsigned.join('.')}.`), 401);
    assert.equal(await call('feed/user/1/', ''), 401);
    const expired = test.client.createUserToken('1', { exp: 1 });
    await refused(connectTo(test.server, expired).feed('user', '1').get(), SIGNATURE);
  });

  it('explains every refusal in Stream’s body', async () => {
    const body = await refused(connectTo(test.server, 'wrong').feed('user', '1').get(), SIGNATURE);
    assert.deepEqual(Object.keys(body).toSorted(), [
      'code',
      'detail',
      'duration',
      'exception',
      'more_info',
      'status_code',
    ]);
    assert.equal(body.more_info, 'https://getstream.io/docs/api_error_responses');
  });

  it('holds scope tokens to their feed, their action and their resource', async () => {
    const [feed, path] = ['userann', 'feed/user/ann/'];
    const token = (resource: string, action: string, feedId: string): string =>
      JWTScopeToken(SECRET, resource, action, { feedId });
    assert.equal(await call(path, token('*', '*', feed)), 200);
    assert.equal(await call(path, token('feed', 'read', feed)), 200);
    assert.equal(await call(path, token('follower,feed', 'write,read', `userx,${feed}`)), 200);
    assert.equal(await call(path, token('feed', 'read', 'userbob')), 403);
    assert.equal(await call(path, token('follower', 'read', feed)), 403);
    assert.equal(await call(path, token('feed', 'read', feed), 'POST', post()), 403);
    assert.equal(await call(path, token('feed', 'write', feed), 'POST', post()), 201);
    assert.equal(await call('feed/user/ann/followers/', token('feed', '*', feed)), 403);
    assert.equal(await call('reaction/user_id/ann/', token('*', '*', feed)), 403);
    assert.equal(await call('reaction/user_id/ann/', token('reactions', '*', '*')), 200);
  });

  it('lets a read-only token read only', async () => {
    const feed = test.client.feed('user', 'ann', test.client.getReadOnlyToken('user', 'ann'));
    await feed.get();
    const body = await refused(feed.addActivity(post()), FORBIDDEN);
    assert.equal(body.detail, 'You do not have permission to perform this action.');
  });
});

describe('Stream server: what a user token may do', () => {
  let test: TestServer;
  let alice: StreamClient;
  let bob: string;
  before(async () => {
    test = await startTestServer();
    alice = test.user('alice');
    bob = unique('bob');
    await test.client.user(bob).create({});
    await test.client.user('alice').create({});
  });
  after(() => test.server.close());

  const own = () => ({ verb: 'post', object: 'x', actor: 'SU:alice' });

  const allowed: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['read anyone’s user feed', () => alice.feed('user', bob).get()],
    ['read the own timeline', () => alice.feed('timeline').get()],
    ['mark the own notifications', () => alice.feed('notification').get({ mark_seen: true })],
    [
      'add to the own user feed and notify anyone',
      () => alice.feed('user').addActivity({ ...own(), to: ['notification:b'] }),
    ],
    ['target the own user feed', () => alice.feed('user').addActivity({ ...own(), to: ['user:alice'] })],
    [
      'follow and unfollow',
      async () => {
        await alice.feed('timeline').follow('user', bob);
        await alice.feed('timeline').unfollow('user', bob);
      },
    ],
    [
      'list the own followers and followed',
      async () => {
        await alice.feed('user').followers();
        await alice.feed('timeline').following();
      },
    ],
    ['see the own follow stats', () => alice.feed('user').followStats()],
    ['remove what is not there from the own feed', () => alice.feed('user').removeActivity(unique('none'))],
    ['get any user and profile', () => alice.user(bob).profile()],
    ['update the own user', () => alice.user('alice').update({ name: 'Alice' })],
    [
      'read collection entries of others',
      async () => {
        const { id } = await test.user().collections.add('food', null, { name: 'x' });
        await alice.collections.get('food', id);
      },
    ],
    [
      'partially update the own activity',
      async () => {
        const { id } = await alice.feed('user').addActivity(own());
        await alice.activityPartialUpdate({ id, set: { n: 1 } });
      },
    ],
  ];
  for (const [what, request] of allowed) it(`allows to ${what}`, () => request().then(() => undefined));

  const forbidden: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['read another’s timeline', () => alice.feed('timeline', bob).get()],
    ['add to another’s timeline', () => alice.feed('timeline', bob).addActivity(own())],
    ['act as someone else', () => alice.feed('user').addActivity({ ...own(), actor: `SU:${bob}` })],
    ['target another’s user feed', () => alice.feed('user').addActivity({ ...own(), to: [`user:${bob}`] })],
    ['react into another’s timeline', () => alice.reactions.add('like', 'a', {}, { targetFeeds: [`timeline:${bob}`] })],
    ['react as someone else', () => alice.reactions.add('like', 'a', {}, { userId: bob })],
    ['follow from another’s feed', () => alice.feed('timeline', bob).follow('user', 'alice')],
    ['unfollow from another’s feed', () => alice.feed('timeline', bob).unfollow('user', 'alice')],
    ['list another’s followers', () => alice.feed('timeline', bob).followers()],
    ['list whom another follows', () => alice.feed('user', bob).following()],
    ['see another’s follow stats', () => alice.feed('user', bob).followStats()],
    ['remove from another’s feed', () => alice.feed('user', bob).removeActivity(unique('none'))],
    ['create another user', () => alice.user(unique('new')).create({})],
    ['update another user', () => alice.user(bob).update({ hacked: true })],
    ['delete another user', () => alice.user(bob).delete()],
    ['see through another’s eyes', () => alice.feed('user').get({ user_id: bob, withOwnReactions: true })],
    [
      'update another’s activity',
      async () => {
        const { id } = await test.client.feed('user', bob).addActivity(post());
        await alice.activityPartialUpdate({ id, set: { n: 1 } });
      },
    ],
    [
      'update another’s collection entry',
      async () => {
        const { id } = await test.user().collections.add('food', null, { name: 'x' });
        await alice.collections.update('food', id, { name: 'y' });
      },
    ],
    ['read the audit logs', () => alice.auditLogs.filter({})],
  ];
  for (const [what, request] of forbidden) {
    it(`forbids to ${what}`, async () => {
      const body = await refused(request(), FORBIDDEN);
      assert.match(
        String(body.detail),
        /^You do not have permission to do this, you got this error because there are no/,
      );
    });
  }

  it('tells another’s reaction (403) from one that is not there (404)', async () => {
    const { id } = await test.user().reactions.add('like', 'a');
    await refused(alice.reactions.update(id, {}), FORBIDDEN);
    await refused(alice.reactions.delete(id), FORBIDDEN);
    await refused(alice.reactions.delete(unique('none')), MISSING);
  });

  it('looks at permissions before input', async () => {
    await refused(alice.feed('timeline', bob).addActivity({ ...own(), verb: '' }), FORBIDDEN);
    await refused(alice.feed('user').addActivity({ ...own(), verb: '' }), INPUT);
  });
});
