import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { startGateways, token, type GatewayFixture, type RunningGateway } from './support/gateways.ts';
import { Player } from './support/player.ts';

const HOSTILE = `"><script>alert('x')</script>&amp;/../%2e`;

describe('the page of an account, by the bare protocol', () => {
  let fixture: GatewayFixture;
  let gateway: RunningGateway;
  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways();
    gateway = await fixture.startGateway();
  });
  after(() => fixture.stop());

  it('asks for a token, with a policy that allows neither scripts nor strangers', async () => {
    const { status, headers, text } = await get('/');
    assert.equal(status, 200);
    assert.match(text, /<label for="token">/);
    const policy = headers.get('content-security-policy') ?? '';
    assert.match(
      policy,
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'self'; frame-/,
    );
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.doesNotMatch(text, /<script|style=|javascript:/);
    assert.match((await get('/?user=%22ann')).text, /name="user"\s+value="&quot;ann"/);
  });

  it('keeps the token where no script and no other site gets at it', async () => {
    const form = { token: await token({ subject: 'ann' }) };
    const plain = await post('/page/sign-in', form);
    assert.equal(plain.status, 303);
    assert.match(plain.cookie, /^stream-sessions=[\w.-]+; Path=\/; HttpOnly; SameSite=Strict$/);
    const secure = await post('/page/sign-in', form, { 'x-forwarded-proto': 'https' });
    assert.match(secure.cookie, /^__Host-stream-sessions=[\w.-]+; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    const out = await post('/page/sign-out', {}, { cookie: plain.cookie });
    assert.match(out.cookie, /^stream-sessions=; .*Expires=Thu, 01 Jan 1970/);
  });

  it('refuses tokens that are wrong or too long for a cookie, and says why', async () => {
    const wrong = await post('/page/sign-in', { token: `${await token({ subject: 'ann' })}x` });
    assert.equal(wrong.status, 401);
    assert.match(wrong.text, /The signature of the token is wrong\./);
    assert.match(wrong.text, /<label for="token">/);
    const long = await post('/page/sign-in', { token: await token({ claims: { more: 'x'.repeat(3_500) } }) });
    assert.equal(long.status, 400);
    assert.equal(long.cookie, '');
    const empty = await post('/page/sign-in', { token: ' ' });
    assert.equal(empty.status, 400);
    const expired = await get('/', await cookieOf({ subject: 'ann', expiresIn: '-1m' }));
    assert.equal(expired.status, 401);
    assert.match(expired.text, /The token has expired\./);
  });

  it('takes forms from itself only', async () => {
    const ann = player();
    await ann.acquire({ streamId: 'a' });
    const cookie = await cookieOf({ subject: ann.userId });
    const form = { user: ann.userId, streamId: 'a' };
    const origins: Record<string, string>[] = [
      { origin: 'https://elsewhere.example' },
      { origin: 'null' },
      { origin: gateway.url, 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site' },
      {},
    ];
    for (const headers of origins) {
      const { status, text } = await post('/page/end', form, { origin: '', cookie, ...headers });
      assert.equal(status, 403, JSON.stringify(headers));
      assert.match(text, /The form was not sent from this page/);
    }
    assert.equal((await ann.beat('a')).status, 200);
    assert.equal((await post('/page/end', form, { cookie })).status, 303);
    assert.equal((await ann.beat('a')).status, 410);
  });

  it('shows a user no account but the own one, nor ends streams there', async () => {
    const [ann, bob] = [player(), player()];
    await bob.acquire({ streamId: 'b' });
    const cookie = await cookieOf({ subject: ann.userId });
    const shown = await get(`/?user=${encodeURIComponent(bob.userId)}`, cookie);
    assert.equal(shown.status, 403);
    assert.doesNotMatch(shown.text, /tv/);
    const ended = await post('/page/end', { user: bob.userId, all: 'yes' }, { cookie });
    assert.equal(ended.status, 403);
    assert.equal((await bob.beat('b')).status, 200);
    const nobody = await post('/page/end', { user: bob.userId, all: 'yes' });
    assert.equal(nobody.status, 401);
  });

  it('escapes whatever ids hold', async () => {
    const userId = `${HOSTILE}${randomUUID()}`;
    const ann = new Player(gateway.url, userId);
    const wish = { streamId: `s${HOSTILE}`, deviceId: `d${HOSTILE}`, deviceType: `t${HOSTILE}`, contentId: HOSTILE };
    assert.equal((await ann.acquire(wish)).status, 201);
    const cookie = await cookieOf({ subject: userId });
    const reason = `because ${HOSTILE}`;
    const before = await get('/', cookie);
    assert.equal((await post('/page/end', { user: userId, streamId: wish.streamId, reason }, { cookie })).status, 303);
    const after = await get('/', cookie);
    for (const { status, text } of [before, after]) {
      assert.equal(status, 200);
      assert.doesNotMatch(text, /<script/);
      assert.match(text, /d&quot;&gt;&lt;script&gt;alert\(&#39;x&#39;\)&lt;\/script&gt;&amp;amp;/);
    }
    assert.match(after.text, /because &quot;&gt;&lt;script/);
  });

  it('shows hand-overs, registrations and what the token of a service may see', async () => {
    const ann = player();
    const put = `${gateway.url}/stream/${encodeURIComponent(ann.userId)}/film`;
    const authorization = `Bearer ${await token({ subject: ann.userId })}`;
    for (let time = 0; time < 2; time++)
      assert.equal((await fetch(put, { method: 'PUT', headers: { authorization } })).status, 200);
    const cookie = await cookieOf({ scope: 'streams' });
    const choice = await get('/', cookie);
    assert.match(choice.text, /Choose an account/);
    const { text } = await get(`/?user=${encodeURIComponent(ann.userId)}`, cookie);
    assert.match(text, /2 of 3/);
    assert.match(text, /registration/);
    assert.match(text, /, 2 slots/);
    assert.doesNotMatch((await get('/?user=nobody&done=ended', cookie)).text, /<table/);
  });

  it('tells of its own failures as text', async () => {
    const cookie = await cookieOf({ scope: 'streams' });
    const overlong = await get(`/?user=${'x'.repeat(256)}`, cookie);
    assert.equal(overlong.status, 400);
    assert.match(overlong.headers.get('content-type') ?? '', /^text\/html/);
    const none = await post('/page/end', { user: 'ann' }, { cookie });
    assert.equal(none.status, 400);
    assert.match(none.text, /No stream was named\./);
    assert.doesNotMatch(none.text, /at .*\.ts:/);
  });

  it('counts requests of an account as any other does', async () => {
    const limited = await fixture.startGateway({ LIMIT_USER_PER_MINUTE: '1', LIMIT_USER_BURST: '1' });
    const headers = { cookie: await cookieOf({ subject: 'ann' }) };
    assert.equal((await fetch(limited.url, { headers })).status, 200);
    const refused = await fetch(limited.url, { headers });
    assert.equal(refused.status, 429);
    assert.match(await refused.text(), /Too many requests of this user\. Try again in \d+ s\./);
    await limited.close();
  });

  function player(): Player {
    return new Player(gateway.url, `ann-${randomUUID()}`);
  }

  async function cookieOf(who: Parameters<typeof token>[0]): Promise<string> {
    return `stream-sessions=${await token(who)}`;
  }

  async function get(path: string, cookie = '') {
    return await read(await fetch(gateway.url + path, { headers: { cookie } }));
  }

  async function post(path: string, form: Record<string, string>, headers: Record<string, string> = {}) {
    const body = new URLSearchParams(form);
    const sent = { origin: gateway.url, ...headers };
    return await read(
      await fetch(gateway.url + path, { method: 'POST', body, headers: withoutEmpty(sent), redirect: 'manual' }),
    );
  }
});

async function read(response: Response) {
  const { status, headers } = response;
  return { status, headers, text: await response.text(), cookie: headers.getSetCookie().join() };
}

function withoutEmpty(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ''));
}
