import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { connect, StreamApiError, type StreamClient, type StreamFeed } from 'getstream';
import { type StreamServer, type StreamServerOptions, startStreamServer } from '../../local/stream/server.ts';

export const KEY = 'test-key';
export const SECRET = 'test-secret';

/** The calls that only a server may make are optional in the client's types. */
export type ServerClient = StreamClient & Required<Pick<StreamClient, (typeof SERVER_CALLS)[number]>>;
const SERVER_CALLS = [
  ...(['addToMany', 'followMany', 'unfollowMany', 'addUsers', 'getUsers', 'deleteUsers'] as const),
  ...(['deleteActivities', 'deleteReactions', 'exportUserActivitiesAndReactionIDs'] as const),
];

function isServerClient(client: StreamClient): client is ServerClient {
  return SERVER_CALLS.every((call) => client[call] !== undefined);
}

/** A server in memory on a free port, with official clients for a server and for users. */
export interface TestServer {
  readonly server: StreamServer;
  readonly client: ServerClient;
  /** A client with a user token; without a name, a user nobody else has. */
  user(id?: string): StreamClient;
  /** Calls a `/_control` route. */
  control(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
}

export async function startTestServer(options: Partial<StreamServerOptions> = {}): Promise<TestServer> {
  const server = await startStreamServer({ port: 0, apiKey: KEY, apiSecret: SECRET, rateLimits: false, ...options });
  const client = connectTo(server, SECRET);
  assert.ok(isServerClient(client));
  return {
    server,
    client,
    user: (id = unique('user')) => connectTo(server, client.createUserToken(id)),
    control: async (method, path, body) => {
      const request = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const response = await fetch(`${server.url}/_control/${path}`, request);
      return asRecord(await response.json());
    },
  };
}

export function connectTo(server: StreamServer, secretOrToken: string, key = KEY): StreamClient {
  return connect(key, secretOrToken, 'app', { urlOverride: { api: `${server.url}/api/` } });
}

/** An id nothing else in the run uses. */
export function unique(prefix: string): string {
  return `${prefix}-${randomUUID()}`;
}

export function uniqueFeed(client: StreamClient, slug: string): StreamFeed {
  return client.feed(slug, unique(slug));
}

/** The least an activity needs, and whatever else the test cares for. */
export function post(fields: Record<string, unknown> = {}): { actor: string; verb: string; object: string } {
  return { actor: 'alice', verb: 'post', object: 'photo:1', ...fields };
}

/** The error the client throws, checked for its status and code. */
export async function refused(
  request: Promise<unknown>,
  expected: { status: number; code: number; exception: string },
): Promise<Record<string, unknown>> {
  const error: unknown = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof StreamApiError, 'the request must be refused by the server');
  const body = asRecord(error.error);
  assert.deepEqual(
    { status: error.response.status, code: body.code, exception: body.exception },
    expected,
    String(body.detail),
  );
  assert.equal(body.status_code, expected.status);
  return body;
}

export const INPUT = { status: 400, code: 4, exception: 'InputException' };
export const FORBIDDEN = { status: 403, code: 17, exception: 'NotAllowedException' };
export const MISSING = { status: 404, code: 16, exception: 'DoesNotExistException' };
export const CONFLICT = { status: 409, code: 22, exception: 'ConflictException' };
export const LIMITED = { status: 429, code: 9, exception: 'RateLimitReached' };

export function asRecord(value: unknown): Record<string, unknown> {
  assert.ok(typeof value === 'object' && value !== null, 'expected an object');
  return { ...value };
}

/** The value found by going down these keys. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((inner, key) => asRecord(inner)[key], value);
}

/** `id` of each item of a list. */
export function ids(items: unknown): string[] {
  assert.ok(Array.isArray(items), 'expected a list');
  return items.map((item) => String(at(item, 'id')));
}

/** Activity ids of a page of a flat feed. */
export async function read(feed: StreamFeed, options: Parameters<StreamFeed['get']>[0] = {}): Promise<string[]> {
  return ids((await feed.get(options)).results);
}

export function sequence(count: number): number[] {
  return Array.from({ length: count }, (_, position) => position);
}

/** The value, assignable to whatever type the client asks for: to send what its types forbid, or what they get wrong. */
export function untyped(value: unknown): ReturnType<typeof JSON.parse> {
  return JSON.parse(JSON.stringify(value));
}
