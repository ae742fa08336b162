import { type JWTPayload, jwtVerify } from 'jose';
import { apiKeyError, scopeError, signatureError } from './errors.ts';

/** What a token may touch (stream-go2 `authenticator.go`). */
export type Resource =
  | 'feed'
  | 'follower'
  | 'feed_targets'
  | 'activities'
  | 'reactions'
  | 'users'
  | 'collections'
  | 'audit_logs'
  | 'moderation'
  | 'personalization';
type Action = 'read' | 'write' | 'delete';

/** Who asks: a server holding a token of some scope, or a user, for whom the default policies hold. */
export type Caller =
  { readonly kind: 'server'; readonly scope: TokenScope } | { readonly kind: 'user'; readonly userId: string };

/** Each claim is a comma list or `*`; feeds are named without the colon (stream-js `signing.ts`). */
interface TokenScope {
  readonly resources: readonly string[];
  readonly actions: readonly string[];
  readonly feeds: readonly string[];
}

/** What one request needs. `feed` is slug and user id joined; `*` where the request is not about one feed. */
interface RequiredScope {
  readonly resource: Resource;
  readonly action: Action;
  readonly feed: string;
}

const ACTIONS: Readonly<Record<string, Action>> = { GET: 'read', POST: 'write', PUT: 'write', DELETE: 'delete' };

export function actionOf(method: string): Action {
  return ACTIONS[method] ?? 'write';
}

/** Checks the key, then the token's signature and expiry: HS256 with the API secret and nothing else. */
export class Authenticator {
  readonly #apiKey: string;
  readonly #secret: Uint8Array;

  constructor(apiKey: string, apiSecret: string) {
    this.#apiKey = apiKey;
    this.#secret = new TextEncoder().encode(apiSecret);
  }

  async authenticate(apiKey: string | undefined, token: string | undefined): Promise<Caller> {
    if (apiKey !== this.#apiKey) throw apiKeyError();
    if (token === undefined || token === '') throw signatureError('authentication credentials are missing');
    let claims: JWTPayload;
    try {
      ({ payload: claims } = await jwtVerify(token, this.#secret, { algorithms: ['HS256'] }));
    } catch {
      throw signatureError('authentication failed: the token is malformed, expired or not signed with the API secret');
    }
    return callerOf(claims);
  }
}

/** A token with a `resource` is a scope token; one with only `user_id` speaks for that user. */
function callerOf(claims: JWTPayload): Caller {
  const { resource, action, feed_id: feedId, user_id: userId } = claims;
  if (resource === undefined && typeof userId === 'string' && userId !== '') return { kind: 'user', userId };
  return { kind: 'server', scope: { resources: list(resource), actions: list(action), feeds: list(feedId) } };
}

/** A scope token must cover the request; user tokens are left to the policies. */
export function requireScope(caller: Caller, required: RequiredScope): void {
  if (caller.kind === 'user') return;
  const { resources, actions, feeds } = caller.scope;
  const covered =
    covers(resources, required.resource) && covers(actions, required.action) && covers(feeds, required.feed);
  if (!covered) throw scopeError();
}

function covers(granted: readonly string[], needed: string): boolean {
  return granted.includes('*') || granted.includes(needed);
}

function list(claim: unknown): string[] {
  return typeof claim === 'string' ? claim.split(',').map((item) => item.trim()) : [];
}
