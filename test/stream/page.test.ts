import assert from 'node:assert/strict';
import { request } from 'node:http';
import { type TestServer, post, startTestServer, unique, uniqueFeed } from './helpers.ts';

describe('Stream server: page', () => {
  let test: TestServer;
  before(async () => {
    test = await startTestServer({ appId: '<app>' });
  });
  after(() => test.server.close());

  it('shows feeds, followers and recent writes, and runs nothing', async () => {
    const user = uniqueFeed(test.client, 'user');
    const { id } = await user.addActivity(post({ text: '<script>alert(1)</script>' }));
    await test.client.feed('timeline', 'reader').follow('user', user.userId);
    const overview = await fetch(`${test.server.url}/`);
    assert.equal(overview.status, 200);
    const policy = overview.headers.get('content-security-policy') ?? '';
    assert.match(policy, /^default-src 'none'; style-src 'sha256-/);
    assert.doesNotMatch(policy, /unsafe/);
    const text = await overview.text();
    for (const expected of [user.id, id, 'app &lt;app&gt;']) assert.ok(text.includes(expected), expected);
    const feed = await (await fetch(`${test.server.url}/?feed=${user.id}`)).text();
    assert.ok(feed.includes('timeline:reader') && feed.includes('&lt;script&gt;') && !feed.includes('<script>'));
  });

  it('says so when there is no such feed or the name is none', async () => {
    const get = async (feed: string): Promise<string> =>
      (await fetch(`${test.server.url}/?feed=${encodeURIComponent(feed)}`)).text();
    assert.match(await get(`user:${unique('none')}`), /Nothing has been written/);
    assert.match(await get('"><img src=x>'), /invalid feed id/);
  });

  it('is closed to other hosts and to pages of other origins', async () => {
    const status = (headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        request(test.server.url, { headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on('error', reject)
          .end();
      });
    assert.equal(await status({}), 200);
    assert.equal(await status({ host: 'evil.example' }), 403);
    assert.equal(await status({ origin: 'http://evil.example' }), 403);
  });
});
