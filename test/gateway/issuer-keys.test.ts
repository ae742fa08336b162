import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { eventually } from '../support/eventually.ts';
import { startGateways, type GatewayFixture } from './support/gateways.ts';
import { claims, issuerKey, now, startKeyHost, type IssuerKey, type KeyHost } from './support/tokens.ts';

describe('a gateway whose issuer changes its keys', () => {
  let fixture: GatewayFixture;
  let host: KeyHost;
  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways();
  });
  afterEach(() => host?.stop());
  after(() => fixture?.stop());

  async function start(...keys: readonly IssuerKey[]) {
    host = await startKeyHost(...keys.map(({ jwk }) => jwk));
    const gateway = await fixture.startGateway({ JWT_JWKS_URL: host.url.href, ABUSE_STRIKES: '3' });
    const sub = randomUUID();
    return {
      gateway,
      list: async (key: IssuerKey, header: Readonly<Record<string, unknown>> = {}) => {
        const token = await key.sign(claims({ sub, iat: now() }), header);
        return await fetch(`${gateway.url}/v1/users/${sub}/streams`, { headers: { authorization: `Bearer ${token}` } });
      },
    };
  }

  it('asks callers with the new one to come again until it has that, and takes none of them for a forger', async () => {
    const [first, second] = await Promise.all([issuerKey('first'), issuerKey('second')]);
    const { list } = await start(first);
    assert.equal((await list(first)).status, 200);
    host.keys = [first.jwk, second.jwk];
    for (let index = 0; index < 10; index += 1) {
      const answer = await list(second);
      assert.equal(answer.status, 503);
      assert.match(answer.headers.get('retry-after') ?? '', /^[1-5]$/);
    }
    await eventually(async () => assert.equal((await list(second)).status, 200));
    assert.equal((await list(first)).status, 200);
  });

  it('blocks nobody for keys that are odd, and says when they cannot be had', async () => {
    const [good, leaked] = await Promise.all([issuerKey('good'), issuerKey('leaked')]);
    const { gateway, list } = await start();
    host.document = { keys: [{ ...leaked.jwk, d: 'AAAA' }, { kty: 'future', kid: 'x' }, good.jwk] };
    for (let index = 0; index < 10; index += 1) assert.match(String((await list(leaked)).status), /^(401|503)$/);
    assert.equal((await list(good)).status, 200);
    host.behaviour = 'fail';
    await eventually(async () => {
      assert.equal((await list(leaked)).status, 503);
      const readiness = await fetch(`${gateway.url}/readyz`);
      assert.equal(readiness.status, 200);
      assert.match(await readiness.text(), /"keys"/);
    });
    assert.equal((await list(good)).status, 200, 'what is known serves on');
  });
});
