import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FastifyInstance } from 'fastify';
import type { BlockKind } from '../../gateway/blacklist/block.ts';
import { startGateways, token, type GatewayFixture, type TokenOptions } from './support/gateways.ts';

/** What a request of the table is about: an account that plays stream `s` on a device, or has a registration. */
interface Subject {
  readonly userId: string;
  readonly deviceId: string;
  readonly tokenId: string;
  readonly address: string;
}

interface Case {
  readonly who: (subject: Subject) => TokenOptions | undefined;
  readonly blocked?: BlockKind;
}

const OTHER_DEVICE = { device: 'another device' };
const own = ({ userId, tokenId }: Subject) => ({ subject: userId, claims: { jti: tokenId } });
const bound = ({ userId, deviceId }: Subject) => ({ subject: userId, claims: { device: deviceId } });
const service = () => ({ scope: 'streams' });
const operator = () => ({ scope: 'blacklist' });

/** The columns: whose token comes, and what is blocked. */
const CASES = {
  own: { who: own },
  stranger: { who: () => ({ subject: 'mallory' }) },
  bound: { who: bound },
  boundElsewhere: { who: ({ userId }: Subject) => ({ subject: userId, claims: OTHER_DEVICE }) },
  service: { who: service },
  serviceElsewhere: { who: () => ({ scope: 'streams', claims: OTHER_DEVICE }) },
  operator: { who: operator },
  nobody: { who: () => undefined },
  userBlocked: { who: own, blocked: 'user' },
  userBlockedService: { who: service, blocked: 'user' },
  deviceBlocked: { who: own, blocked: 'device' },
  deviceBlockedBound: { who: bound, blocked: 'device' },
  tokenBlocked: { who: own, blocked: 'token' },
  addressBlocked: { who: own, blocked: 'address' },
  addressBlockedOperator: { who: operator, blocked: 'address' },
} as const satisfies Record<string, Case>;

interface Row {
  /** Statuses in the order of {@link CASES}. */
  readonly right: string;
  readonly path?: (subject: Subject) => string;
  readonly body?: (subject: Subject) => unknown;
  /** Sent as a form of the page, with the token in a cookie. */
  readonly form?: (subject: Subject, token: string | undefined) => Record<string, string>;
  readonly headers?: (subject: Subject) => Record<string, string>;
  /** Of a request that is answered in parts: in the body of a success. */
  readonly statusIn?: (text: string) => number;
}

const OF_STREAMS = /^GET \/$|\/page\/end$|\/v1\/users\/:userId|\/v1\/heartbeats/;
const OF_REGISTRATIONS = /^DELETE \/stream/;

const account = ({ userId }: Subject) => `/v1/users/${userId}`;
const registration = ({ userId, deviceId }: Subject) => `/stream/${userId}/${deviceId}`;
const blockOf = ({ userId }: Subject) => `/v1/blacklist/user/of-${userId}`;
const ADMISSION = 'GET /internal/admission';
const OPEN = { right: '200 200 200 200 200 200 200 200 200 200 200 200 200 403 403' };
const PROBE = { right: '200 200 200 200 200 200 200 200 200 200 200 200 200 200 200' };

/** The table. A service reads and ends what a blocked user has; a stream that may not play is refused, or ends as it beats. */
const TABLE: Readonly<Record<string, Row>> = {
  'POST /v1/users/:userId/streams': {
    right: '201 403 201 403 201 403 403 401 403 403 403 403 403 403 403',
    path: (subject) => `${account(subject)}/streams`,
    body: ({ deviceId }) => ({ streamId: 'new', deviceId }),
  },
  'POST /v1/users/:userId/streams/:streamId/heartbeat': {
    right: '200 403 200 403 200 403 403 401 410 410 410 410 403 403 403',
    path: (subject) => `${account(subject)}/streams/s/heartbeat`,
  },
  'POST /v1/heartbeats': {
    right: '200 403 200 403 200 403 403 401 410 410 410 410 403 403 403',
    body: ({ userId }) => [{ userId, streamId: 's' }],
    statusIn: (text) => Number(/"status":(\d+)/.exec(text)?.[1]),
  },
  'DELETE /v1/users/:userId/streams/:streamId': {
    right: '204 403 204 403 204 403 403 401 403 204 204 403 403 403 403',
    path: (subject) => `${account(subject)}/streams/s`,
  },
  'GET /v1/users/:userId/streams': {
    right: '200 403 200 200 200 200 403 401 403 200 200 403 403 403 403',
    path: (subject) => `${account(subject)}/streams`,
  },
  'POST /v1/users/:userId/evictions': {
    right: '200 403 200 403 200 403 403 401 403 200 200 403 403 403 403',
    path: (subject) => `${account(subject)}/evictions`,
    body: () => ({ streamIds: ['s'] }),
  },
  'PUT /stream/:userId/:streamId': {
    right: '200 403 200 403 200 403 403 401 403 403 403 403 403 403 403',
    path: registration,
  },
  'DELETE /stream/:userId/:streamId': {
    right: '200 403 200 403 200 403 403 401 403 200 200 403 403 403 403',
    path: registration,
  },
  'GET /v1/blacklist': { right: '403 403 403 403 403 403 200 401 403 403 403 403 403 403 200' },
  'PUT /v1/blacklist/:kind/:value': {
    right: '403 403 403 403 403 403 200 401 403 403 403 403 403 403 200',
    path: blockOf,
    body: () => ({ reason: 'a test', expiresInSeconds: 60 }),
  },
  'DELETE /v1/blacklist/:kind/:value': {
    right: '403 403 403 403 403 403 204 401 403 403 403 403 403 403 204',
    path: blockOf,
  },
  'GET /': {
    right: '200 403 200 200 200 200 403 200 403 200 200 403 403 403 403',
    path: ({ userId }) => `/?user=${userId}`,
    form: () => ({}),
  },
  'POST /page/sign-in': {
    right: '303 303 303 303 303 303 303 400 403 303 303 403 403 403 403',
    form: (_subject, text) => (text === undefined ? {} : { token: text }),
  },
  'POST /page/sign-out': {
    right: '303 303 303 303 303 303 303 303 303 303 303 303 303 403 403',
    form: () => ({}),
  },
  'POST /page/end': {
    right: '303 403 303 403 303 403 403 401 403 303 303 403 403 403 403',
    form: ({ userId }) => ({ user: userId, streamId: 's' }),
  },
  'GET /openapi.json': OPEN,
  'GET /.well-known/jwks.json': OPEN,
  'GET /docs': OPEN,
  'GET /healthz': PROBE,
  'GET /readyz': PROBE,
  // On the admin listener: what a proxy in front asks is about the request it names.
  [ADMISSION]: {
    right: '204 204 204 204 204 204 204 401 204 204 204 204 403 403 403',
    headers: (subject) => ({ 'x-original-uri': `${account(subject)}/streams/s/heartbeat` }),
  },
};

describe('who may use which route, whatever is blocked', () => {
  const registered = new Set<string>();
  let fixture: GatewayFixture;
  let url: string;
  let adminUrl: string;

  /** Each server of Fastify says when it begins, before it has a route. */
  const collect = (message: unknown): void => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as Fastify documents it
    const { fastify } = message as { readonly fastify: FastifyInstance };
    fastify.addHook('onRoute', ({ method, url: path }) => {
      for (const each of [method].flat()) registered.add(`${each} ${path}`);
    });
  };

  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways({ caps: { account: 5 } });
    subscribe('fastify.initialization', collect);
    ({ url, adminUrl } = await fixture.startGateway({ GATEWAY_TRUSTED_PROXIES: '127.0.0.1' }));
    unsubscribe('fastify.initialization', collect);
  });
  after(() => fixture?.stop());

  /** Those that answer requests of their own: HEAD goes as GET, OPTIONS tells of methods, `/docs` is one plugin's. */
  function routes(): readonly string[] {
    const all = [...registered].map((route) => route.replace(/^GET \/docs.*/, 'GET /docs'));
    return [...new Set(all), ADMISSION].filter((route) => !/^(HEAD|OPTIONS) /.test(route));
  }

  it('is said for every route there is', () => {
    assert.ok(routes().length > 15, String(routes().length));
    assert.deepEqual(
      routes().filter((route) => !(route in TABLE)),
      [],
      'routes without a row in the table',
    );
  });

  for (const [column, [name, { who, blocked }]] of Object.entries<Case>(CASES).entries()) {
    it(`is kept for ${name}`, async () => {
      const seen = await Promise.all(
        routes().map(async (route) => {
          const subject = await subjectOf(route);
          if (blocked) await block(blocked, subject);
          const options = who(subject);
          const text = options && (await token(options));
          const { status, text: answer } = await send(route, subject, text);
          const { statusIn } = TABLE[route] ?? {};
          return [route, statusIn && status === 200 ? statusIn(answer) : status] as const;
        }),
      );
      const right = routes().map((route) => [route, Number(TABLE[route]?.right.split(' ')[column])] as const);
      assert.deepEqual(Object.fromEntries(seen), Object.fromEntries(right));
    }).timeout(60_000);
  }

  it('shows a token that is bound to a device that device alone', async () => {
    const list = 'GET /v1/users/:userId/streams';
    const subject = await subjectOf(list);
    const shown = async (who: TokenOptions) => {
      const { text } = await send(list, subject, await token(who));
      return [text.includes('"s"'), text.includes(subject.deviceId)];
    };
    assert.deepEqual(await shown(own(subject)), [true, true]);
    assert.deepEqual(await shown(bound(subject)), [true, true]);
    assert.deepEqual(await shown(CASES.boundElsewhere.who(subject)), [false, false]);
    const page = await send('GET /', subject, await token(CASES.boundElsewhere.who(subject)));
    assert.ok(!page.text.includes(subject.deviceId));
  });

  /** An account that has what the route is about. */
  async function subjectOf(route: string): Promise<Subject> {
    const id = randomUUID();
    const address = `198.${18 + randomInt(2)}.${randomInt(256)}.${1 + randomInt(254)}`;
    const subject = { userId: `user-${id}`, deviceId: `device-${id}`, tokenId: `token-${id}`, address };
    const text = await token(own(subject));
    if (OF_STREAMS.test(route)) {
      const body = { streamId: 's', deviceId: subject.deviceId };
      assert.equal((await ask('POST', `${account(subject)}/streams`, { subject, text, body })).status, 201);
    }
    if (OF_REGISTRATIONS.test(route))
      assert.equal((await ask('PUT', registration(subject), { subject, text })).status, 200);
    return subject;
  }

  async function block(kind: BlockKind, subject: Subject): Promise<void> {
    const { userId: user, deviceId: device, tokenId, address } = subject;
    const value = { user, device, token: tokenId, address }[kind];
    const text = await token(operator());
    const path = `/v1/blacklist/${kind}/${value}`;
    const body = { reason: 'a test' };
    assert.equal((await ask('PUT', path, { subject: { ...subject, address: '203.0.113.1' }, text, body })).status, 200);
  }

  async function send(route: string, subject: Subject, text: string | undefined) {
    const [method = '', pattern = ''] = route.split(' ');
    const { path = () => pattern, body, form, headers } = TABLE[route] ?? assert.fail(route);
    if (!form) {
      const extra = headers?.(subject) ?? {};
      return await ask(method, path(subject), { subject, text, body: body?.(subject), headers: extra });
    }
    const cookie: Record<string, string> = text === undefined ? {} : { cookie: `stream-sessions=${text}` };
    return await ask(method, path(subject), {
      subject,
      ...(method === 'GET' ? {} : { body: new URLSearchParams(form(subject, text)) }),
      headers: { ...cookie, accept: 'text/html', 'sec-fetch-site': 'same-origin' },
    });
  }

  interface Ask {
    readonly subject: Subject;
    readonly text?: string | undefined;
    readonly body?: unknown;
    readonly headers?: Record<string, string>;
  }

  async function ask(method: string, path: string, { subject, text, body, headers = {} }: Ask) {
    const json = body !== undefined && !(body instanceof URLSearchParams);
    const response = await fetch((ADMISSION.endsWith(path) ? adminUrl : url) + path, {
      method,
      redirect: 'manual',
      headers: {
        'x-forwarded-for': subject.address,
        ...(text === undefined ? {} : { authorization: `Bearer ${text}` }),
        ...(json ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: body instanceof URLSearchParams ? body : JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }
});
