import assert from 'node:assert/strict';
import { fastify } from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { pino } from 'pino';
import { SessionsUnavailableError } from '../../client/session-errors.ts';
import { DEFAULT_SESSION_POLICY } from '../../contracts/sessions/session-limits.ts';
import type { GatewayApp } from '../../gateway/app.ts';
import { createTokenVerifier } from '../../gateway/auth/token-verifier.ts';
import { createAbuseWatch } from '../../gateway/blacklist/abuse-watch.ts';
import { openMemoryBlacklist } from '../../gateway/blacklist/memory-blacklist.ts';
import { trustedProxies } from '../../gateway/client-address.ts';
import { Forwarders } from '../../gateway/forwarders.ts';
import { Guard } from '../../gateway/guard.ts';
import { createRateLimiter } from '../../gateway/limits/create-rate-limiter.ts';
import { registerPage } from '../../gateway/routes/page.ts';
import { token, JWT_SECRET } from './support/gateways.ts';

describe('the page of an account, when an account does not answer', () => {
  let app: GatewayApp;
  let failure: Error;
  before(async () => {
    app = fastify().withTypeProvider<ZodTypeProvider>();
    app.setValidatorCompiler(validatorCompiler);
    for (const name of ['caller', 'problem', 'streamId', 'deviceId']) app.decorateRequest(name, undefined);
    app.decorateRequest('clientAddress');
    app.addHook('onRequest', async (request) => {
      request.clientAddress = { address: '192.0.2.1', origin: 'client' };
    });
    const fails = async (): Promise<never> => {
      throw failure;
    };
    await registerPage(app, {
      watch: { list: fails, evict: fails },
      guard: await openGuard(),
      policy: () => DEFAULT_SESSION_POLICY,
    });
  });
  after(() => app.close());

  it('says that it is unavailable and when to come back', async () => {
    failure = new SessionsUnavailableError('list');
    for (const { statusCode, headers, body } of [await show(), await endAll()]) {
      assert.equal(statusCode, 503);
      assert.match(String(headers['content-type']), /^text\/html/);
      assert.match(body, /gave no answer in time\. Try again in 2 s\./);
      assert.match(body, /Signed in as ann/);
    }
  });

  it('tells nothing of a defect but the id of the request', async () => {
    failure = new TypeError('secret detail at /srv/app.ts:1');
    const { statusCode, body } = await show();
    assert.equal(statusCode, 500);
    assert.doesNotMatch(body, /secret|app\.ts/);
    assert.match(body, /Request req-\w+/);
  });

  async function show() {
    return await app.inject({ url: '/', headers: { cookie: await cookie() } });
  }

  async function endAll() {
    return await app.inject({
      method: 'POST',
      url: '/page/end',
      headers: {
        cookie: await cookie(),
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
      },
      payload: 'user=ann&all=yes&reason=',
    });
  }

  async function cookie(): Promise<string> {
    return `stream-sessions=${await token({ subject: 'ann' })}`;
  }
});

async function openGuard(): Promise<Guard> {
  const blacklist = await openMemoryBlacklist();
  const limiter = createRateLimiter({ name: 'test', limit: { limit: 100, burst: 100, windowMs: 1_000 } });
  return new Guard({
    tokens: createTokenVerifier({ secret: JWT_SECRET }),
    blacklist,
    abuse: createAbuseWatch({ blacklist, logger: pino({ level: 'fatal' }) }),
    addressLimiter: limiter,
    userLimiter: limiter,
    forwarderLimiter: limiter,
    serviceLimiter: limiter,
    trustedProxies: trustedProxies([]),
    forwarders: new Forwarders(pino({ level: 'silent' })),
  });
}
