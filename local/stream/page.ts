import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { parseFeedName } from './feed-id.ts';
import { Html, html, join } from '../../gateway/page/html.ts';
import type { Query } from './input.ts';
import { localOnly } from './local-only.ts';
import type { AuditRecord } from './store/audit.ts';
import { COUNTED, type FeedSummary, newestFeeds } from './store/overview.ts';
import type { Store } from './store/store.ts';
import { formatTimestamp } from './time.ts';
import { activityView } from './views.ts';
import { StreamError } from './errors.ts';

const FEEDS_SHOWN = 50;
const WRITES_SHOWN = 50;
const ITEMS_SHOWN = 25;

const STYLE = `body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1d2433}
table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #dde2ea;vertical-align:top}
th{font-weight:600;color:#5a6478}code{font-size:12px;overflow-wrap:anywhere}a{color:#0b57d0}.none{color:#5a6478}`;

/** Whole, because the policy allows exactly this text by its hash. */
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** No script, no style but ours, nothing from elsewhere, nowhere to be framed. */
const POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;

/** A server-rendered page about what is stored: `/` for all, `/?feed=user:1` for one feed. */
export function registerPage(app: FastifyInstance, store: Store, appId: string | undefined): void {
  app.get<{ Querystring: Query }>('/', { onRequest: localOnly }, (request, reply) => {
    const name = request.query.feed;
    const body = typeof name === 'string' && name !== '' ? feedPage(store, name) : overviewPage(store);
    return reply
      .headers({ 'content-security-policy': POLICY, 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
      .type('text/html; charset=utf-8')
      .send(document(body, appId).text);
  });
}

function document(body: Html, appId: string | undefined): Html {
  const title = appId === undefined ? 'Stream-compatible server' : `Stream-compatible server · app ${appId}`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title}</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <h1><a href="/">${title}</a></h1>
        <form>
          <label>Feed <input name="feed" placeholder="user:1" /></label> <button>Show</button>
        </form>
        ${body}
      </body>
    </html>`;
}

function overviewPage(store: Store): Html {
  const feeds = newestFeeds(store.database, FEEDS_SHOWN);
  const writes = store.audit.filter({ limit: WRITES_SHOWN }).items;
  return html`<h2>Newest feeds</h2>
    ${table(['Feed', 'Kind', 'Activities', 'Followers', 'Following'], feeds.map(feedRow))}
    <h2>Recent writes</h2>
    ${table(['When', 'What', 'Who', 'Which'], writes.map(writeRow))}`;
}

function feedRow(feed: FeedSummary): Html[] {
  return [feedLink(feed.name), html`${feed.kind}`, ...[feed.activities, feed.followers, feed.following].map(count)];
}

function count(total: number): Html {
  return html`${total < COUNTED ? String(total) : `${COUNTED}+`}`;
}

function writeRow(write: AuditRecord): Html[] {
  return [
    html`${formatTimestamp(write.created)}`,
    html`${write.action} ${write.entityType}`,
    html`${write.userId}`,
    html`<code>${write.entityId}</code>`,
  ];
}

function feedPage(store: Store, name: string): Html {
  try {
    const id = parseFeedName(name, store.groups);
    const feed = store.feeds.find(id);
    if (!feed) return html`<p class="none">Nothing has been written to ${name} yet.</p>`;
    const { items } = store.pages.activities(feed, { limit: ITEMS_SHOWN, offset: 0, bounds: [] });
    const others = { limit: ITEMS_SHOWN, offset: 0 };
    const followers = store.follows.list('followers', id, others);
    const following = store.follows.list('following', id, others);
    const activities = items.map((item) => [html`<code>${JSON.stringify(activityView(item))}</code>`]);
    return html`<h2>${name}</h2>
      ${table([`Newest activities`], activities)}
      ${table(
        ['Newest followers', 'Since'],
        followers.map(({ source, created }) => [feedLink(source), since(created)]),
      )}
      ${table(
        ['Newest followed', 'Since'],
        following.map(({ target, created }) => [feedLink(target), since(created)]),
      )}`;
  } catch (error) {
    if (error instanceof StreamError) return html`<p>${error.message}</p>`;
    throw error;
  }
}

function since(created: number): Html {
  return html`${formatTimestamp(created)}`;
}

function feedLink(name: string): Html {
  return html`<a href="/?feed=${encodeURIComponent(name)}">${name}</a>`;
}

function table(heads: readonly string[], rows: readonly (readonly Html[])[]): Html {
  const head = join(heads.map((title) => html`<th>${title}</th>`));
  const body = join(
    rows.map(
      (cells) =>
        html`<tr>
          ${join(cells.map((cell) => html`<td>${cell}</td>`))}
        </tr>`,
    ),
  );
  return html`<table>
    <thead>
      <tr>
        ${head}
      </tr>
    </thead>
    <tbody>
      ${
        rows.length > 0
          ? body
          : html`<tr>
              <td class="none">none</td>
            </tr>`
      }
    </tbody>
  </table>`;
}
