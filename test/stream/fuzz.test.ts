import assert from 'node:assert/strict';
import { request } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { JWTScopeToken } from 'getstream';
import type { Endpoint } from '../../local/stream/endpoint.ts';
import { ENDPOINTS } from '../../local/stream/server.ts';
import { eventually } from '../support/eventually.ts';
import { body, hostileText, malformed, query } from './hostile.ts';
import { KEY, SECRET, type TestServer, post, read, sequence, startTestServer, uniqueFeed } from './helpers.ts';

/** Requests of each property. */
const RUNS = 400;

/** By number, because a counterexample should not print a route's code. */
const endpoint = fc.nat(ENDPOINTS.length - 1);

function routeAt(index: number): Endpoint {
  const route = ENDPOINTS[index];
  assert.ok(route);
  return route;
}

/** Bytes in use after a collection: garbage, of other files too, would count else. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  // Contexts that others make, such as those of workflows, shall not have it.
  setFlagsFromString('--no-expose-gc');
  assert.ok(typeof collect === 'function');
  collect();
  return process.memoryUsage().heapUsed;
}

describe('Stream server: hostile input', () => {
  let test: TestServer;
  const token = JWTScopeToken(SECRET, '*', '*', { feedId: '*' });
  before(async () => {
    test = await startTestServer();
  });
  after(() => test.server.close());

  /** Sends exactly this path: `fetch` would tidy it up. */
  function send(
    method: string,
    path: string,
    authorization: string,
    payload?: string,
  ): Promise<{ status: number; text: string }> {
    const { hostname, port } = new URL(test.server.url);
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          hostname,
          port,
          method,
          path,
          headers: { authorization, connection: 'close', 'content-length': Buffer.byteLength(payload ?? '') },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
          });
        },
      );
      sent.on('error', reject);
      sent.end(payload);
    });
  }

  const fill = (path: string, parts: readonly string[]): string => {
    let next = 0;
    return path.replace(/:\w+|\*/g, () => encodeURIComponent(wellFormed(parts[next++ % parts.length] ?? '')) || '_');
  };
  const wellFormed = (text: string): string => Buffer.from(text).toString();
  const queryOf = (parameters: Record<string, string>): string =>
    new URLSearchParams({ api_key: KEY, ...parameters }).toString();

  /** No 5xx, and every refusal in Stream's body. */
  function check({ status, text }: { status: number; text: string }): void {
    assert.ok(status >= 200 && status < 500, `${status} ${text}`);
    if (status < 400 || text === '') return;
    const answer: unknown = JSON.parse(text);
    assert.ok(typeof answer === 'object' && answer !== null && 'detail' in answer && 'code' in answer, text);
  }

  it('answers every route with at most 4xx, whatever ids, queries and bodies it gets', async () => {
    await fc.assert(
      fc.asyncProperty(
        endpoint,
        fc.array(hostileText, { minLength: 1, maxLength: 3 }),
        query,
        body,
        async (index, parts, q, payload) => {
          const route = routeAt(index);
          const path = `/api/v1.0${fill(route.path, parts)}?${queryOf(q)}`;
          check(await send(route.method, path, token, route.method === 'GET' ? undefined : payload));
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('answers plausible paths with hostile bodies and queries with at most 4xx', async () => {
    const part = fc.constantFrom('user', 'timeline', 'notification', 'aggregated', 'a', 'b', 'like', 'activity_id');
    await fc.assert(
      fc.asyncProperty(
        endpoint,
        fc.array(part, { minLength: 3, maxLength: 3 }),
        query,
        body,
        async (index, parts, q, payload) => {
          const route = routeAt(index);
          const path = `/api/v1.0${fill(route.path, parts)}?${queryOf(q)}`;
          check(await send(route.method, path, token, route.method === 'GET' ? undefined : payload));
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('answers malformed JSON with 4xx', async () => {
    await fc.assert(
      fc.asyncProperty(endpoint, malformed, async (index, payload) => {
        const route = routeAt(index);
        if (route.method === 'GET') return;
        check(await send(route.method, `/api/v1.0${fill(route.path, ['user', 'a'])}?api_key=${KEY}`, token, payload));
      }),
      { numRuns: RUNS / 2 },
    );
  });

  it('answers malformed tokens and keys with 401', async () => {
    const header = /[^\t\x20-\x7e]/g;
    const tokens = fc.oneof(
      hostileText.map((text) => text.replace(header, '')),
      fc.tuple(fc.base64String(), fc.base64String(), fc.base64String()).map((parts) => parts.join('.')),
      fc.nat(token.length - 1).map((place) => token.slice(0, place) + token.slice(place + 1)),
    );
    await fc.assert(
      fc.asyncProperty(endpoint, tokens, async (index, bad) => {
        const route = routeAt(index);
        const { status } = await send(route.method, `/api/v1.0${fill(route.path, ['user', 'a'])}?api_key=${KEY}`, bad);
        assert.equal(status, 401);
      }),
      { numRuns: RUNS / 2 },
    );
    assert.equal((await send('GET', '/api/v1.0/feed/user/a/?api_key=a&api_key=b', token)).status, 401);
  });

  it('answers malformed paths with 4xx', async () => {
    for (const path of [
      '/api/v1.0/feed/%/a/',
      '/api/v1.0/feed/user/%ff/',
      '/api/v1.0/feed/user/%00/',
      '/api/v1.0//',
      '/%',
    ]) {
      check(await send('GET', `${path}?api_key=${KEY}`, token));
    }
  });

  it('refuses bodies that are too large', async () => {
    const { status } = await send(
      'POST',
      `/api/v1.0/feed/user/a/?api_key=${KEY}`,
      token,
      `"${'x'.repeat(9_000_000)}"`,
    ).catch(() => ({ status: 413 }));
    assert.equal(status, 413);
  });

  it('still works after all that, and keeps no memory of it', async () => {
    const refuse = (): Promise<unknown> =>
      send('POST', `/api/v1.0/feed/user/a/?api_key=${KEY}`, token, `{"actor":"${'x'.repeat(20_000)}"}`);
    for (const _ of sequence(50)) await refuse();
    const before = heapInUse();
    for (const _ of sequence(300)) await refuse();
    // Sockets that are still closing are let go soon; what stays is a leak.
    await eventually(() => {
      const grown = heapInUse() - before;
      assert.ok(grown < 3_000_000, `${grown} bytes more for 300 refused requests of 20 KB`);
    });
    const feed = uniqueFeed(test.client, 'user');
    await feed.addActivity(post());
    assert.equal((await read(feed)).length, 1);
  });
});
