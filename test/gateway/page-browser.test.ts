import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launchChromium, whyNoChromium } from '../support/chromium.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import {
  startGateways,
  token,
  type GatewayFixture,
  type RunningGateway,
  type TokenOptions,
} from './support/gateways.ts';
import { Player } from './support/player.ts';

describe('the page of an account, in a browser', function () {
  this.timeout(60_000);
  let fixture: GatewayFixture;
  let gateway: RunningGateway;
  let browser: Browser | undefined;
  let page: Page;

  before(async function () {
    this.timeout(900_000);
    skipWhereMissing(this, await whyNoChromium());
    fixture = await startGateways({ version: 4, overLimit: 'evictNamed', handoffGraceMs: 45_000 });
    gateway = await fixture.startGateway();
    browser = await launchChromium();
  });
  beforeEach(async () => {
    page = (await browser?.newPage({ viewport: { width: 1_000, height: 760 } })) ?? page;
    page.setDefaultTimeout(10_000);
    page.on('pageerror', (error) => assert.fail(error));
    page.on('console', (message) => assert.notEqual(message.type(), 'error', message.text()));
  });
  afterEach(() => page.context().close());
  after(async () => {
    await browser?.close();
    await fixture?.stop();
  });

  async function signIn(who: TokenOptions, user = ''): Promise<void> {
    await page.goto(gateway.url);
    await page.getByLabel('Access token').fill(await token(who));
    await page.getByLabel('Account').fill(user);
    await page.getByRole('button', { name: 'Show streams' }).click();
  }

  it('shows what plays and ends one stream, whose player is told who did it and why', async () => {
    const ann = new Player(gateway.url, `ann-${randomUUID().slice(0, 8)}`);
    await ann.acquire({ streamId: 'evening-film', deviceId: 'tv-lounge', deviceType: 'tv', contentId: 'metropolis' });
    await ann.acquire({ streamId: 'news', deviceId: 'phone-7', deviceType: 'phone', contentId: 'news-at-nine' });
    await ann.acquire({ streamId: 'cartoon', deviceId: 'tablet-2', deviceType: 'tablet', contentId: 'felix' });
    await ann.release('news');
    await ann.acquire({ streamId: 'match', deviceId: 'laptop-1', deviceType: 'desktop', contentId: 'cup-final' });
    const wish = { streamId: 'match-tv', deviceId: 'tv-kitchen', deviceType: 'tv', contentId: 'cup-final' };
    assert.equal((await ann.acquire({ ...wish, evict: ['match'] })).status, 201);

    await signIn({ subject: ann.userId });
    await page.getByRole('heading', { name: `Streams of ${ann.userId}` }).waitFor();
    const live = page.getByRole('table', { name: 'Live streams' });
    await live.getByRole('columnheader', { name: 'Content' }).waitFor();
    const row = live.getByRole('row', { name: /evening-film/ });
    assert.match(await row.innerText(), /tv-lounge[^]*metropolis[^]*45 s from its last beat/);
    assert.match(await live.getByRole('row', { name: /laptop-1/ }).innerText(), /hands over/i);
    await page.getByText('3 of 3').waitFor();
    await page.getByText('version 4').waitFor();
    await picture('sessions-page');

    const reason = page.getByLabel('Reason');
    await reason.fill('the lounge is to be quiet');
    await reason.press('Enter');
    assert.equal((await ann.beat('evening-film')).status, 200, 'Enter in the reason ends nothing');
    await page.getByRole('button', { name: 'End evening-film on tv-lounge' }).click();
    await page.getByRole('status').getByText('Ended').waitFor();
    const beat = await ann.beat('evening-film');
    assert.equal(beat.status, 410);
    assert.partialDeepStrictEqual(beat.body, {
      reason: 'evicted',
      evictor: { kind: 'operator', by: ann.userId, reason: 'the lounge is to be quiet' },
    });
    const ended = page.getByRole('table', { name: 'Lately ended' });
    assert.match(await ended.getByRole('row', { name: /evening-film/ }).innerText(), /lounge is to be quiet/);

    await page.getByRole('button', { name: 'End all' }).click();
    await page.getByText('Nobody plays.').waitFor();
    assert.equal((await ann.beat('match-tv')).status, 410);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Access token').waitFor();
    assert.deepEqual(await page.context().cookies(), []);
  });

  it('lets the token of a service see any account, and that of a user only the own one', async () => {
    const ann = new Player(gateway.url, `ann-${randomUUID()}`);
    await ann.acquire({ streamId: 'a', deviceId: 'tv' });
    await signIn({ subject: 'support', scope: 'streams' }, ann.userId);
    await page.getByRole('button', { name: 'End a on tv' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    page.removeAllListeners('console');
    await signIn({ subject: 'bob' }, ann.userId);
    await page.getByRole('alert').getByText('The token acts for another user.').waitFor();
    assert.equal(await page.getByText('tv').count(), 0);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn({ subject: 'bob', expiresIn: '-1m' });
    await page.getByRole('alert').getByText('The token has expired.').waitFor();
  });

  it('fits a phone, in the dark as well, and shows hostile ids as text', async () => {
    const userId = `<img src=x onerror=alert(1)>"'${'long'.repeat(30)}`;
    const ann = new Player(gateway.url, userId);
    await ann.acquire({ streamId: `<b>${'s'.repeat(200)}`, deviceId: '"><script>alert(1)</script>' });
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await signIn({ subject: userId });
    await page.getByText('"><script>alert(1)</script>').first().waitFor();
    const width = await page.locator('html').evaluate((root) => root.scrollWidth);
    assert.ok(width <= 360, `the page is ${width} wide`);
    assert.equal(await page.locator('img, script, b').count(), 0);
    await picture('sessions-page-phone');
    await page.getByRole('button', { name: 'End all' }).click();
    await page.getByRole('status').getByText('Ended').waitFor();
  });

  async function picture(name: string): Promise<void> {
    const folder = process.env['WEB_UI_SCREENSHOTS'];
    if (folder !== undefined) await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
  }
});
