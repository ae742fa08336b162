import { SignJWT } from 'jose';
import { connect, type StreamClient } from 'getstream';

export interface GetStreamOptions {
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly appId?: string | undefined;
  /** Such as `https://api.stream-io-api.com`. */
  readonly url: string;
  /** A call without an answer for this long has failed, milliseconds. */
  readonly timeoutMs: number;
  /** Clock of this process; default `Date.now`. */
  readonly nowMs?: () => number;
}

/** What a token of GetStream allows. */
interface TokenScope {
  readonly resource: string;
  readonly action: string;
  /** Slug and user id without the colon; `*` for calls that are not about one feed. */
  readonly feed_id: string;
}

type AnswerError = Error & { config?: RequestConfig; response?: { status: number; headers: object } };
type RequestConfig = Parameters<StreamClient['request']['request']>[0] & { readonly serverAheadMs?: number };

/** Time for a request to arrive, beyond that of the call, milliseconds. */
const TOKEN_MARGIN_MS = 60_000;
/** Clocks that stand closer than this are not why a token was refused, milliseconds. */
const CLOCK_TOLERANCE_MS = 30_000;

/** Actions by method, as GetStream's own SDKs sign them [stream-go2 `authenticator.go`]. */
const ACTIONS: Readonly<Record<string, string>> = { GET: 'read', POST: 'write', PUT: 'write', DELETE: 'delete' };

/** Resources by path, the first that fits [stream-go2 `client.go`, `reactions.go`; stream-python `client/client.py`]. */
const RESOURCES: readonly (readonly [path: RegExp, resource: string])[] = [
  [/^feed\/add_to_many\//, 'feed'],
  [/^(?:enrich\/)?feed\/(?<slug>[^/]+)\/(?<user>[^/]+)\/(?:follows|following|followers)\//, 'follower'],
  [/^(?:enrich\/)?feed\/(?<slug>[^/]+)\/(?<user>[^/]+)\//, 'feed'],
  [/^(?:un)?follow_many\//, 'follower'],
  [/^(?:enrich\/)?activit(?:ies|y)\//, 'activities'],
  [/^reaction\//, 'reactions'],
];

/**
 * A `getstream` client each of whose requests bears a token of its own: for the resource, action and feed of that request
 * alone, and valid for a minute longer than the call may take. The client's own tokens allow everything for ever.
 *
 * GetStream goes by its clock. Where that refuses a token because the one here stands wrong, the call is sent once more with a
 * token by the server's clock, which is kept when it was taken.
 */
export function connectToGetStream({
  apiKey,
  apiSecret,
  appId,
  url,
  timeoutMs,
  nowMs = Date.now,
}: GetStreamOptions): StreamClient {
  const client = connect(apiKey, apiSecret, appId, {
    timeout: timeoutMs,
    // Always given: the client would otherwise take another host from variables of its own.
    urlOverride: { api: `${url.replace(/\/+$/, '')}/api/` },
  });
  const base = client.enrichUrl('');
  const key = new TextEncoder().encode(apiSecret);
  let serverAheadMs = 0;
  const sign = async (scope: TokenScope, aheadMs: number): Promise<string> =>
    await new SignJWT({ ...scope })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setExpirationTime(Math.ceil((nowMs() + aheadMs + timeoutMs + TOKEN_MARGIN_MS) / 1_000))
      .sign(key);

  client.request.interceptors.request.use(async (config) => {
    const { method = 'GET', url: target = '', serverAheadMs: aheadMs = serverAheadMs }: RequestConfig = config;
    config.headers.set('Authorization', await sign(scopeOf(method, target.slice(base.length)), aheadMs));
    return config;
  });
  client.request.interceptors.response.use(undefined, async (error: AnswerError) => {
    const { config, response } = error;
    if (response?.status !== 401 || !config || config.serverAheadMs !== undefined) throw error;
    const aheadMs = Date.parse(String(Reflect.get(response.headers, 'date'))) - nowMs();
    if (!(Math.abs(aheadMs - serverAheadMs) > CLOCK_TOLERANCE_MS)) throw error;
    const again: RequestConfig = { ...config, serverAheadMs: aheadMs };
    const answer = await client.request(again);
    serverAheadMs = aheadMs;
    return answer;
  });
  return client;
}

function scopeOf(method: string, path: string): TokenScope {
  const action = ACTIONS[method.toUpperCase()];
  for (const [pattern, resource] of RESOURCES) {
    const found = pattern.exec(path);
    if (!found || action === undefined) continue;
    const { slug, user } = found.groups ?? {};
    const feed = slug === undefined || user === undefined ? '*' : decodeURIComponent(slug + user);
    return { resource, action, feed_id: feed };
  }
  throw new TypeError(`no token is known for ${method} ${path}: add its resource`);
}
